"""The seed race on the bundled world: how much work it saves, how often it drops the best, and its neighbours.

    python tests/benchmarks/bench_race.py [--calibrate] [--subjects 60] [--seeds 256] [--steps 12]

`--calibrate` first runs every seed of the tuning works and writes `assets/world/race.json`, which searches
then keep to. Without it the stored calibration is used; without one, rough checkpoints with no limit. All
results go to a folder, so that a run that was ended goes on. A guided step counts as two evaluations.
`--subjects 6 --seeds 32` is a small run. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import torch

from explorer.diffusion.models import Model, load_model
from explorer.diffusion.schedulers import _build
from explorer.jobs.tasks import ReplaySettings
from explorer.search.calibrate import calibrated, finalists, good_enough, kept_best, loss_upper
from explorer.search.plans import CALIBRATION, heat_keeps, race_setup
from explorer.search.race import Checkpoint, RacePlan, RaceResult, race
from explorer.search.traces import Trace
from explorer.settings import WORLD
from explorer.world.data import read_manifest
from explorer.world.files import default_cache, fingerprint, open_world, write_json
from tests.benchmarks.race_parts import closer_gain, mean_interval, recovery
from tests.benchmarks.race_works import Settings, Work, chosen, file_of, kept_json, recipes, traced

SIZES = (16, 32, 64, 128, 256)


def calibrate(model: Model, settings: Settings, args: argparse.Namespace) -> None:
    """Writes the calibration: plans for races of every size, each with its limit from left-out works."""
    works = chosen(read_manifest(open_world()), count=args.tuning, calibrate=True)
    traces = list(traced(model, works, settings))
    plans = []
    for size in [s for s in SIZES if s <= settings.seeds]:
        found = calibrated(traces, starters=size, allowed_losses=args.allowed)
        plans.append({"starters": size, "at": [c.at for c in found.plan.checkpoints],
                      "keep": [c.keep for c in found.plan.checkpoints], "loss_upper": found.plan.loss_upper,
                      "lost_when_left_out": found.lost, "evaluations_share": found.evaluations_share})
        print(f"races of {size}: {found.evaluations_share:.3f} of the work, "
              f"lost when left out {found.lost}, limit {found.plan.loss_upper:.3f}", flush=True)
    write_json(CALIBRATION, {
        "world": fingerprint(WORLD), "model": model.ref.fingerprint, "score": "tiled_l2", "steps": args.steps,
        "guidance": settings.guidance, "scheduler": args.scheduler, "size_px": model.info.default_size_px,
        "subjects": len(works), "within": 0.01, "plans": plans})


def plan_of(model: Model, settings: Settings) -> tuple[RacePlan, float | None]:
    """The plan that a search with these settings would keep to."""
    wanted = ReplaySettings("", seeds=settings.seeds, steps=(settings.steps,), guidances=(settings.guidance,),
                            schedulers=(settings.scheduler,), mode="race")
    setup = race_setup("", "", wanted, ref=model.ref, info=model.info)
    keeps = heat_keeps(setup, settings.seeds)
    return RacePlan(tuple(map(Checkpoint, setup.at, keeps)), setup.loss_upper), setup.loss_upper


def raced(model: Model, work: Work, settings: Settings, plan: RacePlan) -> dict[str, Any]:
    """One real race: who finished, evaluations, seconds."""
    *_, result = race(model, recipes(model, work, settings, range(settings.seeds)), work.rgb, plan=plan,
                      batch=settings.batch)
    assert isinstance(result, RaceResult)
    return {"finished": sorted(i.recipe.seed for i in result.finished),
            "unet_evaluations": result.effort.unet_evaluations, "seconds": result.effort.elapsed_s}


def diffusers_seconds(model: Model, works: Sequence[Work], settings: Settings) -> float:
    """Seconds an image of plain diffusers, called one seed at a time (median)."""
    pipe, found = model.pipe, []
    pipe.scheduler = _build(settings.scheduler, model.scheduler_config)
    for number, work in enumerate((works * 2)[:4]):
        began = time.perf_counter()
        pipe(work.caption, num_inference_steps=settings.steps, guidance_scale=settings.guidance,
             height=model.info.default_size_px, width=model.info.default_size_px,
             generator=torch.Generator("cpu").manual_seed(number))
        found.append(time.perf_counter() - began)
    return statistics.median(found[1:])


def rank_found(found: Trace, finished: Sequence[int]) -> int:
    """Rank among all seeds, from 1, of the closest one that the race finished."""
    return int((found.closeness < found.closeness[list(finished)].min()).sum()) + 1


def curve(traces: Sequence[Trace], plan: RacePlan) -> list[tuple[float, float]]:
    """(share of the work, recall) with the plan's shares made smaller and larger."""
    points = []
    for factor in (0.125, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 4.0):
        scaled = RacePlan(tuple(replace(c, keep=min(1.0, c.keep * factor)) for c in plan.checkpoints))
        done = [finalists(t, scaled)[1] / t.distances.size for t in traces]
        points.append((float(np.mean(done)), float(np.mean([kept_best(t, scaled) for t in traces]))))
    return points


def judge(model: Model, works: list[Work], settings: Settings) -> dict[str, Any]:
    """Races against every seed run to its end."""
    plan, predicted = plan_of(model, settings)
    traces = list(traced(model, works, settings))
    named = "-".join(f"{c.at:.3f}.{c.keep:.4f}" for c in plan.checkpoints)
    runs = [kept_json(file_of(model, w, settings, f"race-{named}"), lambda w=w: raced(model, w, settings, plan))
            for w in works]
    hits = [bool(good_enough(t)[r["finished"]].any()) for t, r in zip(traces, runs, strict=True)]
    by: dict[str, list[bool]] = {}
    for t, hit in zip(traces, hits, strict=True):
        by.setdefault(t.stratum, []).append(hit)
    for share, recall in curve(traces, plan):
        print(f"work {share:.3f} of exhaustive: recall {recall:.3f}", flush=True)
    ranks = [rank_found(t, r["finished"]) for t, r in zip(traces, runs, strict=True)]
    every = sum(t.unet_evaluations for t in traces)
    lost = len(hits) - sum(hits)
    plain = diffusers_seconds(model, works, settings) * settings.seeds
    worst = min(by, key=lambda s: sum(by[s]) / len(by[s]))
    return {
        "subjects": len(works), "seeds": settings.seeds, "steps": settings.steps,
        "eval_ratio": round(every / sum(r["unet_evaluations"] for r in runs), 3),
        "recall": round(sum(hits) / len(hits), 4), "recall_low": round(1 - loss_upper(lost, len(hits)), 4),
        "recall_worst": {worst: round(sum(by[worst]) / len(by[worst]), 4)}, "rank_worst": max(ranks),
        "wall_speedup_over_diffusers": round(plain * len(runs) / sum(r["seconds"] for r in runs), 2),
        "loss_predicted": predicted, "loss_seen": round(lost / len(hits), 4),
        "best_seeds": [int(t.closeness.argmin()) for t in traces]}


def main(args: argparse.Namespace) -> None:
    torch.set_num_threads(args.threads)
    began, share = time.perf_counter(), args.subjects / 60
    model = load_model("world", device=args.device)
    args.folder.mkdir(parents=True, exist_ok=True)
    settings = Settings(args.seeds, args.steps, args.guidance or model.info.default_guidance, args.scheduler,
                        args.batch, args.folder)
    if args.calibrate:
        calibrate(model, settings, args)
    works = chosen(read_manifest(open_world()), count=args.subjects, calibrate=False)
    found = judge(model, works, settings)
    best = found.pop("best_seeds")
    budget = args.budget or max(8, args.seeds // 4)
    steps = [kept_json(file_of(model, w, settings, f"closer{budget}"),
                       lambda w=w, b=b: closer_gain(model, w, b, settings, budget))
             for w, b in list(zip(works, best, strict=True))[::max(1, len(works) // 18)]]
    mean, low, high = mean_interval([s["gain"] for s in steps])
    found |= {"closer_gain": round(mean, 5), "closer_low": round(low, 5), "closer_high": round(high, 5),
              "closer_subjects": len(steps), "closer_budget": budget}
    found |= recovery(model, works, settings, hidden=args.hidden or max(4, round(100 * share)),
                      foreign=args.foreign or max(4, round(1000 * share)),
                      seeds=args.range or max(10_000, round(1_000_000 * share)))
    found |= {"ray_same_ranking": None, "ray_speed_ratio": None,
              "minutes": round((time.perf_counter() - began) / 60, 2)}
    print(json.dumps(found))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calibrate", action="store_true")
    parser.add_argument("--subjects", type=int, default=60)
    parser.add_argument("--seeds", type=int, default=256)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--guidance", type=float, default=0.0, help="0: the model's default")
    parser.add_argument("--scheduler", default="euler")
    parser.add_argument("--tuning", type=int, default=180, help="works to calibrate on")
    parser.add_argument("--allowed", type=int, default=0, help="losses a multiplicity that a plan may have")
    parser.add_argument("--budget", type=int, default=0, help="replays for the steps around a seed")
    parser.add_argument("--hidden", type=int, default=0)
    parser.add_argument("--foreign", type=int, default=0)
    parser.add_argument("--range", type=int, default=0)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--folder", type=Path, default=default_cache() / "race")
    main(parser.parse_args())
