"""Races against every seed run to its end: what was kept, what it took, and what was foreseen."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from explorer.diffusion.models import Model
from explorer.diffusion.schedulers import build_scheduler
from explorer.records import ReplaySettings
from explorer.records.race_records import RaceSetup
from explorer.search.calibrate import finalists, good_enough, loss_upper
from explorer.search.race import RacePlan, plan_of, race
from explorer.search.race_plan import heat_keeps, race_setup
from explorer.search.traces import Trace, blocks
from tests.benchmarks.race_works import Settings, Work, file_of, kept_json, recipes, traced


def setup_of(model: Model, settings: Settings) -> RaceSetup:
    """What a search with these settings would keep to."""
    wanted = ReplaySettings("", seeds=settings.seeds, steps=(settings.steps,), guidances=(settings.guidance,),
                            schedulers=(settings.scheduler,), mode="race")
    return race_setup("", "", wanted, ref=model.ref, info=model.info)


def plan(setup: RaceSetup, settings: Settings, factor: float = 1.0) -> RacePlan:
    """The plan of one full heat, its shares made larger or smaller by `factor`."""
    keeps = [min(1.0, k * factor) for k in heat_keeps(setup, setup.heat)]
    return plan_of(setup.steps, keeps, full_steps=settings.steps)


def foreseen(found: Trace, setup: RaceSetup, settings: Settings, factor: float = 1.0) -> tuple[list[int], float]:
    """Seeds that the heats of a race would finish, and the share of all evaluations that they would take."""
    finished, taken = [], 0
    for number, part in enumerate(blocks(found, setup.heat)):
        going, steps = finalists(part, plan(setup, settings, factor))
        finished += (going + number * setup.heat).tolist()
        taken += steps
    return finished, taken / (found.costs[-1] * found.closeness.size)


def raced(model: Model, work: Work, settings: Settings, setup: RaceSetup) -> dict[str, Any]:
    """The same heats, really run: who finished, evaluations, seconds."""
    finished, spent, seconds = [], 0, 0.0
    for first in range(0, settings.seeds, setup.heat):
        own = recipes(model, work, settings, range(first, first + setup.heat))
        result = race(model, own, work.rgb, plan=plan(setup, settings), batch=settings.batch)
        finished += [image.recipe.seed for image in result.finished]
        spent, seconds = spent + result.effort.unet_evaluations, seconds + result.effort.elapsed_s
    return {"finished": sorted(finished), "unet_evaluations": spent, "seconds": seconds}


def judge(model: Model, works: list[Work], settings: Settings, *, races: int) -> tuple[dict[str, Any], list[Trace]]:
    """The figures of as many works as the time allows, and their traces; `races` of them are really run."""
    setup = setup_of(model, settings)
    traces = list(traced(model, works, settings))
    ends = [foreseen(t, setup, settings) for t in traces]
    hits = [bool(good_enough(t)[seeds].any()) for t, (seeds, _) in zip(traces, ends, strict=True)]
    for factor in (0.125, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 4.0):
        scaled = [foreseen(t, setup, settings, factor) for t in traces]
        recall = np.mean([good_enough(t)[seeds].any() for t, (seeds, _) in zip(traces, scaled, strict=True)])
        print(f"work {np.mean([s for _, s in scaled]):.3f} of exhaustive: recall {recall:.3f}", flush=True)
    by: dict[str, list[bool]] = {}
    for t, hit in zip(traces, hits, strict=True):
        by.setdefault(t.stratum, []).append(hit)
    worst = min(by, key=lambda s: sum(by[s]) / len(by[s]))
    lost = len(hits) - sum(hits)
    found = {
        "subjects": len(traces), "subjects_each": {s: len(v) for s, v in by.items()}, "seeds": settings.seeds,
        "steps": settings.steps, "precision": "float32", "heat": setup.heat,
        "eval_ratio": round(1 / float(np.mean([share for _, share in ends])), 3),
        "recall": round(sum(hits) / len(hits), 4), "recall_low": round(1 - loss_upper(lost, len(hits)), 4),
        "recall_worst": {worst: round(sum(by[worst]) / len(by[worst]), 4)},
        "rank_worst": max(_rank(t, seeds) for t, (seeds, _) in zip(traces, ends, strict=True)),
        "loss_predicted": setup.loss_upper, "loss_seen": round(lost / len(hits), 4)}
    return found | _really(model, works[:races], traces, ends, settings, setup), traces


def _rank(found: Trace, finished: Sequence[int]) -> int:
    """Rank among all seeds, from 1, of the closest one that the race finished."""
    return int((found.closeness < found.closeness[list(finished)].min()).sum()) + 1


def _really(model: Model, works: Sequence[Work], traces: Sequence[Trace],
            ends: Sequence[tuple[list[int], float]], settings: Settings, setup: RaceSetup) -> dict[str, Any]:
    """Races run in float32: seconds against plain diffusers, and whether the best came through as foreseen."""
    named = "race-" + "-".join(map(str, (setup.heat, *setup.steps, *setup.keep)))
    runs = [kept_json(file_of(model, w, settings, named), lambda w=w: raced(model, w, settings, setup))
            for w, _ in zip(works, traces, strict=False)]
    if not runs:
        return {"races_run": 0}
    agree = [len(set(run["finished"]) & set(seeds)) / len(set(run["finished"]) | set(seeds))
             for run, (seeds, _) in zip(runs, ends, strict=False)]
    kept = [bool(good_enough(t)[run["finished"]].any()) for run, t in zip(runs, traces, strict=False)]
    plain = diffusers_seconds(model, works, settings) * settings.seeds * len(runs)
    return {"races_run": len(runs), "races_recall": round(sum(kept) / len(kept), 4),
            "races_same_finalists": round(statistics.mean(agree), 4),
            "wall_speedup_over_diffusers": round(plain / sum(r["seconds"] for r in runs), 2)}


def diffusers_seconds(model: Model, works: Sequence[Work], settings: Settings) -> float:
    """Seconds an image of plain diffusers, called one seed at a time (median)."""
    pipe, found = model.pipe, []
    pipe.scheduler = build_scheduler(settings.scheduler, model.scheduler_config)
    for number, work in enumerate((list(works) * 4)[:4]):
        began = time.perf_counter()
        pipe(work.caption, num_inference_steps=settings.steps, guidance_scale=settings.guidance,
             height=model.info.default_size_px, width=model.info.default_size_px,
             generator=torch.Generator("cpu").manual_seed(number))
        found.append(time.perf_counter() - began)
    return statistics.median(found[1:])

