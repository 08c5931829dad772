"""Tiled distance of many pictures to many: what `scores.tiled_l2` gives for two, as one table.

Carlini et al. 2023, "Extracting Training Data from Diffusion Models": the largest root mean square
difference over non-overlapping tiles, here 16 tiles of 16 × 16 px at 64 × 64 px, on [0, 1].
"""

from __future__ import annotations

import numpy as np

TILE_PX = 16


def tiled_distance(images: np.ndarray, image: np.ndarray) -> np.ndarray:
    """(n,) float: tiled distance of `image` (64, 64, 3) to each of (n, 64, 64, 3), on [0, 1]."""
    difference = images.astype(np.float32) - image.astype(np.float32)
    n, side = len(difference), difference.shape[1]
    tiles = side // TILE_PX
    split = difference.reshape(n, tiles, TILE_PX, tiles, TILE_PX * 3)
    means = np.einsum("natbp,natbp->nab", split, split) / (TILE_PX * TILE_PX * 3)
    return np.sqrt(means.reshape(n, -1).max(axis=1))


def distances(works: np.ndarray, images: np.ndarray) -> np.ndarray:
    """(m, n) float32: tiled distance of m images to n works, both (., 64, 64, 3) on [0, 1].

    Through |a - b|² = |a|² + |b|² - 2ab in each tile, so that thousands are cheap.
    """
    a, b = _tiles(images), _tiles(works)  # (16, m, 768), (16, n, 768)
    worst = np.zeros((len(images), len(works)), np.float32)
    for x, y in zip(a, b, strict=True):
        square = (x * x).sum(1)[:, None] + (y * y).sum(1)[None] - 2 * (x @ y.T)
        np.maximum(worst, square / x.shape[1], out=worst)
    return np.sqrt(np.maximum(worst, 0))


def _tiles(images: np.ndarray) -> np.ndarray:
    """(16, n, 768) float32 tiles of (n, 64, 64, 3)."""
    n, side = len(images), images.shape[1]
    k = side // TILE_PX
    x = images.astype(np.float32).reshape(n, k, TILE_PX, k, TILE_PX, 3)
    return x.transpose(1, 3, 0, 2, 4, 5).reshape(k * k, n, -1)
