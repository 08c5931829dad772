"""Signs that this model made a picture, or that one was made through it: such a picture says nothing of training.

A test of familiarity takes a model's own outputs for pictures that it learnt (MGI, arXiv 2606.23872), and their replay
comes back exactly. What a model decoded lies where its autoencoder can draw: a round trip changes it little more than
a second round trip does (after LatentTracer, arXiv 2405.13360), and what it predicted itself, it predicts well again
at the smallest times.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from explorer.diffusion.autoencoder import round_trip
from explorer.diffusion.denoising import denoising_errors, latents_of
from explorer.diffusion.models import Model
from explorer.run import QUIET, Run

EARLY = (50, 100)  # thousandths of the way to noise
LEAST = 1e-3  # of a mean squared difference of pixels in [0, 255]


def early_evaluations() -> int:
    """Of the network for one picture's signs."""
    return 2 * len(EARLY)


def signs_of(model: Model, pictures: Sequence[np.ndarray], *, batch: int = 0, run: Run = QUIET) -> list[dict[str, float]]:
    """The signs of n pictures (h, w, 3) uint8 of the model's size; the lower, the likelier made by it.

    "round_trip": log of what the autoencoder changes, over what it changes the second time. "early": log error at the
    smallest times, less that of the picture after its round trip, without words.
    """
    first = [round_trip(model, rgb) for rgb in pictures]
    second = [round_trip(model, rgb) for rgb in first]
    both = latents_of(model, [*pictures, *first], run=run)
    errors = np.log(denoising_errors(model, both, [""] * len(both), times=EARLY, batch=batch, run=run)).mean((1, 2))
    return [{"round_trip": float(np.log(_apart(a, b) / _apart(b, c))), "early": float(mine - again)}
            for a, b, c, mine, again in zip(pictures, first, second, *np.split(errors, 2), strict=True)]


def _apart(a: np.ndarray, b: np.ndarray) -> float:
    return max(float(np.square(a.astype(np.float32) - b.astype(np.float32)).mean()), LEAST)
