"""What every seed of a subject looked like at every step: the material that races are calibrated and judged on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from explorer.closeness.scores import compare
from explorer.diffusion.autoencoder import Encoded, decode
from explorer.diffusion.models import Model
from explorer.diffusion.sampling import Batch
from explorer.records import Recipe, Tick
from explorer.search.race import latent_distance


@dataclass(frozen=True, eq=False)
class Trace:
    """One subject with every seed run to its end.

    `distances` (steps, n) float32: predicted clean latents to the subject's after each step, the last row
    the finished latents; `closeness` (n,) float32 of the finished pictures, by `score`.
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


def trace(model: Model, lots: Sequence[Lot], *, score: str = "tiled_l2", batch: int = 0,
          clock: Callable[[], float] = time.monotonic) -> Iterator[Tick | Trace]:
    """Runs every recipe of every lot to its end, lots side by side; Ticks, then a Trace a lot.

    Seconds are shared out evenly between recipes.
    """
    began, size = clock(), batch or model.policy.batch
    rows = [(n, recipe) for n, lot in enumerate(lots) for recipe in lot.recipes]
    targets = torch.cat([Encoded(model, lot.rgb).draw(None) for lot in lots])  # (lots, c, h, w)
    columns, closeness, cost = [], [], 0
    for first in range(0, len(rows), size):
        part = rows[first:first + size]
        group, steps = Batch(model, [recipe for _, recipe in part]), []
        goals = targets[[n for n, _ in part]]  # (batch, c, h, w)
        while not group.done:
            view = group.step()
            steps.append(latent_distance(group.latents if group.done else view.x0, goals))
            yield Tick()
        cost = len(steps) * (2 if group.guided else 1)
        columns.append(torch.stack(steps).cpu().numpy())  # (steps, batch)
        closeness += [compare(lots[n].rgb, rgb, only=(score,))[score]
                      for (n, _), rgb in zip(part, decode(model, group.latents), strict=True)]
    distances, place = np.concatenate(columns, 1).astype(np.float32), 0
    per_s = (clock() - began) / len(rows)
    for lot in lots:
        count = len(lot.recipes)
        own = slice(place, place + count)
        yield Trace(lot.subject, lot.stratum, score, distances[:, own], np.array(closeness[own], np.float32),
                    cost * count, per_s * count)
        place += count


def blocks(found: Trace, starters: int) -> list[Trace]:
    """The trace cut into races of `starters` seeds each; what is left over is not used."""
    count = found.closeness.size // starters
    return [Trace(found.subject, found.stratum, found.score, found.distances[:, i * starters:(i + 1) * starters],
                  found.closeness[i * starters:(i + 1) * starters], 0, 0.0) for i in range(count)]
