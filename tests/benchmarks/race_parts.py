"""Steps around a good replay against as much spent on new seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from explorer.diffusion.models import Model
from explorer.images.decode import read_png
from explorer.jobs.tasks import RunSearch
from explorer.records import Replay, ReplaySettings
from explorer.search.closer import run_closer
from explorer.search.one_search import Given, run_search
from tests.benchmarks.race_works import FIRST_NEW_SEED, Settings, Work, recipes

ROUNDS = 4


def closer_gain(model: Model, work: Work, best_seed: int, settings: Settings, budget: int) -> dict[str, float]:
    """The closest of `budget` steps around the best seed against new seeds of as many evaluations.

    Both include the best seed itself. `gain` is the fall of the tiled distance beyond the new seeds'.
    """
    task = RunSearch("", work.id, "closer", ReplaySettings(work.caption, mode="closer", parent="best",
                                                          rounds=ROUNDS, options=max(1, budget // ROUNDS)))
    pictures: dict[str, np.ndarray] = {}
    near: list[Replay] = []

    def keep(replay: Replay, png: bytes) -> None:
        pictures[replay.image_sha256] = read_png(png)
        near.append(replay)

    given = Given(model, None, task, work.rgb, keep, batch=settings.batch,
                  start_of=lambda r: pictures[r.start_sha256])
    run_search(given, recipes(model, work, settings, [best_seed]))
    spent = run_closer(given, near[0]).effort.unet_evaluations
    count = max(1, round(spent / near[0].unet_evaluations))
    fresh = recipes(model, work, settings, range(FIRST_NEW_SEED, FIRST_NEW_SEED + count))
    others: list[Replay] = []
    plain = replace(task, settings=ReplaySettings(work.caption))
    run_search(replace(given, task=plain, on_replay=lambda replay, png: others.append(replay)), fresh)
    before = near[0].closeness["tiled_l2"]
    reached = min(r.closeness["tiled_l2"] for r in near)
    without = min([before, *(r.closeness["tiled_l2"] for r in others)])
    return {"before": before, "closer": reached, "new_seeds": without, "gain": without - reached,
            "unet_evaluations": spent, "stratum": int(work.stratum)}


def mean_interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean and its 95% interval (normal)."""
    mean = float(np.mean(values))
    half = 1.96 * float(np.std(values, ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else float("nan")
    return mean, mean - half, mean + half
