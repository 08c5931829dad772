"""Where two pictures agree: a map for the eye, beside the scores and never instead of them."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from explorer.closeness.pixel_scores import ssim_map

OPACITY = 0.75  # of the tint over the picture in grey


def agreement(subject_rgb: np.ndarray, other_rgb: np.ndarray) -> np.ndarray:
    """(h, w) float32 in [0, 1]: 1 where light, structure and colour agree around a pixel, 0 where not.

    Local SSIM (negative counts as 0) times a falling function of the local colour difference (half at
    0.15). Two flat areas of one colour agree fully, so a shared empty background shows as agreement.
    """
    structure = np.clip(ssim_map(subject_rgb, other_rgb)[0], 0, 1)  # (h, w)
    difference = (subject_rgb.astype(np.float32) - other_rgb.astype(np.float32)) / 255.0
    squared = gaussian_filter((difference ** 2).mean(axis=2), 1.5, mode="mirror")
    colour = 1.0 / (1.0 + squared / 0.15 ** 2)
    return np.clip(structure * colour, 0, 1).astype(np.float32)


def overlay(rgb: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """(h, w, 3) uint8: the picture in grey, tinted from blue (heat 0) over white to orange (heat 1).

    The two ends differ in lightness order from grey alone and are told apart with any colour vision.
    """
    low, middle, high = (np.array(c, np.float32) for c in ((33, 102, 172), (247, 247, 247), (230, 97, 1)))
    share = np.clip(heat, 0, 1)[..., None]
    tint = np.where(share < 0.5, low + (middle - low) * 2 * share, middle + (high - middle) * (2 * share - 1))
    grey = rgb.astype(np.float32).mean(axis=2, keepdims=True).repeat(3, axis=2)
    return np.clip(np.rint((1 - OPACITY) * grey + OPACITY * tint), 0, 255).astype(np.uint8)


def shaded(rgb: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """(h, w, 3) uint8: the picture where `counted` (h, w) bool, grey stripes where the masked scores look away.

    Stripes are a sixteenth of the picture wide, so that they cannot be taken for something drawn.
    """
    h, w = counted.shape
    y, x = np.mgrid[:h, :w]
    width = max(2, max(h, w) // 16)
    stripes = np.where(((x + y) // width) % 2 == 0, 168, 204).astype(np.uint8)[..., None]
    return np.where(counted[..., None], rgb, stripes).astype(np.uint8)
