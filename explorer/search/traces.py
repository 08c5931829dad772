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


def trace(model: Model, recipes: Sequence[Recipe], subject_rgb: np.ndarray, *, subject: str, stratum: str,
          score: str = "tiled_l2", batch: int = 0,
          clock: Callable[[], float] = time.monotonic) -> Iterator[Tick | Trace]:
    """Runs every recipe (alike but for the seed) to its end; Ticks, then the Trace.

    `subject_rgb` (h, w, 3) uint8 is of the recipes' size.
    """
    began, spent, size = clock(), 0, batch or model.policy.batch
    target = Encoded(model, subject_rgb).draw(None)
    columns, closeness = [], []
    for first in range(0, len(recipes), size):
        group, rows = Batch(model, recipes[first:first + size]), []
        while not group.done:
            view = group.step()
            rows.append(latent_distance(group.latents if group.done else view.x0, target))
            spent += len(group.recipes) * (2 if group.guided else 1)
            yield Tick()
        columns.append(torch.stack(rows).cpu().numpy())  # (steps, batch)
        closeness += [compare(subject_rgb, rgb, only=(score,))[score] for rgb in decode(model, group.latents)]
    yield Trace(subject, stratum, score, np.concatenate(columns, 1).astype(np.float32),
                np.array(closeness, np.float32), spent, clock() - began)


def blocks(found: Trace, starters: int) -> list[Trace]:
    """The trace cut into races of `starters` seeds each; what is left over is not used."""
    count = found.closeness.size // starters
    return [Trace(found.subject, found.stratum, found.score, found.distances[:, i * starters:(i + 1) * starters],
                  found.closeness[i * starters:(i + 1) * starters], 0, 0.0) for i in range(count)]
