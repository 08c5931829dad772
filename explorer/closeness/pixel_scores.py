"""Closeness of two pictures of one size from their pixels alone; the learned scores are in learned.py."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise

import imagehash
import numpy as np
import scipy
from PIL import Image

from explorer.records.scores import PIXEL_SCORES

TILES = 4  # a side: 16 tiles, as Carlini et al. 2023 (128 px at 512; 16 px at 64)
PSNR_SAME = 100.0  # stands for "identical", so that every score stays finite
_MS_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
_WINDOW = 11
DRAWN = 0.06  # of the range of a channel: as far from the background as what counts as drawn


def compare(subject_rgb: np.ndarray, other_rgb: np.ndarray, *,
            only: Iterable[str] | None = None) -> dict[str, float]:
    """Named pixel scores between two (h, w, 3) uint8 pictures of equal size; see the catalogue.

    `only` limits which are computed (unknown names raise KeyError). From 160 px up it is "ms_ssim", below
    "ms_ssim_few", whichever of the two was asked for.
    """
    if subject_rgb.shape != other_rgb.shape or subject_rgb.ndim != 3 or subject_rgb.shape[2] != 3:
        raise ValueError("two (h, w, 3) pictures of one size needed, "
                         f"got {subject_rgb.shape} and {other_rgb.shape}")
    multi = "ms_ssim" if min(subject_rgb.shape[:2]) >= 160 else "ms_ssim_few"
    wanted = PIXEL_SCORES if only is None else only
    names = dict.fromkeys(multi if name.startswith("ms_ssim") else name for name in wanted)
    return {name: float(_SCORES[name](subject_rgb, other_rgb)) for name in names}


def _unit(rgb: np.ndarray) -> np.ndarray:
    return rgb.astype(np.float32) / 255.0


def grey(rgb: np.ndarray) -> np.ndarray:
    """(h, w) float32 brightness in [0, 1], ITU-R BT.601 weights."""
    return _unit(rgb) @ np.array([0.299, 0.587, 0.114], np.float32)


def drawn_mask(subject_rgb: np.ndarray, other_rgb: np.ndarray) -> np.ndarray:
    """(h, w) bool: where either picture differs from its own flat background, grown by 2 pixels.

    Background is the commonest colour of a picture's border (in steps of 8 of 256). If nothing is
    drawn on either, everything counts.
    """
    mask = _differs(subject_rgb) | _differs(other_rgb)
    return scipy.ndimage.maximum_filter(mask, size=5) if mask.any() else np.ones(mask.shape, bool)


def _differs(rgb: np.ndarray) -> np.ndarray:
    border = np.concatenate([rgb[0], rgb[-1], rgb[:, 0], rgb[:, -1]])
    cells, counts = np.unique(border // 8, axis=0, return_counts=True)
    inside = (border // 8 == cells[counts.argmax()]).all(axis=1)
    background = border[inside].astype(np.float32).mean(axis=0) / 255.0
    return np.abs(_unit(rgb) - background).max(axis=2) > DRAWN


def l2(a: np.ndarray, b: np.ndarray) -> float:
    """Root mean squared difference of pixels in [0, 1]; range [0, 1]."""
    return float(np.sqrt(np.mean((_unit(a) - _unit(b)) ** 2)))


def tiled_l2(a: np.ndarray, b: np.ndarray) -> float:
    """Largest root mean squared difference over 4 × 4 tiles; range [0, 1]. Carlini et al. 2023, 5.1."""
    squared = ((_unit(a) - _unit(b)) ** 2).mean(axis=2)
    return float(np.sqrt(max(tile.mean() for tile in _tiles(squared))))


def tiled_l2_masked(a: np.ndarray, b: np.ndarray) -> float:
    """tiled_l2 over drawn pixels only; a tile counts when at least a tenth of it is drawn."""
    squared, mask = ((_unit(a) - _unit(b)) ** 2).mean(axis=2), drawn_mask(a, b)
    means = [t[m].mean() for t, m in zip(_tiles(squared), _tiles(mask), strict=True) if m.mean() >= 0.1]
    return float(np.sqrt(max(means))) if means else float(np.sqrt(squared[mask].mean()))


def _tiles(values: np.ndarray) -> list[np.ndarray]:
    """At most 16 non-empty tiles that cover (h, w) values; near-equal where 4 does not divide a side."""
    rows, columns = (np.linspace(0, n, min(TILES, n) + 1).astype(int) for n in values.shape)
    return [values[r0:r1, c0:c1] for r0, r1 in pairwise(rows)
            for c0, c1 in pairwise(columns)]


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB for a peak of 1; 100 for identical pictures."""
    return _decibel(float(np.mean((_unit(a) - _unit(b)) ** 2)))


def psnr_masked(a: np.ndarray, b: np.ndarray) -> float:
    """PSNR over drawn pixels only."""
    return _decibel(float(((_unit(a) - _unit(b)) ** 2)[drawn_mask(a, b)].mean()))


def _decibel(mean_squared: float) -> float:
    return PSNR_SAME if mean_squared <= 1e-10 else min(PSNR_SAME, -10.0 * float(np.log10(mean_squared)))


def ssim_map(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """SSIM and its contrast-structure part at every pixel, (h, w) float32 each. Wang et al. 2004.

    Gaussian window of 11 pixels, sigma 1.5, edges mirrored; brightness only.
    """
    return _ssim_parts(grey(a), grey(b))


def _ssim_parts(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    c1, c2 = 0.01 ** 2, 0.03 ** 2
    mx, my = _blur(x), _blur(y)
    vx, vy = _blur(x * x) - mx * mx, _blur(y * y) - my * my
    cov = _blur(x * y) - mx * my
    structure = (2 * cov + c2) / (vx + vy + c2)
    return (2 * mx * my + c1) / (mx * mx + my * my + c1) * structure, structure


def _blur(values: np.ndarray) -> np.ndarray:
    offsets = np.arange(_WINDOW, dtype=np.float32) - _WINDOW // 2
    kernel = np.exp(-offsets ** 2 / (2 * 1.5 ** 2))
    kernel /= kernel.sum()
    along_y = scipy.ndimage.correlate1d(values, kernel, axis=0, mode="mirror")
    return scipy.ndimage.correlate1d(along_y, kernel, axis=1, mode="mirror")


def ssim(a: np.ndarray, b: np.ndarray) -> float:
    """Mean structural similarity of brightness; range [-1, 1]. Wang et al. 2004."""
    return float(ssim_map(a, b)[0].mean())


def ssim_masked(a: np.ndarray, b: np.ndarray) -> float:
    """SSIM averaged over drawn pixels only."""
    return float(ssim_map(a, b)[0][drawn_mask(a, b)].mean())


def ms_ssim(a: np.ndarray, b: np.ndarray) -> float:
    """Multi-scale SSIM with as many of the five scales as leave a window's width; range [0, 1].

    Wang et al. 2003; weights of the scales in use are scaled to sum to 1, negative parts count as 0.
    """
    scales = int(np.clip(np.log2(min(a.shape[:2]) / _WINDOW) + 1, 1, len(_MS_WEIGHTS)))
    weights = np.array(_MS_WEIGHTS[:scales]) / sum(_MS_WEIGHTS[:scales])
    x, y, product = grey(a), grey(b), 1.0
    for i, weight in enumerate(weights):
        full, structure = _ssim_parts(x, y)
        product *= max(0.0, float((full if i == scales - 1 else structure).mean())) ** weight
        x, y = _halve(x), _halve(y)
    return product


def _halve(values: np.ndarray) -> np.ndarray:
    h, w = values.shape[0] // 2 * 2, values.shape[1] // 2 * 2
    even = values[:h, :w]
    return (even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]) / 4 if h and w else values


def edge_cosine(a: np.ndarray, b: np.ndarray) -> float:
    """Cosine between the two fields of brightness gradients; range [-1, 1]; 0 if either is flat."""
    if min(a.shape[:2]) < 2:
        return 0.0
    fields = [np.stack(np.gradient(_blur(grey(rgb)))) for rgb in (a, b)]
    fields = [np.where(np.abs(f) < 1e-4, 0, f) for f in fields]
    norm = np.sqrt((fields[0] ** 2).sum() * (fields[1] ** 2).sum())
    return float((fields[0] * fields[1]).sum() / norm) if norm > 0 else 0.0


def _hash_distance(make: Callable) -> Callable[[np.ndarray, np.ndarray], float]:
    return lambda a, b: float(make(Image.fromarray(a)) - make(Image.fromarray(b)))


def flatness(rgb: np.ndarray) -> float:
    """Share of pixels whose 3 × 3 surroundings are flat (range below 2 %); in [0, 1]."""
    light = grey(rgb)
    return float((scipy.ndimage.maximum_filter(light, 3) - scipy.ndimage.minimum_filter(light, 3) < 0.02).mean())


_SCORES: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "tiled_l2": tiled_l2, "tiled_l2_masked": tiled_l2_masked, "l2": l2, "psnr": psnr,
    "psnr_masked": psnr_masked, "ssim": ssim, "ssim_masked": ssim_masked, "ms_ssim": ms_ssim,
    "ms_ssim_few": ms_ssim, "edge_cosine": edge_cosine, "phash": _hash_distance(imagehash.phash),
    "dhash": _hash_distance(imagehash.dhash), "colour_hash": _hash_distance(imagehash.colorhash)}
