"""The race's calibration: every seed of the tuning works, plans for races of every size, and their limits.

The network runs under bfloat16 autocast; part of the works are run again in float32, to state whether the
plan loses as few of them and how far the order of seeds agrees.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from explorer.diffusion.models import Model
from explorer.search.calibrate import WITHIN, calibrated, kept_best
from explorer.search.race import Checkpoint, RacePlan
from explorer.search.race_plan import CALIBRATION
from explorer.search.traces import Trace
from explorer.settings import WORLD
from explorer.world.files import fingerprint, open_world, write_json
from explorer.world.manifest import read_manifest
from tests.benchmarks.race_works import STRATA, Settings, Work, chosen, traced

SIZES = (16, 32, 64, 128, 256)


def calibrate(model: Model, settings: Settings, *, tuning: int, allowed: int, checked: int) -> dict[str, Any]:
    """Writes the calibration for these settings beside those of other settings; returns it.

    `tuning` works, as many of each multiplicity as the time allows; `allowed` losses a multiplicity;
    `checked` works are run in float32 as well.
    """
    works = chosen(read_manifest(open_world()), count=tuning, calibrate=True)
    traces = list(traced(model, works, settings))
    traces = traces[:len(traces) // len(STRATA) * len(STRATA)]
    plans = []
    for size in [s for s in SIZES if s <= settings.seeds]:
        found = calibrated(traces, starters=size, allowed_losses=allowed)
        plans.append({"starters": size, "short_steps": [c.steps for c in found.plan.checkpoints],
                      "keep": [c.keep for c in found.plan.checkpoints], "loss_upper": found.plan.loss_upper,
                      "lost_when_left_out": found.lost, "evaluations_share": found.evaluations_share})
        print(f"races of {size}: {found.evaluations_share:.3f} of the work, "
              f"lost when left out {found.lost}, limit {found.plan.loss_upper:.3f}", flush=True)
    entry = {"world": fingerprint(WORLD), "model": model.ref.fingerprint, "score": "tiled_l2",
             "steps": settings.steps, "guidance": settings.guidance, "scheduler": settings.scheduler,
             "size_px": model.info.default_size_px, "subjects": len(traces), "seeds": settings.seeds,
             "within": WITHIN, "precision": settings.precision, "plans": plans}
    _store(entry)
    if checked and settings.precision != "float32":
        entry["checked"] = _check(model, works[:checked], traces, plans[-1], settings)
        _store(entry)
    return entry


def _check(model: Model, works: Sequence[Work], traces: Sequence[Trace], plan: dict[str, Any],
           settings: Settings) -> dict[str, Any]:
    """What float32 says of the same seeds: losses by the plan, and the rank correlation of the distances."""
    full = dataclasses.replace(settings, precision="float32", until=float("inf"))
    kept = RacePlan(tuple(map(Checkpoint, plan["short_steps"], plan["keep"])))
    pairs = list(zip(traced(model, works, full), traces, strict=False))
    orders = [_spearman(a.distances[row], b.distances[row]) for a, b in pairs for row in range(len(a.steps))]
    return {"subjects": len(pairs), "lost_in_float32": sum(not kept_best(a, kept) for a, _ in pairs),
            "same_best": sum(int(a.closeness.argmin()) == int(b.closeness.argmin()) for a, b in pairs),
            "rank_correlation_mean": round(float(np.mean(orders)), 4),
            "rank_correlation_lowest": round(min(orders), 4)}


def _spearman(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.corrcoef(one.argsort().argsort(), other.argsort().argsort())[0, 1])


def _store(entry: dict[str, Any]) -> None:
    """Writes the file; an entry of the same settings, and any of another world, gives way."""
    def same(old: dict[str, Any]) -> bool:
        return all(old[k] == entry[k] for k in ("score", "steps", "guidance", "scheduler", "size_px"))

    held = json.loads(CALIBRATION.read_text("utf-8"))["calibrations"] if CALIBRATION.exists() else []
    others = [c for c in held if c["model"] == entry["model"] and not same(c)]
    write_json(CALIBRATION, {"calibrations": [*others, entry]})
