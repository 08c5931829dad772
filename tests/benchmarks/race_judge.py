"""Races against every seed run to its end: what was kept, what it took, and what was foreseen."""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Sequence
from typing import Any

import torch

from explorer.diffusion.models import Model
from explorer.diffusion.schedulers import build_scheduler
from explorer.records import ReplaySettings
from explorer.records.race_records import RaceSetup
from explorer.search.calibrate import good_enough, loss_upper
from explorer.search.race import plan_of, race
from explorer.search.race_plan import heat_keeps, race_setup
from explorer.search.traces import Trace
from tests.benchmarks.race_works import Settings, Work, file_of, kept_json, recipes, traced


def setup_of(model: Model, settings: Settings) -> RaceSetup:
    """What a search with these settings would keep to."""
    wanted = ReplaySettings("", seeds=settings.seeds, steps=(settings.steps,), guidances=(settings.guidance,),
                            schedulers=(settings.scheduler,), mode="race")
    return race_setup("", "", wanted, ref=model.ref, info=model.info)


def raced(model: Model, work: Work, settings: Settings, setup: RaceSetup) -> dict[str, Any]:
    """The same heats, really run: who finished, evaluations, seconds."""
    plan = plan_of(setup.steps, heat_keeps(setup, setup.heat), full_steps=settings.steps)
    finished, spent, seconds = [], 0, 0.0
    for first in range(0, settings.seeds, setup.heat):
        own = recipes(model, work, settings, range(first, first + setup.heat))
        result = race(model, own, work.rgb, plan=plan, batch=settings.batch)
        finished += [image.recipe.seed for image in result.finished]
        spent, seconds = spent + result.effort.unet_evaluations, seconds + result.effort.elapsed_s
    return {"finished": sorted(finished), "unet_evaluations": spent, "seconds": seconds}


def judge(model: Model, works: list[Work], settings: Settings) -> tuple[dict[str, Any], list[Trace]]:
    """The figures of as many works as the time allows, each raced and with every seed run whole; and the latter."""
    setup = setup_of(model, settings)
    ends = list(traced(model, works, dataclasses.replace(settings, short=())))
    named = "race-" + "-".join(map(str, (setup.heat, *setup.steps, *setup.keep)))
    runs = [kept_json(file_of(model, w, settings, named), lambda w=w: raced(model, w, settings, setup))
            for w, _ in zip(works, ends, strict=False)]
    hits = [bool(good_enough(t)[run["finished"]].any()) for t, run in zip(ends, runs, strict=True)]
    by: dict[str, list[bool]] = {}
    for t, hit in zip(ends, hits, strict=True):
        by.setdefault(t.stratum, []).append(hit)
    worst = min(by, key=lambda s: sum(by[s]) / len(by[s]))
    lost, plain = len(hits) - sum(hits), diffusers_seconds(model, works, settings)
    replays = settings.seeds * len(runs)
    return {
        "subjects": len(ends), "subjects_each": {s: len(v) for s, v in by.items()}, "seeds": settings.seeds,
        "steps": settings.steps, "precision": "float32", "heat": setup.heat, "short_steps": setup.steps,
        "keep": setup.keep,
        "eval_ratio": round(replays * ends[0].costs[-1] / sum(run["unet_evaluations"] for run in runs), 3),
        "recall": round(sum(hits) / len(hits), 4), "recall_low": round(1 - loss_upper(lost, len(hits)), 4),
        "recall_worst": {worst: round(sum(by[worst]) / len(by[worst]), 4)},
        "recall_by_multiplicity": {s: round(sum(v) / len(v), 4) for s, v in by.items()},
        "lost": lost,
        "rank_worst": max(_rank(t, run["finished"]) for t, run in zip(ends, runs, strict=True)),
        "loss_predicted": setup.loss_upper, "loss_seen": round(lost / len(hits), 4),
        "wall_speedup_over_diffusers": round(plain * replays / sum(run["seconds"] for run in runs), 2)}, ends


def _rank(found: Trace, finished: Sequence[int]) -> int:
    """Rank among all seeds, from 1, of the closest one that the race finished."""
    return int((found.closeness < found.closeness[list(finished)].min()).sum()) + 1


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

