"""Candidate pairs of near copies in near-linear time: nearest vectors by cells, equal bands of hashes.

No pass compares all with all. Vectors: cells about works drawn at random, and cells of those cells; what a
vector costs besides comparing it with a few cells' works grows with the square root of the number of cells,
which for a million vectors is 62. All that look into a cell do so at once, as one matrix product that the
processor's caches hold. A graph over the cells would take two copies to different cells more often. Hashes: two
within three bits share one of four 16-bit bands.
"""

from __future__ import annotations

import faiss
import numpy as np

from explorer.collections.signatures import distance
from explorer.records import Progress
from explorer.run import QUIET, Run
from explorer.texts import say

CELL = 256  # works a cell
PROBES = 4  # cells searched for each work, out of those in the PROBES nearest cells of cells
SMALL = 4_096  # up to here exact search is as fast
BAND_CAP = 64  # of a band's crowd, each is compared with so many followers
Pairs = tuple[np.ndarray, np.ndarray, np.ndarray]  # left, right, cosine


def vector_pairs(vectors: np.ndarray, *, k: int, least: float,
                 queries: np.ndarray | None = None, run: Run = QUIET) -> Pairs:
    """Pairs of (n, d) unit vectors whose cosine is at least `least`, among each one's `k` nearest.

    With `queries` (n, d), changed vectors under the same numbers, their nearest are taken instead.
    Returns (left, right, cosine): int64, int64, float32 arrays with left < right, each pair once.
    """
    asked = vectors if queries is None else queries
    if len(vectors) <= SMALL:
        everyone = np.arange(len(vectors))
        found = [_near(vectors, asked, everyone, everyone, k, least)] if len(vectors) else []
    else:
        found = _in_cells(vectors, asked, k, least, run)
    if not found:
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32)
    rows, ids, values = _nearest(*(np.concatenate(c) for c in zip(*found, strict=True)), k)
    return _once(np.minimum(rows, ids), np.maximum(rows, ids), values)


def _in_cells(vectors: np.ndarray, asked: np.ndarray, k: int, least: float, run: Run) -> list[Pairs]:
    """Per cell, (rows, ids, cosine) of those that look into it and of those that lie in it."""
    home, looks = _assigned(vectors, asked, run)
    cells = int(max(home.max(), looks.max())) + 1
    members, visitors = np.argsort(home, kind="stable"), np.argsort(looks.ravel(), kind="stable")
    inside = np.concatenate([[0], np.cumsum(np.bincount(home, minlength=cells))])
    coming = np.concatenate([[0], np.cumsum(np.bincount(looks.ravel(), minlength=cells))])
    found = []
    for cell in range(cells):
        if cell % 64 == 0:
            run.report(Progress(cell, cells, say("progress.comparing_works")))
        own = members[inside[cell]:inside[cell + 1]]
        who = visitors[coming[cell]:coming[cell + 1]] // PROBES
        if len(own) and len(who):
            found.append(_near(vectors, asked, who, own, k, least))
    return found


def _assigned(vectors: np.ndarray, asked: np.ndarray, run: Run) -> tuple[np.ndarray, np.ndarray]:
    """(n,) the cell that each vector lies in, and (n, PROBES) the cells that each query looks into."""
    n, rng = len(vectors), np.random.default_rng(0)
    centres = np.ascontiguousarray(vectors[np.sort(rng.choice(n, n // CELL, replace=False))], np.float32)
    tops = centres[np.sort(rng.choice(len(centres), int(len(centres) ** 0.5) + 1, replace=False))]
    above = _best(centres, tops, 1)[1][:, 0]
    below = [np.flatnonzero(above == top) for top in range(len(tops))]
    home, looks = np.zeros(n, np.int64), np.zeros((n, PROBES), np.int64)
    for at in range(0, n, 16_384):
        run.report(Progress(at, n, say("progress.sorting_works_into")))
        part = slice(at, at + 16_384)
        looks[part] = _looks(asked[part], centres, tops, below)
        home[part] = looks[part, 0] if asked is vectors else _looks(vectors[part], centres, tops, below)[:, 0]
    return home, looks


def _looks(rows: np.ndarray, centres: np.ndarray, tops: np.ndarray, below: list[np.ndarray]) -> np.ndarray:
    """(m, PROBES) the nearest of the centres that lie below each row's nearest tops, the nearest first."""
    near = _best(rows, tops, min(PROBES, len(tops)))[1]
    values, cells = np.full((len(rows), PROBES), -2, np.float32), np.zeros((len(rows), PROBES), np.int64)
    for top, own in enumerate(below):
        who = np.flatnonzero((near == top).any(axis=1))
        if not len(who):
            continue
        found, ids = _best(rows[who], centres[own], min(PROBES, len(own)))
        both, named = np.hstack([values[who], found]), np.hstack([cells[who], own[ids]])
        order = np.argsort(-both, axis=1, kind="stable")[:, :PROBES]
        values[who], cells[who] = np.take_along_axis(both, order, 1), np.take_along_axis(named, order, 1)
    return cells


def _best(rows: np.ndarray, others: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    return faiss.knn(np.ascontiguousarray(rows, np.float32), np.ascontiguousarray(others, np.float32), k,
                     metric=faiss.METRIC_INNER_PRODUCT)


def _near(vectors: np.ndarray, asked: np.ndarray, who: np.ndarray, own: np.ndarray, k: int,
          least: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(rows, ids, cosine) of the nearest among `own` to each of `who`, itself left out."""
    values, near = _best(asked[who], vectors[own], min(k + 1, len(own)))
    rows, ids = np.broadcast_to(who[:, None], near.shape), own[near]
    good = (values >= least) & (ids != rows)
    return rows[good], ids[good], values[good]


def _nearest(rows: np.ndarray, ids: np.ndarray, values: np.ndarray,
             k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The k best of each row."""
    order = np.lexsort((-values, rows))
    rows, ids, values = rows[order], ids[order], values[order]
    first = np.searchsorted(rows, rows)  # where each one's row begins
    best = np.arange(len(rows)) - first < k
    return rows[best], ids[best], values[best]


def hash_pairs(hashes: np.ndarray, others: np.ndarray | None = None, *,
               most: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Pairs (left, right) of `hashes` (n,) and `others` (n,) at most `most` bits apart, left != right.

    `others` holds hashes of changed pictures (mirrored, cropped) under the same numbers; none means the
    hashes themselves. All pairs up to 3 bits are found, except in crowds of more than BAND_CAP equals.
    """
    n = len(hashes)
    both = hashes if others is None else np.concatenate([hashes, others])
    lefts, rights = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for band in range(4):
        keys = (both >> np.uint64(16 * band)).astype(np.uint16)
        order = np.argsort(keys, kind="stable")
        for step in range(1, min(BAND_CAP, len(both) - 1) + 1):
            a, b = order[:-step], order[step:]
            same = keys[a] == keys[b]
            if not same.any():
                break
            a, b = a[same], b[same]
            near = (distance(both[a], both[b]) <= most) & (a % n != b % n)
            lefts.append(np.minimum(a[near] % n, b[near] % n))
            rights.append(np.maximum(a[near] % n, b[near] % n))
    left, right, _ = _once(np.concatenate(lefts), np.concatenate(rights), None)
    return left, right


def groups(count: int, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """(count,) int64: the lowest number of each one's connected group."""
    parent = list(range(count))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for i, j in zip(left.tolist(), right.tolist(), strict=True):
        a, b = root(i), root(j)
        if a != b:
            parent[max(a, b)] = min(a, b)
    return np.fromiter((root(i) for i in range(count)), np.int64, count)


def equal_rows(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs (first, other) of rows with the same bytes."""
    plain = np.ascontiguousarray(rows).view(np.uint8).reshape(len(rows), -1)
    words = -(-plain.shape[1] // 8)
    weights = np.random.default_rng(0).integers(1, 2**63, words, dtype=np.uint64) | np.uint64(1)
    keys = np.empty(len(rows), np.uint64)
    for at in range(0, len(rows), 65_536):
        part = plain[at:at + 65_536]
        padded = np.zeros((len(part), len(weights) * 8), np.uint8)
        padded[:, :part.shape[1]] = part
        keys[at:at + len(part)] = (padded.view(np.uint64) * weights).sum(axis=1, dtype=np.uint64)
    _, first, back = np.unique(keys, return_index=True, return_inverse=True)
    other = np.flatnonzero(first[back] != np.arange(len(rows)))
    return first[back][other], other


def _once(left: np.ndarray, right: np.ndarray, values: np.ndarray | None) -> tuple:
    """Each pair once, in order of its numbers."""
    if not len(left):
        return left, right, values
    key = left.astype(np.int64) * (int(right.max()) + 1) + right
    _, first = np.unique(key, return_index=True)
    return left[first], right[first], None if values is None else values[first]
