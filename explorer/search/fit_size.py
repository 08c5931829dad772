"""The subject at a replay's size: `fit_square`, also for replays that are not square."""

from __future__ import annotations

import numpy as np

from explorer.images.prepare import fit_square


def fit(rgb: np.ndarray, *, height_px: int, width_px: int) -> np.ndarray:
    """(height_px, width_px, 3) uint8: the whole picture, aspect kept, centred on white, Lanczos.

    This is what a replay is compared with, and what img2img starts from.
    """
    if height_px == width_px:
        return fit_square(rgb, width_px)
    height, width = rgb.shape[:2]
    side = max(1, round(max(height, width) * min(height_px / height, width_px / width)))
    square = fit_square(rgb, side)
    page = np.full((height_px, width_px, 3), 255, np.uint8)
    rows, columns = min(side, height_px), min(side, width_px)
    top, left = (side - rows) // 2, (side - columns) // 2
    y, x = (height_px - rows) // 2, (width_px - columns) // 2
    page[y:y + rows, x:x + columns] = square[top:top + rows, left:left + columns]
    return page
