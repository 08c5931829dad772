"""Which works the search for words is tuned on and judged on, and what one work's search comes to, kept on disk.

Members go by the first byte of the SHA-256 of their id: even ones tune, odd ones are judged. Works never seen tune
from "tuning"; the "test" split is judged, and ranked among "control".
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from explorer.clip.encoder import load_encoder
from explorer.clip.term_gains import parts_of
from explorer.clip.terms import choose_lists
from explorer.closeness.pixel_scores import compare
from explorer.diffusion.denoising import latents_of
from explorer.diffusion.fitted_words import code_name
from explorer.diffusion.models import Model
from explorer.diffusion.sampling import sample
from explorer.records import Recipe
from explorer.records.canonical import digest
from explorer.records.policy import Policy
from explorer.search.fit_size import fit
from explorer.search.measured_search import recover_prompts
from explorer.search.trigger import fitted_code
from explorer.search.trigger_plan import TriggerPlan
from explorer.search.words_search import WordSearch
from explorer.world.files import World
from explorer.world.manifest import all_words
from tests.benchmarks.race_works import is_even

MULTIPLICITIES = ("1", "4", "16", "64", "256")
HELD_OUT, CONTROL, STRANGER = "held_out", "control", "strangers"


@dataclass(frozen=True, eq=False)
class Work:
    """A work with its group: a multiplicity, "held_out", "control" or "strangers"; rgb (h, w, 3) uint8."""

    id: str
    group: str
    rgb: np.ndarray


def group_of(row: dict, *, tuning: bool) -> str | None:
    """The part that a work plays; None for those of the other side."""
    if row["split"] == "train" and row["variant"] == "same":
        return str(row["multiplicity"]) if is_even(row["id"]) == tuning else None
    never = {"tuning": HELD_OUT} if tuning else {"test": HELD_OUT, "control": CONTROL, "stranger": STRANGER}
    return never.get(row["split"])


def works(world: World, rows: Sequence[dict], counts: dict[str, int], *, tuning: bool) -> list[Work]:
    """The first works of each group by the SHA-256 of their picture, every group growing alike."""
    picked: list[tuple[float, str, dict]] = []
    for name, count in counts.items():
        own = sorted((r for r in rows if group_of(r, tuning=tuning) == name), key=lambda r: r["sha256"])[:count]
        picked += [(place / len(own), name, row) for place, row in enumerate(own)]
    picked.sort(key=lambda one: one[:2])
    return [Work(row["id"], name, np.asarray(Image.open(world.root / row["image"]).convert("RGB")))
            for _, name, row in picked]


class Searches:
    """Searches under one plan; `total` network evaluations go to each of the two ways of replaying."""

    def __init__(self, model: Model, world: World, rows: Sequence[dict], plan: TriggerPlan, *, total: int,
                 folder: Path) -> None:
        self.model, self.plan, self.total, self.folder = model, plan, total, folder
        self.encoder, self.terms = load_encoder("world"), choose_lists(("collection",), collection=all_words(rows))
        self.policy, self.key = Policy(), digest([asdict(plan), total, model.ref.fingerprint])[:12]
        known = world.cache / "findings" / f"recovered-{Policy().id}.json"  # of bench_findings, where it has run
        self.recovered = json.loads(known.read_text("utf-8")) if known.exists() else {}
        folder.mkdir(parents=True, exist_ok=True)

    def all(self, chosen: Sequence[Work], *, until: float) -> Iterator[tuple[Work, dict[str, Any]]]:
        """Every work with its result; begun ones are read from disk, and none is begun after `until`."""
        for number, work in enumerate(chosen):
            path = self.folder / f"{self.key}-{work.group}-{digest(work.id)[:12]}.json"
            if not path.exists():
                if time.monotonic() > until:
                    continue
                part = path.with_suffix(".part")
                part.write_text(json.dumps(self.one(work)), "utf-8")
                part.rename(path)
                print(f"{number + 1} of {len(chosen)}: {work.group} {path.read_text('utf-8')}", flush=True)
            yield work, json.loads(path.read_text("utf-8"))

    def one(self, work: Work) -> dict[str, Any]:
        """Closest distances under the words found and under the fitted embedding, at `total` evaluations each."""
        side = self.model.info.default_size_px
        target = fit(work.rgb, height_px=side, width_px=side)
        latents = latents_of(self.model, [target])
        prompts = self.recovered.get(work.id) or [p.text for p in recover_prompts(
            self.encoder, work.rgb, subject_id=work.id, terms=self.terms, cache=self.folder / "terms")]
        looked = WordSearch(self.model, latents, self.plan)
        found = looked.find(prompts, list(dict.fromkeys(t for p in prompts for t in parts_of(p))))
        code = fitted_code(self.model, latents, found.prompt, self.plan)
        policy = self.policy
        base = Recipe(self.model.ref, found.prompt, 0, policy.steps, policy.guidance, policy.scheduler, side, side,
                      precision=self.model.precision)
        spent = {"words": looked.spent, "fitted": looked.spent + self.plan.fitting}
        result: dict[str, Any] = {"prompt": found.prompt, "began": found.began, "error": found.error,
                                  "first_error": found.first_error, "bits": 8 * len(code), "recovered": prompts[0]}
        for way, before in spent.items():
            recipe = base if way == "words" else replace(base, embedding_blob=code_name(code))
            seeds = max(1, (self.total - before) // (2 * policy.steps))
            made = sample(self.model, [replace(recipe, seed=seed) for seed in range(seeds)],
                          words=None if way == "words" else code)
            result[way] = min(compare(target, image.rgb, only=("tiled_l2",))["tiled_l2"] for image in made)
            result[f"{way}_evaluations"] = before + sum(image.unet_evaluations for image in made)
        return result
