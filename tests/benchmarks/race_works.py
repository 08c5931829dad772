"""Which works of the world the race is calibrated on and judged on, and every seed of each, kept on disk.

Members go to one side or the other by the first byte of the SHA-256 of their id: even ones calibrate, odd
ones are judged. Unseen works calibrate from "tuning" and "reserve" and are judged from "test".
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from explorer.diffusion.models import Model
from explorer.records import Recipe
from explorer.search.traces import Trace, trace
from explorer.settings import WORLD
from explorer.world.render import load_small

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
    """What every replay of a run shares."""

    seeds: int
    steps: int
    guidance: float
    scheduler: str
    batch: int
    folder: Path


def chosen(rows: Sequence[dict], *, count: int, calibrate: bool) -> list[Work]:
    """The first `count` works by hash, as many of each multiplicity as there are to be had."""
    by_stratum: dict[str, list[dict]] = {s: [] for s in STRATA}
    for row in sorted(rows, key=lambda r: _hash(r["id"])):
        stratum = _stratum(row, calibrate)
        if stratum is not None:
            by_stratum[stratum].append(row)
    per, more = divmod(count, len(STRATA))
    picked = [(s, row) for n, (s, part) in enumerate(by_stratum.items()) for row in part[:per + (n < more)]]
    pictures = load_small(WORLD, [row["image"] for _, row in picked])
    return [Work(row["id"], row["caption"], s, rgb) for (s, row), rgb in zip(picked, pictures, strict=True)]


def _stratum(row: dict, calibrate: bool) -> str | None:
    if row["split"] in (("tuning", "reserve") if calibrate else ("test",)):
        return "0"
    if row["split"] != "train" or row["variant"] != "same":
        return None
    even = int(_hash(row["id"])[:2], 16) % 2 == 0
    return str(row["multiplicity"]) if even == calibrate else None


def _hash(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def recipes(model: Model, work: Work, settings: Settings, seeds: Sequence[int]) -> list[Recipe]:
    """The work's own caption from plain noise, a recipe a seed."""
    side = model.info.default_size_px
    return [Recipe(model.ref, work.caption, seed, settings.steps, settings.guidance, settings.scheduler, side,
                   side, precision=model.precision) for seed in seeds]


def traced(model: Model, works: Sequence[Work], settings: Settings) -> Iterator[Trace]:
    """Every seed of every work run to its end; what an earlier run has left is read from disk."""
    for number, work in enumerate(works, 1):
        path = settings.folder / f"trace-{_key(model, work, settings)}.npz"
        if not path.exists():
            *_, found = trace(model, recipes(model, work, settings, range(settings.seeds)), work.rgb,
                              subject=work.id, stratum=work.stratum, batch=settings.batch)
            part = path.with_suffix(".part.npz")
            np.savez(part, distances=found.distances, closeness=found.closeness,
                     spent=[found.unet_evaluations, found.elapsed_s])
            part.rename(path)
            print(f"{number} of {len(works)}: multiplicity {work.stratum}, {found.elapsed_s:.0f} s", flush=True)
        with np.load(path) as kept:
            yield Trace(work.id, work.stratum, "tiled_l2", kept["distances"], kept["closeness"],
                        int(kept["spent"][0]), float(kept["spent"][1]))


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
