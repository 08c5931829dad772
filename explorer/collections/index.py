"""Opening a faiss index file that somebody else may have made: checked first, then memory-mapped.

faiss reads its files in C++, so a damaged file could end the process. A flat index is checked here by
its header; every other kind is first opened in a process of its own (see checks.py).
"""

from __future__ import annotations

import struct
from pathlib import Path

import faiss
import numpy as np

from explorer.collections.checks import check_index
from explorer.errors import ExplorerError

_FLAT = struct.Struct("<4siqqqBi")  # kind, dimension, count, two unused, trained, metric
_COUNT = struct.Struct("<q")


class VectorIndex:
    """A faiss index whose results are similarities: cosine in [-1, 1] for unit vectors."""

    def __init__(self, index: faiss.Index, path: Path):
        self.faiss = index
        self.path = path
        self.count = int(index.ntotal)
        self.dim = int(index.d)
        self.kind = type(_inner(index)).__name__
        self.exact = self.kind in ("IndexFlatIP", "IndexFlatL2", "IndexFlat")
        self.lossy = any(word in self.kind for word in ("PQ", "Quantizer", "RaBitQ", "FastScan", "LSH"))
        self._distance = index.metric_type == faiss.METRIC_L2
        self._room: dict[int, tuple[np.ndarray, np.ndarray]] = {}  # for the answers of one search

    def search(self, vectors: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Similarities (n, k) float32 and ids (n, k) int64, best first; id -1 where fewer were found."""
        values, ids = self.faiss.search(np.ascontiguousarray(vectors, np.float32), k)
        return (1 - values / 2 if self._distance else values), ids

    def propose(self, vector: np.ndarray, k: int) -> tuple[list[float], list[int]]:
        """The same for one vector (d,) float32, as lists."""
        values, ids = self._room.get(k) or self._room.setdefault(
            k, (np.empty((1, k), np.float32), np.empty((1, k), np.int64)))
        self.faiss.search(np.ascontiguousarray(vector)[None], k, D=values, I=ids)
        found = values[0].tolist()
        return [1 - v / 2 for v in found] if self._distance else found, ids[0].tolist()

    def vectors(self, ids: np.ndarray) -> np.ndarray:
        """(n, d) float32 stored (for a lossy index: approximated) vectors of ids."""
        inner, found = faiss.try_extract_index_ivf(self.faiss), np.empty((len(ids), self.dim), np.float32)
        try:
            if inner is not None and inner.direct_map.no():
                inner.make_direct_map(True)
            for at, number in enumerate(ids):
                found[at] = self.faiss.reconstruct(int(number))
        except RuntimeError as error:
            raise _damaged(self.path, str(error)) from error
        return found


def inner_products(rows: np.ndarray, vector: np.ndarray) -> list[float]:
    """Of (n, d) float32 rows with one vector (d,), by faiss on one core: a BLAS would wake threads for this."""
    rows, vector, found = np.ascontiguousarray(rows), np.ascontiguousarray(vector), np.empty(len(rows), np.float32)
    faiss.fvec_inner_products_ny(faiss.swig_ptr(found), faiss.swig_ptr(vector), faiss.swig_ptr(rows),
                                 rows.shape[1], len(rows))
    return found.tolist()


def open_index(path: Path, *, cache: Path | None = None) -> VectorIndex:
    """The index at `path`, memory-mapped; ExplorerError when it is damaged or has no cosines."""
    try:
        size = path.stat().st_size
        with open(path, "rb") as handle:
            head = handle.read(_FLAT.size + 16)
    except OSError as error:
        raise ExplorerError(f"The index {path} cannot be read ({error.strerror}).") from error
    kind = head[:4]
    if kind in (b"IxFI", b"IxF2"):
        _check_flat(path, head, size)
    else:
        check_index(path, cache=cache)
    try:
        index = faiss.read_index(str(path), reading_flags(path, kind))
    except RuntimeError as error:
        raise _damaged(path, str(error)) from error
    if index.metric_type not in (faiss.METRIC_INNER_PRODUCT, faiss.METRIC_L2) or index.ntotal < 1:
        raise ExplorerError(f"The index {path} is empty or does not compare by inner product or L2 distance, "
                            "so it holds no CLIP similarities. Build it with `clip-retrieval index`.")
    return VectorIndex(index, path)


def reading_flags(path: Path, kind: bytes) -> int:
    """How faiss maps a file of this kind into memory instead of reading it."""
    if path.name == "populated.index":
        return faiss.IO_FLAG_ONDISK_SAME_DIR
    if kind.startswith((b"Ix", b"IH")):
        return faiss.IO_FLAG_MMAP_IFC
    return faiss.IO_FLAG_MMAP | faiss.IO_FLAG_READ_ONLY


def _check_flat(path: Path, head: bytes, size: int) -> None:
    if len(head) < _FLAT.size + 8:
        raise _damaged(path, "it ends in its header")
    _, dim, count, *_, metric = _FLAT.unpack_from(head)
    at = _FLAT.size + (4 if metric > 1 else 0)
    floats = _COUNT.unpack_from(head, at)[0]
    if not 0 < dim <= 65_536 or count < 0 or floats != dim * count:
        raise _damaged(path, "its header contradicts itself")
    if size < at + 8 + 4 * floats:
        raise _damaged(path, f"it has {size:,} bytes and needs {at + 8 + 4 * floats:,}: it was cut short")


def _damaged(path: Path, why: str) -> ExplorerError:
    short = why.rsplit("Error: ", 1)[-1].splitlines()[0][:200] if why else "unreadable"
    return ExplorerError(f"The index {path} is damaged or not a faiss index ({short}). "
                         "Copy it again from its source, or build the collection again.")


def _inner(index: faiss.Index) -> faiss.Index:
    """What does the searching below transforms and id maps."""
    index = faiss.downcast_index(index)
    while hasattr(index, "index") and not hasattr(index, "invlists"):
        index = faiss.downcast_index(index.index)
    return index
