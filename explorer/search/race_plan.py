"""Which checkpoints a race keeps to: from the stored calibration of the model, or rough ones without a limit."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from explorer.errors import ExplorerError
from explorer.records import ModelInfo, ModelRef, ReplaySettings
from explorer.records.families import facts
from explorer.records.race_records import RaceSetup
from explorer.records.samplers import OWN_SAMPLER
from explorer.records.scores import PIXEL_SCORES
from explorer.settings import WORLD

CALIBRATION = WORLD / "race.json"
LOOKED_AT, PULLED_AT = 16, 8  # seeds whose first step, and whose guidance, stand for those of all in short replays
FEW = 4  # steps up to which short replays are of first order and share their guidance
HEAT = 256  # starters that race together; more seeds run in several heats
# Steps of the short replays and shares kept where nothing was measured: more careful than on the bundled world.
ROUGH = ((5, 0.35), (10, 0.12))


def screened_by(score: str) -> str:
    """The score that lanes are compared by on the way: the wanted one where it is one of pixels."""
    return score if score in PIXEL_SCORES else "tiled_l2"


def race_setup(search_id: str, subject_id: str, settings: ReplaySettings, *, ref: ModelRef, info: ModelInfo,
               path: Path = CALIBRATION) -> RaceSetup:
    """The checkpoints for a search; `loss_upper` None where this model and settings were not measured.

    ExplorerError for a model whose sampler cannot be looked into.
    """
    if not facts(info.family).own_loop or settings.schedulers == (OWN_SAMPLER,):
        raise ExplorerError("search.race_plan_looks_inside_sampler", info_name=info.name)
    stored = calibration_of(settings, ref=ref, info=info, path=path)
    row = _row(stored, settings.seeds) if stored else None
    if row is None:
        heat = max(1, min(HEAT, settings.seeds))
        return RaceSetup(search_id, subject_id, *zip(*ROUGH, strict=True), heat=heat,
                         score=screened_by(settings.primary_score))
    known = row.get("judged") or {"loss_upper": row["loss_upper"], "works": stored["subjects"]}
    return RaceSetup(search_id, subject_id, tuple(row["short_steps"]), tuple(row["keep"]), row["starters"],
                     known["loss_upper"], known["works"], screened_by(settings.primary_score), "judged" in row)


def calibration_of(settings: ReplaySettings, *, ref: ModelRef, info: ModelInfo,
                   path: Path = CALIBRATION) -> dict[str, Any] | None:
    """The stored calibration that was measured on this model with these settings, if there is one."""
    try:
        calibrations = json.loads(path.read_text("utf-8"))["calibrations"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    size = info.default_size_px
    bare = " + " not in info.source  # no adapter laid over it
    here = {
        "model": ref.fingerprint, "bare": bare and not ref.adapters, "score": settings.primary_score,
        "steps": [s or info.default_steps for s in settings.steps],
        "guidance": [g or info.default_guidance for g in settings.guidances],
        "scheduler": list(settings.schedulers),
        "size_px": [settings.width_px or size, settings.height_px or size]}
    return next((c for c in calibrations if here == {
        "model": c["model"], "bare": True, "score": c["score"], "steps": [c["steps"]],
        "guidance": [c["guidance"]], "scheduler": [c["scheduler"]], "size_px": [c["size_px"]] * 2}), None)


def heat_keeps(setup: RaceSetup, starters: int) -> tuple[float, ...]:
    """Shares of a heat's starters that go on.

    Where the race was measured these are as many lanes as in a full heat, however small this one is.
    """
    if setup.loss_upper is None:
        return setup.keep
    return tuple(min(1.0, math.ceil(setup.heat * share - 1e-9) / starters) for share in setup.keep)


def short_cost(steps: int, *, guided: bool) -> int:
    """Network evaluations of one short replay: none at the first step, one at the last, as `short_batch` has it."""
    return steps - 1 + (max(0, steps - 2) if guided and steps > FEW else 0)


def shared_cost(short_steps: Iterable[int], *, guided: bool) -> int:
    """Network evaluations that lanes of one race share: where the first step goes, and guidance in FEW steps."""
    lengths = list(short_steps)
    pulls = sum(max(0, steps - 2) for steps in lengths if guided and steps <= FEW)
    return LOOKED_AT * bool(lengths) + 2 * PULLED_AT * pulls


def planned_evaluations(setup: RaceSetup, *, seeds: int, steps: int, per_replay: int) -> int:
    """Network evaluations of the races of `seeds` seeds; a whole replay has `steps` and costs `per_replay`."""
    total, left = 0.0, seeds
    while left > 0:
        starters = min(setup.heat, left)
        going = 1.0
        total += shared_cost((s for s in setup.steps if s < steps), guided=per_replay > steps)
        for short, keep in zip(setup.steps, heat_keeps(setup, starters), strict=True):
            if short < steps:
                total += starters * going * short_cost(short, guided=per_replay > steps)
                going = min(going, keep)
        total += starters * going * per_replay
        left -= starters
    return round(total)


def _row(stored: dict[str, Any], seeds: int) -> dict[str, Any] | None:
    """The plan measured for the smallest heat that holds all seeds, else for the largest one."""
    rows = sorted(stored["plans"], key=lambda row: row["starters"])
    return next((row for row in rows if row["starters"] >= seeds), rows[-1] if rows else None)
