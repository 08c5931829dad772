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
        raise ExplorerError(f"The region {box} does not lie in the picture. Left and top must be below "
                            "right and bottom, all between 0 and 1.")
    height, width = rgb.shape[:2]
    found = rgb[round(top * height):round(bottom * height), round(left * width):round(right * width)]
    if min(found.shape[:2]) < LEAST_PX:
        raise ExplorerError(f"The region is {found.shape[1]} × {found.shape[0]} pixels; choose at least "
                            f"{LEAST_PX} × {LEAST_PX}.")
    return np.ascontiguousarray(found)


def mix(image: np.ndarray, text: np.ndarray, *, text_weight: float = 0.5) -> np.ndarray:
    """(d,) float32 unit vector between an image's and a text's embedding; weight in [0, 1].

    Its similarities are lower than those of either alone, and compare only with each other.
    """
    if image.shape != text.shape:
        raise ExplorerError(f"The image has {image.size} dimensions and the text {text.size}: they come from "
                            "different CLIPs.")
    if not 0 <= text_weight <= 1:
        raise ExplorerError(f"The text's weight is {text_weight}; it must lie between 0 and 1.")
    first, second = (v / max(float(np.linalg.norm(v)), 1e-12) for v in (image, text))
    both = (1 - text_weight) * first + text_weight * second
    length = float(np.linalg.norm(both))
    if length < 1e-6:
        raise ExplorerError("The image and the text cancel each other out; choose another weight.")
    return (both / length).astype(np.float32)
