"""Which pictures the familiarity benchmark uses: works by their part, pictures made after works, pictures that the
model made."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from explorer.diffusion.models import Model
from explorer.diffusion.sampling import sample
from explorer.records import Recipe
from explorer.world.files import World
from explorer.world.manifest import load_small
from explorer.world_build.familiarity_scores import Shown
from explorer.world_build.familiarity_world import shown
from explorer.world_build.hands.pixel_edits import KINDS
from tests.benchmarks.findings_works import SINGLES, group

PARTS = {"test": "held_out", "stranger": "strangers", "1": "1", "4": "4", "16": "16", "64": "64", "256": "256"}
MOST = {  # works of each group by the source of words: what two processor cores allow
    "caption": {"test": 150, "stranger": 60, "1": SINGLES, "4": 40, "16": 30, "64": 20, "256": 20},
    "recovered": {"test": 80, "stranger": 30, "1": 60, "4": 40, "16": 30, "64": 10, "256": 10},
    "fitted": {"test": 40, "stranger": 0, "1": 40, "4": 24, "16": 16, "64": 8, "256": 8}}
GRADES = (1, 2)


def chosen(rows: Sequence[dict], source: str, *, share: float = 1.0) -> dict[str, list[dict]]:
    """Test works by group, the first ones by their SHA-256; `share` takes a part of each group."""
    found: dict[str, list[dict]] = {name: [] for name in PARTS}
    for row in sorted(rows, key=lambda row: row["sha256"]):
        if group(row) in found:
            found[group(row)].append(row)
    return {PARTS[name]: part[:round(MOST[source][name] * share)] for name, part in found.items()}


def derived(world: World, rows: Sequence[dict]) -> list[Shown]:
    """Pictures made after works that were seen often, with those works' captions: cropped, as if photographed,
    saved as JPEG, in two grades, and mirrored; never trained on themselves."""
    made = []
    for number, row in enumerate(rows):
        image = Image.fromarray(shown(world, row))
        kinds = [(f"{name} {grade}", change(image, grade, np.random.default_rng([number, grade])))
                 for name, change in KINDS.items() for grade in GRADES]
        kinds.append(("mirrored", image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)))
        kind, picture = kinds[number % len(kinds)]
        small = np.asarray(picture.resize((64, 64), Image.Resampling.BOX))
        made.append(Shown(f"{row['id']} {kind}", small, (row["caption"],)))
    return made


def made_by_model(model: Model, world: World, rows: Sequence[dict], *, each: int) -> dict[str, list[Shown]]:
    """Pictures that the model made with held-out works' captions: from words alone, and from works at strengths."""
    return {"from words": _drawn(model, world, rows[:each], None),
            "strength 0.6": _drawn(model, world, rows[each:each + each // 2], 0.6),
            "strength 0.3": _drawn(model, world, rows[each:each + each // 2], 0.3)}


def _drawn(model: Model, world: World, rows: Sequence[dict], strength: float | None) -> list[Shown]:
    found = []
    for number, row in enumerate(rows):
        start = None if strength is None else load_small(world.root, [row["image"]])[0]
        recipe = Recipe(model.ref, row["caption"], 9000 + number, 12, 2.0, model.family.facts.walks_back, 64, 64,
                        strength=strength, start_sha256=None if strength is None else "0" * 64)
        image, = sample(model, [recipe], start_rgb=start)
        found.append(Shown(f"{row['id']} made {strength}", image.rgb, (row["caption"],)))
    return found
