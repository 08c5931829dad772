"""What is searched for: a region of a picture, and an image and a text together."""

from __future__ import annotations

import numpy as np

from explorer.errors import ExplorerError

LEAST_PX = 8


def crop(rgb: np.ndarray, box: tuple[float, float, float, float]) -> np.ndarray:
    """The region (left, top, right, bottom) of (h, w, 3), each in [0, 1] of the picture's width or height.

    ExplorerError for a box that is empty, outside, or smaller than 8 pixels a side.
    """
    left, top, right, bottom = map(float, box)
    if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
        raise ExplorerError("collections.queries_region_not_lie", box=box)
    height, width = rgb.shape[:2]
    found = rgb[round(top * height):round(bottom * height), round(left * width):round(right * width)]
    if min(found.shape[:2]) < LEAST_PX:
        raise ExplorerError("collections.queries_region_pixels", last_shape=found.shape[1],
                            first_shape=found.shape[0], least_px=LEAST_PX)
    return np.ascontiguousarray(found)


def mix(image: np.ndarray, text: np.ndarray, *, text_weight: float = 0.5) -> np.ndarray:
    """(d,) float32 unit vector between an image's and a text's embedding; weight in [0, 1].

    Its similarities are lower than those of either alone, and compare only with each other.
    """
    if image.shape != text.shape:
        raise ExplorerError("collections.queries_image_dimensions_text", size=image.size, text_size=text.size)
    if not 0 <= text_weight <= 1:
        raise ExplorerError("collections.queries_text_weight", text_weight=text_weight)
    first, second = (v / max(float(np.linalg.norm(v)), 1e-12) for v in (image, text))
    both = (1 - text_weight) * first + text_weight * second
    length = float(np.linalg.norm(both))
    if length < 1e-6:
        raise ExplorerError("collections.queries_image_text_cancel")
    return (both / length).astype(np.float32)
