"""Candidate pairs of near copies in near-linear time: nearest vectors by cells, equal bands of hashes.

No pass compares all with all. Vectors: an inverted file whose cells are works drawn at random, found
through a small graph (HNSW, Malkov & Yashunin 2016), so that the work a vector costs grows with the
logarithm of their number. Hashes: two within three bits share one of four 16-bit bands.
"""

from __future__ import annotations

from collections.abc import Iterator

import faiss
import numpy as np

from explorer.collections.signatures import distance
from explorer.records import Progress

CELL = 256  # works a cell
PROBES = 4  # cells searched for each work
SMALL = 4_096  # up to here exact search is as fast
BAND_CAP = 64  # of a band's crowd, each is compared with so many followers


def vector_pairs(vectors: np.ndarray, *, k: int, least: float,
                 queries: np.ndarray | None = None) -> Iterator[Progress]:
    """Pairs of (n, d) unit vectors whose cosine is at least `least`, among each one's `k` nearest.

    With `queries` (n, d), changed vectors under the same numbers, their nearest are taken instead.
    Returns (left, right, cosine): int64, int64, float32 arrays with left < right, each pair once.
    """
    index = _cells(vectors) if len(vectors) > SMALL else _exact(vectors)
    found: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    asked = vectors if queries is None else queries
    for at in range(0, len(vectors), 16_384):
        yield Progress(at, len(vectors), "comparing works")
        values, ids = index.search(np.ascontiguousarray(asked[at:at + 16_384], np.float32),
                                   min(k + 1, len(vectors)))
        rows = np.repeat(np.arange(at, at + len(ids)), ids.shape[1]).reshape(ids.shape)
        good = (ids >= 0) & (ids != rows) & (values >= least)
        found.append((np.minimum(rows, ids)[good], np.maximum(rows, ids)[good], values[good]))
    left, right, cosine = (np.concatenate(c) for c in zip(*found, strict=True))
    return _once(left, right, cosine)


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


def _cells(vectors: np.ndarray) -> faiss.Index:
    """An inverted file over half-precision vectors; its cells need no training."""
    n, dim = vectors.shape
    chosen = np.sort(np.random.default_rng(0).choice(n, n // CELL, replace=False))
    graph = faiss.IndexHNSWFlat(dim, 16, faiss.METRIC_INNER_PRODUCT)
    graph.hnsw.efConstruction, graph.hnsw.efSearch = 40, 16
    graph.add(np.ascontiguousarray(vectors[chosen], np.float32))
    index = faiss.IndexIVFScalarQuantizer(graph, dim, len(chosen), faiss.ScalarQuantizer.QT_fp16,
                                          faiss.METRIC_INNER_PRODUCT, False)
    index.train(np.ascontiguousarray(vectors[chosen], np.float32))
    for at in range(0, n, 65_536):
        index.add(np.ascontiguousarray(vectors[at:at + 65_536], np.float32))
    index.nprobe = PROBES
    return index


def _exact(vectors: np.ndarray) -> faiss.Index:
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(np.ascontiguousarray(vectors, np.float32))
    return index


def _once(left: np.ndarray, right: np.ndarray, values: np.ndarray | None) -> tuple:
    """Each pair once, in order of its numbers."""
    if not len(left):
        return left, right, values
    key = left.astype(np.int64) * (int(right.max()) + 1) + right
    _, first = np.unique(key, return_index=True)
    return left[first], right[first], None if values is None else values[first]
