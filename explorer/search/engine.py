"""Work units of a search, done here or on other machines: a batch of replays, or one heat of a race.

Whoever does them has the same code and the same model; the search that sent them scores and writes.
"""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from explorer.diffusion.models import Model, is_out_of_memory, out_of_memory, release
from explorer.diffusion.rendered import Rendered
from explorer.diffusion.sampling import StepView, sample
from explorer.records import Recipe
from explorer.records.race_records import RaceRound
from explorer.run import QUIET, Run
from explorer.search.race import RacePlan, race
from explorer.texts import say

OnStep = Callable[[StepView, float], None]  # with the seconds since its images were begun


@dataclass(frozen=True, eq=False)
class Made:
    """What came of a part of a unit: images, `share_s` seconds each, or a checkpoint of a heat, or both at its end.

    Of a part made elsewhere `environment` says where.
    """

    images: tuple[Rendered, ...] = ()
    share_s: float = 0.0
    round: RaceRound | None = None
    environment: dict[str, Any] = field(default_factory=dict)


class BatchRoom:
    """How many images are made at once: half as many from the moment when memory runs out."""

    def __init__(self, size: int) -> None:
        self.size = size

    @contextlib.contextmanager
    def tried(self, count: int) -> Iterator[None]:
        """Swallows that memory ran out on `count` images, and halves; raises what halving cannot help."""
        try:
            yield
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            if count == 1:
                with out_of_memory(say("note.search.one_replay_size")):
                    raise
            self.size = count // 2
        else:
            return
        release()


@dataclass(frozen=True, eq=False)
class BatchUnit:
    """Recipes of one `batch_key`; `start_rgb` (h, w, 3) uint8 where they start from a picture, `words` the code of
    the embedding that they name.
    """

    recipes: tuple[Recipe, ...]
    start_rgb: np.ndarray | None = None
    words: bytes | None = None


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

    def after(self, passed: RaceRound) -> HeatUnit:
        """The heat as it goes on once a checkpoint lies behind it."""
        left = {r.seed: r for r in self.recipes}
        return replace(self, recipes=tuple(left[s] for s in passed.seeds[:passed.kept]), decided=passed.number + 1)


Unit = BatchUnit | HeatUnit


class LocalEngine:
    """A loaded model that does units in this process, one after another."""

    def __init__(self, model: Model, room: BatchRoom, *, on_step: OnStep | None = None,
                 clock: Callable[[], float] = time.monotonic) -> None:
        self.model, self.room, self.on_step, self.clock = model, room, on_step, clock

    def run(self, units: Iterable[Unit], on_made: Callable[[Any, Made], Any], *, run: Run) -> None:
        """See explorer.run.Engine; a heat ends at a checkpoint at which `on_made` says True."""
        for unit in units:
            self.do(unit, functools.partial(on_made, unit), run=run)

    def do(self, unit: Unit, on_made: Callable[[Made], Any], *, run: Run = QUIET) -> None:
        """One unit, in parts as they come; when memory runs out, what is left is done in halves."""
        (self._batch if isinstance(unit, BatchUnit) else self._heat)(unit, on_made, run)

    def _batch(self, unit: BatchUnit, on_made: Callable[[Made], Any], run: Run) -> None:
        left = unit.recipes
        while left:
            part, images, began = left[:self.room.size], [], self.clock()

            def seen(view: StepView, began: float = began) -> None:
                if self.on_step is not None:
                    self.on_step(view, self.clock() - began)

            with self.room.tried(len(part)):
                images = sample(self.model, part, start_rgb=unit.start_rgb, words=unit.words, run=run, on_step=seen)
            if images:
                left = left[len(part):]
                on_made(Made(tuple(images), (self.clock() - began) / len(images)))

    def _heat(self, heat: HeatUnit, on_made: Callable[[Made], Any], run: Run) -> None:
        """The race goes on from its last checkpoint when memory ran out. There are no views of single steps."""
        last, result, over = None, None, False

        def passed(reached: RaceRound) -> bool:
            nonlocal heat, over, last
            last = reached
            if not reached.finish:
                heat = heat.after(reached)
                over = bool(on_made(Made(round=reached)))
            return over

        while result is None and not over:
            size = min(heat.batch, self.room.size, len(heat.recipes))
            with self.room.tried(size):
                result = race(self.model, heat.recipes, heat.rgb, plan=heat.plan, batch=size,
                              starters=heat.starters, decided=heat.decided, score=heat.score, run=run,
                              on_round=passed, clock=self.clock)
        if result is not None:
            spent, each = result.effort, result.finished[0].unet_evaluations
            on_made(Made(result.finished, spent.elapsed_s * each / spent.unet_evaluations, last))
