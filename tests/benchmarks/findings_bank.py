"""One bank of replays that every method of bench_findings is computed from; resumable, a file a work.

For each work and prompt the same seeds, steps and guidance: the images, the squared differences between
conditional and unconditional noise prediction at every step (Wen et al. 2024), the end token's
cross-attention at the last step (Bright Ending, 2025) and the first step's predicted x0 (Webster 2023).
Everything runs in float32, as a person's own search on a processor does.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from explorer.world.files import World
from explorer.world_build.dose_replays import DoseEffort, WorldSampler, noise

BATCH = 128  # images at once
SIDE = 8  # of the latents


@dataclass(frozen=True)
class Bank:
    """Arrays over (works, seeds): images uint8, noise differences, end-token attention, one-step x0."""

    images: np.ndarray  # (n, s, 64, 64, 3) uint8
    difference: np.ndarray  # (n, s, steps, 8, 8) float32, summed over channels, squared
    ending: np.ndarray  # (n, s, 8, 8) float32, mean over heads and layers
    one_step: np.ndarray  # (n, s, 32, 8, 8) float16
    effort: DoseEffort  # of one prompt

    @property
    def unet_evaluations(self) -> int:
        """Of one work: a guided step counts as two."""
        return self.images.shape[1] * self.effort.steps * 2

    def of(self, rows: np.ndarray) -> Bank:
        """The bank of the works at these positions."""
        return Bank(self.images[rows], self.difference[rows], self.ending[rows], self.one_step[rows], self.effort)


class EndToken:
    """Attention processor: plain attention, and keeps the end token's column of every cross-attention."""

    def __init__(self) -> None:
        self.position: Tensor | None = None  # (n,) of the conditional half; None: off
        self.maps: list[Tensor] = []

    def __call__(self, attn, hidden_states, encoder_hidden_states=None, attention_mask=None, temb=None):
        context = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        query, key, value = attn.to_q(hidden_states), attn.to_k(context), attn.to_v(context)
        n, length, width = query.shape
        heads = attn.heads
        query, key, value = (x.view(n, -1, heads, width // heads).transpose(1, 2) for x in (query, key, value))
        if encoder_hidden_states is not None and self.position is not None:
            rows = slice(n - len(self.position), n)  # the conditional half
            weight = (query[rows].float() @ key[rows].float().transpose(-1, -2)) * attn.scale
            weight = weight.softmax(-1).mean(1)  # (m, length, 77)
            column = self.position[:, None, None].expand(-1, length, 1)
            side = int(length ** 0.5)
            found = weight.gather(2, column)[..., 0].reshape(-1, 1, side, side)
            self.maps.append(torch.nn.functional.interpolate(found, (SIDE, SIDE), mode="nearest")[:, 0])
        out = torch.nn.functional.scaled_dot_product_attention(query, key, value, scale=attn.scale)
        out = out.transpose(1, 2).reshape(n, length, width)
        return attn.to_out[1](attn.to_out[0](out))


def fill(world: World, works: Sequence[tuple[str, Sequence[str]]], *, effort: DoseEffort, folder: Path, model: str,
         device: torch.device, report: Callable[[str], None] = print) -> Bank:
    """The bank of works (id, as many prompts each); works on disk are kept and reused. Writes to `folder`.

    `effort.seeds` are of one prompt: a work's replays follow one another prompt by prompt.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = [path_of(folder, name, texts, effort=effort, model=model) for name, texts in works]
    waiting = [n for n, path in enumerate(paths) if not path.exists()]
    sampler = WorldSampler(world, device) if waiting else None
    each = max(1, BATCH // (effort.seeds * len(works[0][1])))
    for start in range(0, len(waiting), each):
        part = waiting[start:start + each]
        made = _part(sampler, [text for n in part for text in works[n][1]], effort, works=len(part))
        for row, n in enumerate(part):
            _keep(paths[n], {name: a[row] for name, a in made.items()})
        report(f"bank: {len(works) - len(waiting) + start + len(part)} of {len(works)} works")
    return load(paths, effort)


def load(paths: Sequence[Path], effort: DoseEffort) -> Bank:
    """The works at `paths` as one bank."""
    works = []
    for path in paths:
        with np.load(path) as work:
            works.append({name: work[name] for name in work.files})
    joined = {name: np.stack([w[name] for w in works]) for name in works[0]}
    joined["difference"] = joined["difference"].astype(np.float32)
    joined["ending"] = joined["ending"].astype(np.float32)
    return Bank(**joined, effort=effort)


def _keep(path: Path, arrays: dict[str, np.ndarray]) -> None:
    temporary = path.with_suffix(".part")
    with temporary.open("wb") as file:
        np.savez(file, **arrays)
    os.replace(temporary, path)


def path_of(folder: Path, name: str, texts: Sequence[str], *, effort: DoseEffort, model: str) -> Path:
    """Where a work's replays from these prompts are kept."""
    return folder / f"{_key(name, texts, effort, model)}.npz"


def _key(name: str, texts: Sequence[str], effort: DoseEffort, model: str) -> str:
    told = {k: v for k, v in asdict(effort).items() if k != "batch"}
    return hashlib.sha256(json.dumps([name, list(texts), told, model], sort_keys=True).encode()).hexdigest()[:24]


@torch.no_grad()
def _part(sampler: WorldSampler, prompts: list[str], effort: DoseEffort, *, works: int) -> dict[str, np.ndarray]:
    """All seeds of a few works' prompts as one batch, (w, s, ...)."""
    seeds = effort.seeds
    texts = sampler.texts(prompts).repeat_interleave(seeds, 0)  # (w·s, 77, 128)
    x = torch.cat([noise(seed) for seed in range(seeds)]).repeat(len(prompts), 1, 1, 1).to(sampler.device)
    ends = _end_positions(sampler, prompts).repeat_interleave(seeds).to(sampler.device)
    watch, before = EndToken(), sampler.unet.attn_processors
    sampler.scheduler.set_timesteps(effort.steps)
    context = torch.cat([sampler.empty.expand_as(texts), texts])
    gaps, first = [], None
    for index, t in enumerate(sampler.scheduler.timesteps):
        if index == effort.steps - 1:
            watch.position = ends
            sampler.unet.set_attn_processor(watch)
        both = torch.cat([x, x]).contiguous(memory_format=torch.channels_last)
        out = sampler.unet(both, t, context).sample
        free, told = out.chunk(2)
        signal = sampler.scheduler.alphas_cumprod[int(t)]
        gaps.append(signal * (told - free).square().sum(1))  # noise = √ᾱ·v + √(1-ᾱ)·x: the x part cancels
        guided = free + effort.guidance * (told - free)
        if first is None:
            first = signal.sqrt() * x - (1 - signal).sqrt() * guided
        x = sampler.scheduler.step(guided, t, x).prev_sample
    sampler.unet.set_attn_processor(before)
    pixels = torch.cat([sampler.vae.decode(p / sampler.vae.config.scaling_factor).sample for p in x.split(64)])
    images = pixels.float().clamp(-1, 1).add(1).mul(127.5).round().byte().permute(0, 2, 3, 1)
    arrays = {"images": images, "difference": torch.stack(gaps, 1).half(),
              "ending": torch.stack(watch.maps).mean(0).half(), "one_step": first.half()}
    return {name: a.cpu().numpy().reshape(works, -1, *a.shape[1:]) for name, a in arrays.items()}


def _end_positions(sampler: WorldSampler, prompts: list[str]) -> Tensor:
    """(w,) index of each prompt's end token."""
    ids = sampler.tokenizer(prompts, padding="max_length", truncation=True, max_length=77).input_ids
    return torch.tensor([row.index(sampler.tokenizer.eos_token_id) for row in ids])
