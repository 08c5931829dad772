"""The autoencoder floor: how close a model's own encode and decode comes to a subject.

No replay can be expected to beat it.
"""

from __future__ import annotations

import numpy as np

from explorer.closeness.pixel_scores import compare
from explorer.diffusion.autoencoder import round_trip
from explorer.diffusion.models import Model
from explorer.search.fit_size import fit


def autoencoder_floor(model: Model, subject_rgb: np.ndarray, *, height_px: int,
                      width_px: int) -> dict[str, float]:
    """Pixel scores between the subject, fitted to a replay's size, and its own round trip."""
    subject = fit(subject_rgb, height_px=height_px, width_px=width_px)
    return compare(subject, round_trip(model, subject))
