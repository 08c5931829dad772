"""What every seed of a subject looked like at every step: the material that races are calibrated and judged on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from explorer.closeness.scores import compare
from explorer.diffusion.autoencoder import decode
from explorer.diffusion.models import Model
from explorer.diffusion.sampling import Batch
from explorer.records import Recipe, Tick
from explorer.search.foresight import foresight


@dataclass(frozen=True, eq=False)
class Trace:
    """One subject with every seed run to its end.

    `distances` (steps, n) float32: the predicted pictures' by `score` after each step, lower being nearer; NaN
    where nobody looked; the last row the finished pictures'. `closeness` (n,) float32 of those, by `score`.
    """

    subject: str
    stratum: str
    score: str
    distances: np.ndarray
    closeness: np.ndarray
    unet_evaluations: int
    elapsed_s: float


@dataclass(frozen=True, eq=False)
class Lot:
    """What one trace is made of: recipes alike but for the seed, and the subject (h, w, 3) uint8 of their size."""

    subject: str
    stratum: str
    recipes: Sequence[Recipe]
    rgb: np.ndarray


LOOKS = (0.25, 0.67)  # shares of the steps between which predictions are decoded


def trace(model: Model, lots: Sequence[Lot], *, score: str = "tiled_l2", batch: int = 0,
          clock: Callable[[], float] = time.monotonic) -> Iterator[Tick | Trace]:
    """Runs every recipe of every lot to its end, lots side by side; Ticks, then a Trace a lot.

    Seconds are shared out evenly between recipes.
    """
    began, size = clock(), batch or model.policy.batch
    rows = [(n, recipe) for n, lot in enumerate(lots) for recipe in lot.recipes]
    far = [foresight(model, lot.rgb, score) for lot in lots]
    columns, closeness, cost = [], [], 0
    for first in range(0, len(rows), size):
        part = rows[first:first + size]
        group, owners = Batch(model, [recipe for _, recipe in part]), [n for n, _ in part]
        total = len(group.timesteps)
        steps = np.full((total, len(part)), np.nan, np.float32)
        while not group.done:
            view = group.step()
            if group.done or LOOKS[0] * total - 0.5 <= group.index <= LOOKS[1] * total + 0.5:
                steps[group.index - 1] = _seen(far, owners, group.latents if group.done else view.x0)
            yield Tick()
        cost = total * (2 if group.guided else 1)
        columns.append(steps)
        closeness += [compare(lots[n].rgb, rgb, only=(score,))[score]
                      for (n, _), rgb in zip(part, decode(model, group.latents), strict=True)]
    distances, place = np.concatenate(columns, 1), 0
    per_s = (clock() - began) / len(rows)
    for lot in lots:
        count = len(lot.recipes)
        own = slice(place, place + count)
        yield Trace(lot.subject, lot.stratum, score, distances[:, own], np.array(closeness[own], np.float32),
                    cost * count, per_s * count)
        place += count


def _seen(far: list[Callable[[torch.Tensor], list[float]]], owners: Sequence[int],
          latents: torch.Tensor) -> np.ndarray:
    """(n,) distances of each row to its own lot's subject; rows of a lot stand together."""
    values: list[float] = []
    for number in dict.fromkeys(owners):
        rows = [i for i, owner in enumerate(owners) if owner == number]
        values += far[number](latents[rows])
    return np.array(values, np.float32)


def blocks(found: Trace, starters: int) -> list[Trace]:
    """The trace cut into races of `starters` seeds each; what is left over is not used."""
    count = found.closeness.size // starters
    return [Trace(found.subject, found.stratum, found.score, found.distances[:, i * starters:(i + 1) * starters],
                  found.closeness[i * starters:(i + 1) * starters], 0, 0.0) for i in range(count)]
