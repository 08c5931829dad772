"""The race's calibration: every seed of the tuning works, plans for races of every size, and their limits."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from explorer.diffusion.models import Model
from explorer.records.race_records import RaceSetup
from explorer.search.calibrate import WITHIN, calibrated, finalists, kept_best, loss_upper
from explorer.search.race import Checkpoint, RacePlan
from explorer.search.race_plan import CALIBRATION
from explorer.search.traces import Trace, blocks
from explorer.settings import WORLD
from explorer.world.files import fingerprint, open_world, write_json
from explorer.world.manifest import read_manifest
from tests.benchmarks.race_works import STRATA, Settings, chosen, traced

SIZES = (16, 32, 64, 128, 256)


def calibrate(model: Model, settings: Settings, *, tuning: int, allowed: float) -> dict[str, Any]:
    """Writes the calibration for these settings beside those of other settings; returns it.

    `tuning` works, as many of each multiplicity as the time allows; the share `allowed` may lose.
    """
    works = chosen(read_manifest(open_world()), count=tuning, calibrate=True)
    traces = list(traced(model, works, settings))
    traces = traces[:len(traces) // len(STRATA) * len(STRATA)]
    plans = []
    for size in [s for s in SIZES if s <= settings.seeds]:
        found = calibrated(traces, starters=size, allowed=allowed)
        plans.append({"starters": size, "short_steps": [c.steps for c in found.plan.checkpoints],
                      "keep": [c.keep for c in found.plan.checkpoints], "loss_upper": found.plan.loss_upper,
                      "lost_when_left_out": found.lost, "evaluations_share": found.evaluations_share})
        print(f"races of {size}: {found.evaluations_share:.3f} of the work, "
              f"lost when left out {found.lost}, limit {found.plan.loss_upper:.3f}", flush=True)
    entry = {"world": fingerprint(WORLD), "model": model.ref.fingerprint, "score": "tiled_l2",
             "steps": settings.steps, "guidance": settings.guidance, "scheduler": settings.scheduler,
             "size_px": model.info.default_size_px, "subjects": len(traces), "seeds": settings.seeds,
             "within": WITHIN, "precision": "float32", "plans": plans}
    _store(entry)
    return entry | {"curve": curve(traces, plans[-1])}


def curve(traces: Sequence[Trace], plan: dict[str, Any]) -> list[dict[str, float]]:
    """Share of the work and recall on the tuning works where as many more or fewer lanes go on."""
    found = []
    for factor in (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 4.0):
        own = RacePlan(tuple(Checkpoint(s, min(1.0, k * factor))
                             for s, k in zip(plan["short_steps"], plan["keep"], strict=True)))
        parts = [part for t in traces for part in blocks(t, plan["starters"])]
        work = [finalists(p, own)[1] / (p.costs[-1] * plan["starters"]) for p in parts]
        found.append({"factor": factor, "work": round(float(np.mean(work)), 4),
                      "recall": round(float(np.mean([kept_best(p, own) for p in parts])), 4)})
    return found


def _store(entry: dict[str, Any]) -> None:
    """Writes the file; an entry of the same settings, and any of another world, gives way."""
    def same(old: dict[str, Any]) -> bool:
        return all(old[k] == entry[k] for k in ("score", "steps", "guidance", "scheduler", "size_px"))

    held = json.loads(CALIBRATION.read_text("utf-8"))["calibrations"] if CALIBRATION.exists() else []
    others = [c for c in held if c["model"] == entry["model"] and not same(c)]
    write_json(CALIBRATION, {"calibrations": [*others, entry]})


def keep_judged(setup: RaceSetup, *, works: int, lost: int) -> None:
    """Writes beside the plan of `setup` how many other works lost their best by it: what the app quotes."""
    held = json.loads(CALIBRATION.read_text("utf-8"))
    for row in (row for one in held["calibrations"] for row in one["plans"]):
        if (row["short_steps"], row["keep"], row["starters"]) == ([*setup.steps], [*setup.keep], setup.heat):
            row["judged"] = {"works": works, "lost": lost, "loss_upper": loss_upper(lost, works)}
    write_json(CALIBRATION, held)
