"""What comes back from a work's own caption: seeds × works in batches, resumable.

Same noise, texts and sampler as `StableDiffusionPipeline` gives for one seed (a CPU
generator an image), only batched over works. Once a work has come back as a near copy
its remaining seeds are skipped: the share "within N seeds" does not depend on them.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import StableDiffusionPipeline
from torch import Tensor

from explorer.closeness.tiled import distances
from explorer.diffusion.families.family import guide, network_of
from explorer.errors import ExplorerError
from explorer.world.files import World, require, write_json
from explorer.world.near_copy import NearCopyRule, to_own_and_other
from explorer.world_build.text_tower import encode
from explorer.world_build.training import autocast

ROUND = 4  # seeds of a work that are made before the rule is asked again


@dataclass(frozen=True)
class DoseEffort:
    """How hard the check tries for each work."""

    seeds: int = 16
    steps: int = 12
    guidance: float = 2.0
    batch: int = 64


@dataclass
class Attempt:
    """The best of the seeds tried for one work; `to_work` on [0, 1], lower is closer."""

    seeds: int = 0
    near_copy_seed: int | None = None
    best_seed: int = -1
    to_work: float = 1.0
    to_nearest_other: float = 1.0
    nearest_is_own: bool = False


class WorldSampler:
    """The world's diffusion model with every text encoded once."""

    def __init__(self, world: World, device: torch.device):
        folder = require(world.diffusion / "model_index.json", "unet").parent
        pipe = StableDiffusionPipeline.from_pretrained(folder, safety_checker=None)
        self.unet = network_of(pipe).to(device, memory_format=torch.channels_last).eval()
        self.vae, self.scheduler, self.device = pipe.vae.to(device).eval(), pipe.scheduler, device
        self.tokenizer, self.tower = pipe.tokenizer, pipe.text_encoder.to(device).eval()
        self.empty = self.texts([""])

    def texts(self, captions: list[str]) -> Tensor:
        """(n, 77, 128) float32."""
        return encode(self.tokenizer, self.tower, captions).to(self.device).float()

    @torch.no_grad()
    def images(self, texts: Tensor, seeds: list[int], effort: DoseEffort) -> np.ndarray:
        """(n, 64, 64, 3) float32 on [0, 1], one for each (77, 128) text and its seed."""
        x = torch.cat([noise(seed) for seed in seeds]).to(self.device)
        self.scheduler.set_timesteps(effort.steps)
        guided = effort.guidance > 1
        context = torch.cat([self.empty.expand_as(texts), texts]) if guided else texts
        for t in self.scheduler.timesteps:
            both = torch.cat([x, x]) if guided else x
            with autocast(self.device):
                out = self.unet(both.contiguous(memory_format=torch.channels_last), t, context).sample
            out = out.float()
            if guided:
                free, told = out.chunk(2)
                out = guide(told, free, effort.guidance)
            x = self.scheduler.step(out, t, x).prev_sample
        y = self.vae.decode(x / self.vae.config.scaling_factor).sample
        return y.float().clamp(-1, 1).add(1).div(2).permute(0, 2, 3, 1).cpu().numpy()


def noise(seed: int) -> Tensor:
    """(1, 32, 8, 8) starting noise of a seed, as the pipeline draws it."""
    return torch.randn((1, 32, 8, 8), generator=torch.Generator("cpu").manual_seed(seed))


def attempts(
    world: World, rows: list[dict], works: np.ndarray, chosen: list[int], *,
    sampler: WorldSampler, rule: NearCopyRule, effort: DoseEffort, fingerprint: str,
    report: Callable[[float, str], None],
) -> dict[int, Attempt]:  # fmt: skip
    """Try each chosen work with its own caption; goes on where a stopped check ended.

    `works` (n, 64, 64, 3) float32 on [0, 1] are all works: each one's rivals.
    """
    ledger = Ledger(world.cache / "attempts.json", fingerprint, effort)
    texts = sampler.texts([rows[i]["caption"] for i in chosen])
    where = {work: n for n, work in enumerate(chosen)}
    for start in range(0, effort.seeds, ROUND):
        seeds = range(start, min(start + ROUND, effort.seeds))
        open_ = [i for i in chosen if not ledger.settled(rows[i]["id"], seeds.stop)]
        for n, part in enumerate(_parts([(i, s) for i in open_ for s in seeds], effort.batch)):
            made = sampler.images(texts[[where[i] for i, _ in part]], [s for _, s in part], effort)
            own = np.array([i for i, _ in part])
            judge(ledger, rows, part, *_judged(works, made, own), rule)
            share = min(1.0, n * effort.batch / max(1, len(open_) * ROUND))
            report((start + ROUND * share) / effort.seeds, f"seeds {start}-{seeds.stop - 1}, {len(open_)} works")
        for i in open_:
            ledger.of(rows[i]["id"]).seeds = seeds.stop
        ledger.save()
    return {i: ledger.of(rows[i]["id"]) for i in chosen}


def _judged(works: np.ndarray, made: np.ndarray, own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return to_own_and_other(distances(works, made), own)


def judge(ledger, rows, part, to_work, to_other, rule: NearCopyRule) -> None:
    """Keep each work's nearest image and the first seed that the rule accepts."""
    holds = rule.holds(to_work, to_other)
    for n, (i, seed) in enumerate(part):
        attempt = ledger.of(rows[i]["id"])
        if holds[n] and attempt.near_copy_seed is None:
            attempt.near_copy_seed = seed
        if to_work[n] < attempt.to_work:
            attempt.to_work, attempt.to_nearest_other = float(to_work[n]), float(to_other[n])
            attempt.best_seed, attempt.nearest_is_own = seed, bool(to_work[n] < to_other[n])


def _parts(items: list, size: int) -> Iterator[list]:
    return (items[k : k + size] for k in range(0, len(items), size))


class Ledger:
    """Attempts so far, on disk; another model or another effort begins anew."""

    def __init__(self, path: Path, fingerprint: str, effort: DoseEffort):
        self.path = path
        self.key = {"fingerprint": fingerprint, "effort": dataclasses.asdict(effort)}
        self.key["effort"].pop("batch")
        self.found: dict[str, Attempt] = {}
        if path.exists():
            try:
                value = json.loads(path.read_text("utf-8"))
            except ValueError as error:
                raise ExplorerError("world.dose_replays_damaged_delete_check", path=path, error=error) from error
            if value["key"] == self.key:
                self.found = {k: Attempt(**v) for k, v in value["attempts"].items()}

    def of(self, work: str) -> Attempt:
        """The attempt at a work, begun if there is none."""
        return self.found.setdefault(work, Attempt())

    def settled(self, work: str, seeds: int) -> bool:
        """Whether a work needs no seeds up to `seeds` any more."""
        attempt = self.of(work)
        return attempt.near_copy_seed is not None or attempt.seeds >= seeds

    def save(self) -> None:
        """Write to the cache."""
        found = {k: dataclasses.asdict(v) for k, v in self.found.items()}
        write_json(self.path, {"key": self.key, "attempts": found})
