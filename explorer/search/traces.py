"""What every seed of a subject looks like in few steps and in all: what races are calibrated and judged on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from explorer.closeness.pixel_scores import compare
from explorer.diffusion.autoencoder import decode
from explorer.diffusion.models import Model
from explorer.diffusion.sampling import Batch, Hint
from explorer.records import Recipe
from explorer.records.scores import SCORES, sort_key
from explorer.run import QUIET, Run
from explorer.search.race import first_x0, hint_for, short_batch


@dataclass(frozen=True, eq=False)
class Trace:
    """One subject with every seed replayed, in few steps and in all.

    `distances` (rows, n) float32: of replays of `steps[row]` steps by `score`, lower being nearer; the last row's
    are the whole replays. `costs` are network evaluations of one replay, row by row.
    """

    subject: str
    stratum: str
    score: str
    steps: tuple[int, ...]
    costs: tuple[float, ...]
    distances: np.ndarray

    @property
    def closeness(self) -> np.ndarray:
        """(n,) float32 of the whole replays, by `score`."""
        return -self.distances[-1] if SCORES[self.score].better == "higher" else self.distances[-1]


@dataclass(frozen=True, eq=False)
class Lot:
    """What one trace is made of: recipes alike but for the seed, and the subject (h, w, 3) uint8 of their size."""

    subject: str
    stratum: str
    recipes: Sequence[Recipe]
    rgb: np.ndarray


@dataclass(frozen=True, eq=False)
class TraceRow:
    """Every seed of a subject in so many steps: (n,) float32 distances, lower being nearer, and what one cost."""

    steps: int
    distances: np.ndarray
    cost: float  # network evaluations of one replay


SHORT = (2, 3, 6)  # steps of the short replays that plans are chosen among


def row(model: Model, lots: Sequence[Lot], steps: int, *, score: str = "tiled_l2", batch: int = 0,
        run: Run = QUIET) -> list[TraceRow]:
    """Runs every recipe of every lot in so many steps, lots side by side; a TraceRow a lot.

    All recipes have the same number of steps; where `steps` is as many, they are replayed whole.
    """
    recipes, size = [(n, r) for n, lot in enumerate(lots) for r in lot.recipes], batch or model.policy.batch
    whole, key, found, cost = steps == recipes[0][1].steps, sort_key(score), [], 0.0
    hints = [] if whole else [hint_for(model, lot.recipes[0], steps, first_x0(model, lot.recipes[0], batch=size),
                                       batch=size) for lot in lots]
    for first in range(0, len(recipes), size):
        part = recipes[first:first + size]
        own = [recipe for _, recipe in part]
        group = (Batch(model, own) if whole
                 else short_batch(model, own, steps, _each([hints[n] for n, _ in part])))
        while not group.done:
            group.step()
            run.tick()
        cost = group.unet_evaluations
        found += [key(compare(lots[n].rgb, rgb, only=(score,))[score])
                  for (n, _), rgb in zip(part, decode(model, group.latents), strict=True)]
    ends = np.cumsum([len(lot.recipes) for lot in lots])[:-1]
    return [TraceRow(steps, own, cost) for own in np.split(np.array(found, np.float32), ends)]


def _each(hints: Sequence[Hint]) -> Hint:
    """The hints of lanes of several lots as one."""
    pulls = None if hints[0].pulls is None else tuple(map(torch.stack, zip(*(h.pulls for h in hints), strict=True)))
    return Hint(torch.stack([h.x0 for h in hints]), pulls)


def trace_of(lot: Lot, rows: Sequence[TraceRow], *, score: str = "tiled_l2") -> Trace:
    """The rows of one lot put together, the whole replays last."""
    return Trace(lot.subject, lot.stratum, score, tuple(r.steps for r in rows), tuple(r.cost for r in rows),
                 np.stack([r.distances for r in rows]))


def trace(model: Model, lots: Sequence[Lot], *, steps: Sequence[int] = SHORT, score: str = "tiled_l2",
          batch: int = 0, run: Run = QUIET) -> list[Trace]:
    """Runs every recipe of every lot in so many `steps` each, then whole; a Trace a lot."""
    full = lots[0].recipes[0].steps
    lengths = (*(s for s in steps if s < full), full)
    columns = [row(model, lots, length, score=score, batch=batch, run=run) for length in lengths]
    return [trace_of(lot, rows, score=score) for lot, rows in zip(lots, zip(*columns, strict=True), strict=True)]


def blocks(found: Trace, starters: int) -> list[Trace]:
    """The trace cut into races of `starters` seeds each; what is left over is not used."""
    count = found.closeness.size // starters
    return [replace(found, distances=found.distances[:, i * starters:(i + 1) * starters]) for i in range(count)]
