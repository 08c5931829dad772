"""Which pictures the familiarity benchmark uses: works by their part, hard works, pictures that the model made."""

from __future__ import annotations

from collections.abc import Sequence

from explorer.diffusion.models import Model, load_model
from explorer.diffusion.sampling import sample
from explorer.records import Recipe
from explorer.world.files import World
from explorer.world.hard_works import pixels, read_hard_works
from explorer.world.manifest import load_small
from explorer.world_build.familiarity_scores import NamedPicture
from tests.benchmarks.findings_works import SINGLES, group

PARTS = {"test": "held_out", "stranger": "strangers", "1": "1", "4": "4", "16": "16", "64": "64", "256": "256"}
MOST = {  # works of each group by the source of words: what two processor cores allow
    "caption": {"test": 150, "stranger": 60, "1": SINGLES, "4": 40, "16": 30, "64": 20, "256": 20},
    "recovered": {"test": 60, "stranger": 20, "1": 50, "4": 40, "16": 20, "64": 8, "256": 8},
    "fitted": {"test": 30, "stranger": 0, "1": 30, "4": 20, "16": 12, "64": 6, "256": 6}}
HARD = {"derived": 60, "look_alikes": 40, "doubles": 30}  # of the hard works, with captions


def chosen(rows: Sequence[dict], source: str, *, share: float = 1.0) -> dict[str, list[dict]]:
    """Test works by group, the first ones by their SHA-256; `share` takes a part of each group."""
    found: dict[str, list[dict]] = {name: [] for name in PARTS}
    for row in sorted(rows, key=lambda row: row["sha256"]):
        if group(row) in found:
            found[group(row)].append(row)
    return {PARTS[name]: part[:round(MOST[source][name] * share)] for name, part in found.items()}


def hard(world: World, group: str) -> list[NamedPicture]:
    """Hard works of a group with their captions, never trained on: the first of each kind by their SHA-256."""
    rows, turns = sorted(read_hard_works(world, group), key=lambda row: row["sha256"]), {}
    for row in rows:
        turns.setdefault((row["kind"], row["grade"]), []).append(row)
    mixed = sorted(((n, row) for part in turns.values() for n, row in enumerate(part)),
                   key=lambda pair: (pair[0], pair[1]["sha256"], pair[1]["id"]))
    return [NamedPicture(row["id"], pixels(row), (row["caption"],)) for _, row in mixed[:HARD[group]]]


def made_by_model(model: Model, world: World, rows: Sequence[dict], *, each: int) -> dict[str, list[NamedPicture]]:
    """Pictures that the model made with held-out works' captions: from words alone, and from works at strengths."""
    return {"from words": _drawn(model, world, rows[:each], None),
            "strength 0.6": _drawn(model, world, rows[each:each + each // 2], 0.6),
            "strength 0.3": _drawn(model, world, rows[each:each + each // 2], 0.3)}


def made_by_another(world: World, rows: Sequence[dict], *, each: int) -> list[NamedPicture]:
    """Pictures that the other bundled model made from the captions of held-out works; both share an autoencoder."""
    return _drawn(load_model("hands", device="cpu"), world, rows[:each], None)


def _drawn(model: Model, world: World, rows: Sequence[dict], strength: float | None) -> list[NamedPicture]:
    found = []
    for number, row in enumerate(rows):
        start = None if strength is None else load_small(world.root, [row["image"]])[0]
        recipe = Recipe(model.ref, row["caption"], 9000 + number, 12, 2.0, model.family.facts.walks_back, 64, 64,
                        strength=strength, start_sha256=None if strength is None else "0" * 64)
        image, = sample(model, [recipe], start_rgb=start)
        found.append(NamedPicture(f"{row['id']} made {strength} {model.ref.source}", image.rgb, (row["caption"],)))
    return found
