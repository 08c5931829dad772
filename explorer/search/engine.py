"""Work units that another process can do for a search: a batch of replays, or one heat of a race.

Whoever does them has the same code and the same model; the search that sent them scores and writes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from explorer.diffusion.models import Model, is_out_of_memory, out_of_memory, release
from explorer.diffusion.rendered import Rendered
from explorer.diffusion.sampling import sample
from explorer.records import Recipe, Tick
from explorer.records.race_records import RaceRound
from explorer.search.race import RacePlan, RaceResult, race
from explorer.texts import say


@dataclass(frozen=True, eq=False)
class BatchUnit:
    """Recipes of one `batch_key`; `start_rgb` (h, w, 3) uint8 where they start from a picture."""

    recipes: tuple[Recipe, ...]
    start_rgb: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class HeatUnit:
    """Lanes that race together towards `rgb` (h, w, 3) uint8 of their size; see `race`."""

    name: str
    recipes: tuple[Recipe, ...]
    rgb: np.ndarray
    plan: RacePlan
    batch: int
    starters: int
    decided: int = 0
    score: str = "tiled_l2"


@dataclass(frozen=True, eq=False)
class Made:
    """What came of a unit: images of a batch, or the checkpoints and result of a heat; seconds; where."""

    images: tuple[Rendered, ...] = ()
    race: tuple[RaceRound | RaceResult, ...] = ()
    elapsed_s: float = 0.0
    environment: dict[str, Any] = field(default_factory=dict)


class Engine(Protocol):
    """Does units elsewhere, several at once; each is done once, in whatever order they end."""

    def run(self, units: Iterable[BatchUnit | HeatUnit]) -> Iterator[Tick | tuple[BatchUnit | HeatUnit, Made]]:
        """Takes units as there is room for them; Ticks while it waits."""
        ...


def do(model: Model, unit: BatchUnit | HeatUnit, clock: Callable[[], float] = time.monotonic) -> Made:
    """Does one unit on a loaded model. When memory runs out a unit is done in halves."""
    began = clock()
    if isinstance(unit, BatchUnit):
        images = tuple(_images(model, unit.recipes, unit.start_rgb))
        return Made(images=images, elapsed_s=clock() - began)
    size = unit.batch
    while True:
        try:
            events = race(model, unit.recipes, unit.rgb, plan=unit.plan, batch=size, starters=unit.starters,
                          decided=unit.decided, score=unit.score, clock=clock)
            passed = tuple(e for e in events if isinstance(e, (RaceRound, RaceResult)))
            return Made(race=passed, elapsed_s=clock() - began)
        except (RuntimeError, MemoryError) as error:
            _halve_or_raise(error, size)
            size = max(1, size // 2)


def _images(model: Model, recipes: tuple[Recipe, ...], start_rgb: np.ndarray | None) -> list[Rendered]:
    try:
        return sample(model, recipes, start_rgb=start_rgb)
    except (RuntimeError, MemoryError) as error:
        _halve_or_raise(error, len(recipes))
    half = len(recipes) // 2
    return _images(model, recipes[:half], start_rgb) + _images(model, recipes[half:], start_rgb)


def _halve_or_raise(error: Exception, size: int) -> None:
    """Makes room for a second try with half as many; raises the error where that cannot help."""
    if not is_out_of_memory(error):
        raise error
    if size == 1:
        with out_of_memory(say("note.search.one_replay_size")):
            raise error
    release()
