"""Which works of the world the race is calibrated on and judged on, and every seed of each, kept on disk.

Members go to one side or the other by the first byte of the SHA-256 of their id: even ones calibrate, odd
ones are judged. Unseen works calibrate from "tuning" and "reserve" and are judged from "test". Works come in
turns, one of each multiplicity, so that a run that ends early has as many of each.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from explorer.diffusion.models import Model
from explorer.records import Recipe
from explorer.search.traces import SHORT, Lot, Trace, TraceRow, row, trace_of
from explorer.settings import WORLD
from explorer.world.manifest import load_small

STRATA = ("0", "1", "4", "16", "64", "256")
FIRST_NEW_SEED = 10_000_000  # seeds that no trace has used


@dataclass(frozen=True, eq=False)
class Work:
    """A work of the world: its id, caption, multiplicity and picture (64, 64, 3) uint8."""

    id: str
    caption: str
    stratum: str
    rgb: np.ndarray


@dataclass(frozen=True)
class Settings:
    """What every replay of a run shares.

    `short` are the steps of the short replays beside the whole ones. Traces are made until `until` (of
    `time.monotonic`), then only read from disk.
    """

    seeds: int
    steps: int
    guidance: float
    scheduler: str
    batch: int
    folder: Path
    until: float = float("inf")
    short: tuple[int, ...] = SHORT


def chosen(rows: Sequence[dict], *, count: int, calibrate: bool) -> list[Work]:
    """The first `count` works by hash, as many of each multiplicity as there are to be had."""
    by_stratum: dict[str, list[dict]] = {s: [] for s in STRATA}
    for one in sorted(rows, key=lambda r: _hash(r["id"])):
        stratum = _stratum(one, calibrate)
        if stratum is not None:
            by_stratum[stratum].append(one)
    per, more = divmod(count, len(STRATA))
    turns = [(turn, s, row) for n, (s, part) in enumerate(by_stratum.items())
             for turn, row in enumerate(part[:per + (n < more)])]
    picked = [(s, row) for _, s, row in sorted(turns, key=lambda t: t[0])]
    pictures = load_small(WORLD, [row["image"] for _, row in picked])
    return [Work(row["id"], row["caption"], s, rgb) for (s, row), rgb in zip(picked, pictures, strict=True)]


def _stratum(row: dict, calibrate: bool) -> str | None:
    if row["split"] in (("tuning", "reserve") if calibrate else ("test",)):
        return "0"
    if row["split"] != "train" or row["variant"] != "same":
        return None
    return str(row["multiplicity"]) if is_even(row["id"]) == calibrate else None


def is_even(work_id: str) -> bool:
    """Whether a member is one to tune on: the first byte of the SHA-256 of its id is even."""
    return int(_hash(work_id)[:2], 16) % 2 == 0


def _hash(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def recipes(model: Model, work: Work, settings: Settings, seeds: Sequence[int]) -> list[Recipe]:
    """The work's own caption from plain noise, a recipe a seed."""
    side = model.info.default_size_px
    return [Recipe(model.ref, work.caption, seed, settings.steps, settings.guidance, settings.scheduler, side,
                   side, precision=model.precision) for seed in seeds]


def traced(model: Model, works: Sequence[Work], settings: Settings) -> Iterator[Trace]:
    """Every seed of every work, in few steps and to its end, each row kept on disk; ends early when time is up."""
    side_by_side = max(1, settings.batch // settings.seeds)
    for first in range(0, len(works), side_by_side):
        part = works[first:first + side_by_side]
        for steps in (settings.steps, *settings.short):
            missing = [w for w in part if not _path(model, w, settings, steps).exists()]
            if missing and time.monotonic() > settings.until:
                return
            if missing:
                make_rows(model, missing, settings, steps)
                print(f"{first + len(part)} of {len(works)} works in {steps} steps", flush=True)
        for work in part:
            yield trace_of(_lot(model, work, settings),
                           [_kept(_path(model, work, settings, s)) for s in (*settings.short, settings.steps)])


def _lot(model: Model, work: Work, settings: Settings) -> Lot:
    return Lot(work.id, work.stratum, recipes(model, work, settings, range(settings.seeds)), work.rgb)


def make_rows(model: Model, works: Sequence[Work], settings: Settings, steps: int) -> None:
    """Puts every seed of the works in so many steps on disk."""
    made = row(model, [_lot(model, w, settings) for w in works], steps, batch=settings.batch)
    for work, found in zip(works, made, strict=True):
        part = _path(model, work, settings, steps).with_suffix(".part.npz")
        np.savez(part, steps=found.steps, distances=found.distances, cost=found.cost)
        part.rename(_path(model, work, settings, steps))


def _kept(path: Path) -> TraceRow:
    with np.load(path) as kept:
        return TraceRow(int(kept["steps"]), kept["distances"], float(kept["cost"]))


def _path(model: Model, work: Work, settings: Settings, steps: int) -> Path:
    kind = "whole" if steps == settings.steps else f"short{steps}"
    return settings.folder / f"{kind}-{_key(model, work, settings)}.npz"


def kept_json(path: Path, make) -> dict:
    """What `make` returns, from disk if an earlier run has left it there."""
    if not path.exists():
        path.write_text(json.dumps(make()), "utf-8")
    return json.loads(path.read_text("utf-8"))


def file_of(model: Model, work: Work, settings: Settings, kind: str) -> Path:
    """Where a work's result of a kind is kept."""
    return settings.folder / f"{kind}-{_key(model, work, settings)}.json"


def _key(model: Model, work: Work, settings: Settings) -> str:
    parts = (model.ref.fingerprint, work.id, settings.seeds, settings.steps, settings.guidance, settings.scheduler)
    return f"{work.stratum}-{_hash(repr(parts))[:16]}"
