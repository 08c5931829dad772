"""Work units of a test of familiarity, done here or elsewhere: pictures that go through one plan together."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from explorer.diffusion.denoising import latents_of
from explorer.diffusion.models import Model
from explorer.familiarity.familiarity_plan import Plan
from explorer.familiarity.statistic import Gaps, familiarity
from explorer.run import QUIET, Run
from explorer.search.fit_size import fit

TOGETHER = 16  # pictures a unit: what is lost when a run ends


@dataclass(frozen=True, eq=False)
class KnownUnit:
    """Pictures (h, w, 3) uint8 of the model's size, each with its words."""

    plan: Plan
    pictures: tuple[np.ndarray, ...]
    words: tuple[tuple[str, ...], ...]
    told: tuple[tuple[str, dict[str, float]], ...] = ()  # each one's name and features, for whoever takes them back


def measured(model: Model, unit: KnownUnit, run: Run = QUIET) -> Gaps:
    """What the plan finds for a unit's pictures."""
    return familiarity(model, latents_of(model, unit.pictures), unit.words, unit.plan, run=run)


def laid(model: Model, rgb: np.ndarray) -> np.ndarray:
    """A picture (h, w, 3) uint8 on a square of the model's size."""
    side = model.info.default_size_px
    return fit(rgb, height_px=side, width_px=side)


class MeasuredHere:
    """Units one after another in this process."""

    def __init__(self, model: Model) -> None:
        self.model = model

    def run(self, units: Iterable[KnownUnit], on_made: Callable[[KnownUnit, Gaps], None], *, run: Run) -> None:
        """See explorer.run.Engine."""
        for unit in units:
            on_made(unit, measured(self.model, unit, run))
