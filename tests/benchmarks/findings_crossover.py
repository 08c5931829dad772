"""Within the same work: replays of the model that saw it 64 or 256 times and of the one that never saw it.

The crossover world (`python -m explorer world build --draw 2 --out FOLDER`) has the same works, CLIP and
autoencoder; its works seen 4 times and more have traded places with works held out for tests (those at 64 and
256 are used here), and only its UNet was trained anew. What the tuning works predict, the controls and so the
thresholds stay those of draw 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from scipy.stats import bootstrap

from explorer.errors import ExplorerError
from explorer.findings.finding import ControlResults
from explorer.world.files import World, fingerprint
from explorer.world.manifest import read_manifest
from explorer.world_build.build_world import training_facts
from explorer.world_build.dose_replays import DoseEffort
from tests.benchmarks import findings_measure as measure
from tests.benchmarks.findings_bank import fill
from tests.benchmarks.findings_works import group


def traded(first: Sequence[dict], second: Sequence[dict], ids: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Positions in `ids` of the works that one draw alone trains at 64 or 256: the first, and the second."""
    parts = [{row["id"]: group(row) for row in rows} for rows in (first, second)]
    alike = [row["id"] for row, other in zip(first, second, strict=True) if row["sha256"] == other["sha256"]]
    if len(alike) != len(first):
        raise ExplorerError("The crossover world has other works than the bundled one. Build it by "
                            "`python -m explorer world build --draw 2 --out FOLDER` with the same packages.")
    ways = [[parts[a][i] in measure.STRONG and parts[1 - a][i] == "test" for i in ids] for a in (0, 1)]
    return np.flatnonzero(ways[0]), np.flatnonzero(ways[1])


def crossover(subjects: measure.Subjects, other: World, prompts: Sequence[Sequence[str]], rows: Sequence[dict], *,
              effort: DoseEffort, values: np.ndarray, found: list[dict], controls: ControlResults, folder: Path,
              device: torch.device) -> dict:
    """Figures of the works that traded places, by the model that saw them.

    `values` (n,) are the bundled model's closest distances. Works that the bundled model saw are among those that
    the statistic was chosen on; works that the other saw are new to it.
    """
    first, second = traded(rows, read_manifest(other), subjects.ids)
    where = np.concatenate([first, second])
    mine = np.arange(len(where)) < len(first)
    bank = fill(other, [(subjects.ids[i], prompts[i]) for i in where], effort=effort, folder=folder,
                model=fingerprint(other.root), device=device)
    theirs = measure.closest(subjects.small[where], bank)
    seen, unseen = np.where(mine, values[where], theirs), np.where(mine, theirs, values[where])
    return {f"trained_in_draw_{draw}": _figures(seen[part], unseen[part], [found[i] for i in where[part]], controls)
            for draw, part in ((1, mine), (2, ~mine))}


def about(other: World) -> dict:
    """Which crossover model it was, and how long it was trained."""
    return {"fingerprint": fingerprint(other.root), "training": training_facts(other)["unet"]}


def _figures(seen: np.ndarray, unseen: np.ndarray, found: list[dict], controls: ControlResults) -> dict:
    """Paired: `seen` and `unseen` (n,) are each work's closest distance by the model that saw it and the other."""
    over = [measure.excess(v, found, controls) for v in (seen, unseen)]
    p = [measure.p_values(v, found, controls) for v in (seen, unseen)]
    gained = over[0] - over[1]
    spread = bootstrap((gained,), np.mean, rng=np.random.default_rng(0)).confidence_interval
    return {
        "works": len(seen), "seen_is_closer": measure.share(seen < unseen),
        "excess_gained": {"mean": float(gained.mean()), "low": float(spread.low), "high": float(spread.high)},
        "median_tiled_l2": {"seen": float(np.median(seen)), "unseen": float(np.median(unseen))},
        **{f"flagged_at_{n}": {"seen": measure.flagged(p[0], n / 100), "unseen": measure.flagged(p[1], n / 100)}
           for n in (1, 5)}}
