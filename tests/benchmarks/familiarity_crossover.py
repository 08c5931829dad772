"""The same works before two models: the one that saw a work, and one of the same works, drawn so that it did not.

The second draw (`python -m explorer world build --draw 2 --out FOLDER`) has the first one's works, text encoder and
autoencoder; works seen 4 times and more trade places with works held out for tests. Nothing is fitted here: the gap
of each model is compared with that of the other on the same picture, words and noises.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from explorer.diffusion.models import Model, load_model
from explorer.familiarity.familiarity_plan import PLANS
from explorer.world.files import World, fingerprint, open_world
from explorer.world.manifest import read_manifest
from explorer.world_build.build_world import training_facts
from explorer.world_build.familiarity_scores import familiarity_lines
from explorer.world_build.familiarity_world import WorkWords, works_of
from tests.benchmarks.findings_measure import share

SOURCE = "caption"


def traded(first: Sequence[dict], second: Sequence[dict]) -> dict[str, list[int]]:
    """Copies → positions of the works that one draw alone trains on, so often."""
    if [row["sha256"] for row in first] != [row["sha256"] for row in second]:
        raise SystemExit("the second draw has other works than the bundled world")
    found: dict[str, list[int]] = {}
    for i, (a, b) in enumerate(zip(first, second, strict=True)):
        if a["variant"] == b["variant"] == "same" and {a["split"], b["split"]} == {"train", "test"}:
            found.setdefault(str(max(a["multiplicity"], b["multiplicity"])), []).append(i)
    return found


def crossover(world: World, model: Model, draw: Path, folder: Path) -> dict[str, Any]:
    """By copies: the share of works on which the model that saw them shows the larger gap, with its 95% limits."""
    other = open_world(draw)
    rows = read_manifest(world)
    places = traded(rows, read_manifest(other))
    plan, words = PLANS[SOURCE], WorkWords(world, rows, folder=folder)
    works = [work for part in places.values() for work in works_of(world, [rows[i] for i in part], plan, words)]
    gaps = [{name: line["value"] for name, line in familiarity_lines(m, works, plan, folder=folder).items()}
            for m in (model, load_model(str(other.diffusion), device="cpu"))]
    found: dict[str, Any] = {"source": SOURCE, "draw": fingerprint(other.root),
                             "training": training_facts(other)["unet"], "by_multiplicity": {}}
    for copies in sorted(places, key=int):
        by_first = np.array([rows[i]["split"] == "train" for i in places[copies]])
        one, two = (np.array([side[rows[i]["id"]] for i in places[copies]]) for side in gaps)
        larger = np.where(by_first, one > two, two > one)
        found["by_multiplicity"][copies] = share(larger) | {
            "trained_in_draw_1": share(larger[by_first]), "trained_in_draw_2": share(larger[~by_first])}
    return found
