"""What every seed of a subject looks like in few steps and in all: what races are calibrated and judged on."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from explorer.closeness.pixel_scores import compare
from explorer.diffusion.autoencoder import decode
from explorer.diffusion.models import Model
from explorer.diffusion.sampling import Batch
from explorer.records import Recipe
from explorer.records.scores import SCORES
from explorer.run import QUIET, Run
from explorer.search.race import short_batch


@dataclass(frozen=True, eq=False)
class Trace:
    """One subject with every seed replayed, in few steps and in all.

    `distances` (rows, n) float32: of replays of `steps[row]` steps by `score`, lower being nearer; the last row's
    are the whole replays. `costs` are network evaluations of one replay, row by row. `closeness` (n,) float32 of
    the whole ones, by `score`.
    """

    subject: str
    stratum: str
    score: str
    steps: tuple[int, ...]
    costs: tuple[int, ...]
    distances: np.ndarray
    closeness: np.ndarray
    elapsed_s: float


@dataclass(frozen=True, eq=False)
class Lot:
    """What one trace is made of: recipes alike but for the seed, and the subject (h, w, 3) uint8 of their size."""

    subject: str
    stratum: str
    recipes: Sequence[Recipe]
    rgb: np.ndarray


# Steps of the short replays that plans are chosen among. On the bundled world's tuning works two and three steps
# put the best of 64 seeds as far back as the 50th and the 26th place, four and five the 14th and the 9th.
SHORT = (4, 5)


def trace(model: Model, lots: Sequence[Lot], *, steps: Sequence[int] = SHORT, score: str = "tiled_l2",
          batch: int = 0, run: Run = QUIET, clock: Callable[[], float] = time.monotonic) -> list[Trace]:
    """Runs every recipe of every lot in so many `steps` each, then whole, lots side by side; a Trace a lot.

    All recipes have the same number of steps. Seconds are shared out evenly between recipes.
    """
    began, size = clock(), batch or model.policy.batch
    rows = [(n, recipe) for n, lot in enumerate(lots) for recipe in lot.recipes]
    full = rows[0][1].steps
    lengths = (*(s for s in steps if s < full), full)
    columns: list[np.ndarray] = []
    for first in range(0, len(rows), size):
        part, column, costs = rows[first:first + size], [], []
        for length in lengths:
            own = [recipe for _, recipe in part]
            group = Batch(model, own) if length == full else short_batch(model, own, length)
            while not group.done:
                group.step()
                run.tick()
            costs.append(group.unet_evaluations)
            column.append([compare(lots[n].rgb, rgb, only=(score,))[score]
                           for (n, _), rgb in zip(part, decode(model, group.latents), strict=True)])
        columns.append(np.array(column, np.float32))
    values, place, found = np.concatenate(columns, 1), 0, []  # (rows, n)
    turn = -1.0 if SCORES[score].better == "higher" else 1.0  # as sort_key does
    for lot in lots:
        own, share = values[:, place:place + len(lot.recipes)], len(lot.recipes) / len(rows)
        found.append(Trace(lot.subject, lot.stratum, score, lengths, tuple(costs), turn * own, own[-1],
                           (clock() - began) * share))
        place += len(lot.recipes)
    return found


def blocks(found: Trace, starters: int) -> list[Trace]:
    """The trace cut into races of `starters` seeds each; what is left over is not used."""
    count = found.closeness.size // starters
    return [replace(found, distances=found.distances[:, i * starters:(i + 1) * starters],
                    closeness=found.closeness[i * starters:(i + 1) * starters], elapsed_s=0.0)
            for i in range(count)]
