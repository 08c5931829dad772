"""The sign that this model made a picture, or that one was made through it: it says nothing of training then.

A test of familiarity takes a model's own outputs for pictures that it learnt (MGI, arXiv 2606.23872), and their
replay comes back exactly. What a model decoded lies where its autoencoder can draw: a round trip changes it little
more than a second round trip does (after LatentTracer, arXiv 2405.13360). A drawing by hand loses something the
first time. Another sign that was looked at on tuning works, the error at the smallest times against the round
trip's, told nothing apart there.
"""

from __future__ import annotations

import numpy as np

from explorer.diffusion.autoencoder import round_trip
from explorer.diffusion.models import Model

LEAST = 1e-3  # of a mean squared difference of pixels in [0, 255]


def first_loss(model: Model, rgb: np.ndarray) -> float:
    """Log of what the autoencoder changes of a picture (h, w, 3) uint8 of the model's size, over what it changes of
    the result: about 0 for what it decoded itself. No network evaluation is spent."""
    once = round_trip(model, rgb)
    again = round_trip(model, once)
    return float(np.log(_apart(rgb, once) / _apart(once, again)))


def _apart(a: np.ndarray, b: np.ndarray) -> float:
    return max(float(np.square(a.astype(np.float32) - b.astype(np.float32)).mean()), LEAST)
