"""Near copies among thousands of works: which one of each family enters the pool, and who its doubles are.

Same thresholds as `truth.groups`, but chains are not followed: a work is left out only if it is near a work
that is kept. Otherwise all round yellow faces would become one group.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from explorer.closeness.tiled import TILE_PX, distances
from explorer.world_build.truth import GROUP_CORRELATION, GROUP_TILE

BLOCK = 512


def leaders(captions: list[str], pixels: np.ndarray, order: np.ndarray) -> np.ndarray:
    """(n,) int: for each work the kept work that it is near to, itself where it is kept.

    `order` (n,) says who comes first; pixels (n, 64, 64, 3) uint8.
    """
    near = neighbours(captions, pixels)
    leader = np.full(len(captions), -1)
    for i in order:
        if leader[i] < 0:
            leader[i] = i
            for j in near[i]:
                if leader[j] < 0:
                    leader[j] = i
    return leader


def neighbours(captions: list[str], pixels: np.ndarray) -> list[list[int]]:
    """Works near to each work, by caption, tiled distance or the correlation of their ink."""
    found: list[set[int]] = [set() for _ in captions]
    for i, j in (*_equal(captions), *alike(pixels)):
        found[i].add(j)
        found[j].add(i)
    return [sorted(f) for f in found]


def _equal(captions: list[str]) -> Iterator[tuple[int, int]]:
    first: dict[str, int] = {}
    for i, caption in enumerate(captions):
        key = re.sub(r"[^a-z0-9]+", " ", caption.lower()).strip()
        if first.setdefault(key, i) != i:
            yield first[key], i


def alike(pixels: np.ndarray) -> Iterator[tuple[int, int]]:
    """Pairs of works whose 64 px images (n, 64, 64, 3) are near by tiled distance or by their ink."""
    x = pixels.astype(np.float32) / 255
    ink = (1 - x.mean(-1)).reshape(len(x), -1)
    ink -= ink.mean(1, keepdims=True)
    ink /= np.linalg.norm(ink, axis=1, keepdims=True) + 1e-6
    coarse = _tile_means(x)
    for start in range(0, len(x), BLOCK):
        part = slice(start, start + BLOCK)
        alike = ink[part] @ ink[:start + BLOCK].T > GROUP_CORRELATION
        maybe = _coarse_distance(coarse[part], coarse[:start + BLOCK]) < GROUP_TILE
        for row, (one, other) in enumerate(zip(alike, maybe, strict=True)):
            i = start + row
            one[i:], other[i:] = False, False
            rest = np.flatnonzero(other & ~one)
            if len(rest):
                one[rest] = distances(x[rest], x[i:i + 1])[0] < GROUP_TILE
            yield from ((int(j), i) for j in np.flatnonzero(one))


def _tile_means(x: np.ndarray) -> np.ndarray:
    """(n, 256, 3): mean colours of 4 px squares."""
    n, side = len(x), x.shape[1] // 4
    return x.reshape(n, side, 4, side, 4, 3).mean((2, 4)).reshape(n, -1, 3)


def _coarse_distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(m, n) tiled distance of the mean colours: never above the tiled distance of the images themselves."""
    side, k = int(len(a[0]) ** 0.5), TILE_PX // 4
    def tiles(v: np.ndarray) -> np.ndarray:
        t = v.reshape(len(v), side // k, k, side // k, k, 3)
        return t.transpose(1, 3, 0, 2, 4, 5).reshape((side // k) ** 2, len(v), -1)
    worst = np.zeros((len(a), len(b)), np.float32)
    for u, v in zip(tiles(a), tiles(b), strict=True):
        square = (u * u).sum(1)[:, None] + (v * v).sum(1)[None] - 2 * (u @ v.T)
        np.maximum(worst, square / u.shape[1], out=worst)
    return np.sqrt(np.maximum(worst - 1e-6, 0))
