"""How alike two signatures are: the best correlation over mirroring and small crops of either.

Coarsely first, over nine places and three sizes of a crop at 16 × 16 in grey; then, where that is
promising, finely at 32 × 32 by coordinate search over the crop's size and place; at the place so found
the colours are compared.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from explorer.collections.signatures import SIDE, grey, planes

SHARES = (0.95, 0.90, 0.85)  # of the side that a small crop keeps
PROMISING = 0.75  # coarse correlation from which the fine search is worth its time
LEAST_SHARE = 0.80
_BLOCK = 2_048
# Steps of (share, row, column); the last two grow and shrink about the middle.
_MOVES = np.array([(1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1),
                   (-1, 0.5, 0.5), (1, -0.5, -0.5)], np.float32)
_STEPS = (0.025, 0.0125, 0.00625)


def likeness(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(m,) float32 in [-1, 1] for pairs of (m, 3072) signatures, row by row; the order does not matter.

    Brightness, contrast, aspect, mirroring and crops down to LEAST_SHARE of the side do not count. It
    cannot see copies that are turned or recoloured, or small parts of a picture.
    """
    best = np.empty(len(a), np.float32)
    for at in range(0, len(a), _BLOCK):
        best[at:at + _BLOCK] = _block(a[at:at + _BLOCK], b[at:at + _BLOCK])
    return best


def _block(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    x, y = grey(a), grey(b)
    score, way, place = _coarse(_halved(x), _halved(y))
    coloured = _ways(planes(a), planes(b))
    for number, (first, second) in enumerate(_ways(x, y)):
        chosen = np.flatnonzero((way == number) & (score >= PROMISING))
        if len(chosen):
            found = _fine(first[chosen], standard(second[chosen]), place[chosen])
            left, right = (v[chosen].astype(np.float32) for v in coloured[number])
            score[chosen] = _in_colour(left, right, found)
    return score


def _in_colour(first: np.ndarray, second: np.ndarray, place: np.ndarray) -> np.ndarray:
    """(m,) correlation over all three planes of (m, 3, s, s) at the crop's place."""
    rows = sampling(SIDE, place[:, 0], place[:, 1])[:, None]
    columns = sampling(SIDE, place[:, 0], place[:, 2])[:, None]
    cut = rows @ first @ columns.transpose(0, 1, 3, 2)
    return np.einsum("mcyx,mcyx->m", standard(cut), standard(second))


def _ways(x: np.ndarray, y: np.ndarray) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    """Which of the two is cropped, and whether the other is mirrored."""
    return (x, y), (x, y[..., ::-1]), (y, x), (y, x[..., ::-1])


def _coarse(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Best correlation (m,), the way it came about (m,), and the crop's (share, row, column) (m, 3)."""
    score, way = np.full(len(x), -1, np.float32), np.zeros(len(x), np.int64)
    place = np.zeros((len(x), 3), np.float32)
    for number, (first, second) in enumerate(_ways(x, y)):
        fixed = standard(second)
        for where, rows, columns in _windows(x.shape[1]):
            found = (standard(rows @ first @ columns.T) * fixed).sum(axis=(1, 2))
            better = found > score
            score[better], way[better], place[better] = found[better], number, where
    return score, way, place


def _fine(first: np.ndarray, fixed: np.ndarray, place: np.ndarray) -> np.ndarray:
    """(m, 3) places of the best correlation, by coordinate search from each one's place."""
    score = _at(first, fixed, place)
    for step in _STEPS:
        for move in np.concatenate([_MOVES, _MOVES]):
            tried = place + move * step
            tried[:, 0] = tried[:, 0].clip(LEAST_SHARE, 1)
            tried[:, 1:] = np.minimum(tried[:, 1:].clip(0), 1 - tried[:, :1])
            found = _at(first, fixed, tried)
            better = found > score
            score[better], place[better] = found[better], tried[better]
    return place


def _at(first: np.ndarray, fixed: np.ndarray, place: np.ndarray) -> np.ndarray:
    rows = sampling(first.shape[1], place[:, 0], place[:, 1])
    columns = sampling(first.shape[1], place[:, 0], place[:, 2])
    return (standard(rows @ first @ columns.transpose(0, 2, 1)) * fixed).sum(axis=(1, 2))


def standard(x: np.ndarray) -> np.ndarray:
    """(m, ...) with mean 0 and length 1 each, so that a product summed is a correlation."""
    axes = tuple(range(1, x.ndim))
    x = x - x.mean(axis=axes, keepdims=True)
    return x / (np.sqrt((x * x).sum(axis=axes, keepdims=True)) + 1e-6)


def sampling(side: int, share: np.ndarray, start: np.ndarray) -> np.ndarray:
    """(m, side, side) float32: matrices that sample [start, start + share] of a side, linearly."""
    at = ((np.arange(side) + 0.5) / side * share[:, None] + start[:, None]) * side - 0.5
    at = at.clip(0, side - 1)
    low = np.minimum(at.astype(np.int64), side - 2)
    part = (at - low).astype(np.float32)
    matrix = np.zeros((len(share), side, side), np.float32)
    rows, columns = np.arange(len(share))[:, None], np.arange(side)[None]
    matrix[rows, columns, low] = 1 - part
    matrix[rows, columns, low + 1] = part
    return matrix


def _halved(x: np.ndarray) -> np.ndarray:
    half = x.shape[1] // 2
    return x.reshape(-1, half, 2, half, 2).mean(axis=(2, 4))


@lru_cache(maxsize=2)
def _windows(side: int) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """(place, rows, columns) of the whole picture and of small crops at nine places."""
    places = [(1.0, 0.0, 0.0)] + [(s, (1 - s) * y, (1 - s) * x) for s in SHARES
                                  for y in (0, 0.5, 1) for x in (0, 0.5, 1)]
    made = []
    for share, row, column in places:
        rows, columns = (sampling(side, np.array([share]), np.array([v]))[0] for v in (row, column))
        made.append((np.array([share, row, column], np.float32), rows, columns))
    return made
