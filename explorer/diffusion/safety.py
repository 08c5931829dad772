"""A model's own safety checker: it flags, and nothing else; a flagged picture keeps its pixels and scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image

if TYPE_CHECKING:
    from explorer.diffusion.models import Model


def flags(model: Model, images: np.ndarray) -> list[bool]:
    """Whether the model's checker flags each of (n, h, w, 3) uint8; all False for a model without one.

    The screens blur a flagged picture until it is asked for.
    """
    checker = getattr(model.pipe, "safety_checker", None)
    if checker is None:
        return [False] * len(images)
    seen = model.pipe.feature_extractor([Image.fromarray(i) for i in images], return_tensors="pt")
    pixels = seen.pixel_values.to(model.device, model.dtype)
    with torch.inference_mode():
        # The checker blackens what it flags in place: it gets arrays of its own.
        _, found = checker(images=list(np.zeros((len(images), 1, 1, 3), np.float32)), clip_input=pixels)
    return [bool(f) for f in found]
