"""An image laid on a square: the one way in which pictures enter models, encoders and scores."""

from __future__ import annotations

import numpy as np
from PIL import Image


def fit_square(rgb: np.ndarray, size_px: int,
               background: tuple[int, int, int] = (255, 255, 255)) -> np.ndarray:
    """(size_px, size_px, 3) uint8: aspect kept, centred on `background`, Lanczos; never cropped.

    An image that already has this size comes back unchanged.
    """
    if size_px < 1:
        raise ValueError(f"size_px must be at least 1, got {size_px}")
    height, width = rgb.shape[:2]
    if (height, width) == (size_px, size_px):
        return rgb.copy()
    scale = size_px / max(height, width)
    new_w, new_h = max(1, round(width * scale)), max(1, round(height * scale))
    image = Image.fromarray(np.ascontiguousarray(rgb), "RGB").resize((new_w, new_h), Image.Resampling.LANCZOS)
    page = Image.new("RGB", (size_px, size_px), background)
    page.paste(image, ((size_px - new_w) // 2, (size_px - new_h) // 2))
    return np.array(page)
