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
from explorer.texts import say

UNIT = 0.01  # how far from 1 a vector's length may be
FARTHEST = 1.02  # a cosine with rounding, of a lossy index too
MOST_COPIED = 1 << 28
_FLAT = struct.Struct("<4siqqqBi")  # kind, dimension, count, two unused, trained, metric
_COUNT = struct.Struct("<q")


class VectorIndex:
    """A faiss index whose results are similarities: cosine in [-1, 1] for unit vectors."""

    def __init__(self, index: faiss.Index, path: Path, *, numbers: np.ndarray | None = None,
                 owner: faiss.Index | None = None, normalised: bool = False):
        """`numbers` are an id map's own (None without one): place in the index -> number; `owner` is that map.

        `normalised`: the file's vectors were not of unit length, and these are.
        """
        self.numbers, self._owner, self.normalised = numbers, owner, normalised
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
        values = 1 - values / 2 if self._distance else values
        self._check_cosines(values[ids >= 0])
        return values, ids

    def propose(self, vector: np.ndarray, k: int) -> tuple[list[float], list[int]]:
        """The same for one vector (d,) float32, as lists."""
        values, ids = self._room.get(k) or self._room.setdefault(
            k, (np.empty((1, k), np.float32), np.empty((1, k), np.int64)))
        self.faiss.search(np.ascontiguousarray(vector)[None], k, D=values, I=ids)
        found, numbers = values[0].tolist(), ids[0].tolist()
        found = [1 - v / 2 for v in found] if self._distance else found
        if numbers[0] >= 0 and not -FARTHEST <= found[0] <= FARTHEST:
            self._check_cosines(np.array(found[:1]))
        return found, numbers

    def _check_cosines(self, values: np.ndarray) -> None:
        """ExplorerError if what was found are no cosines: the vectors are not of unit length."""
        if len(values) and float(np.abs(values).max()) > FARTHEST:
            most = float(np.abs(values).max())
            raise ExplorerError("collections.faiss_index_not_unit", path=self.path, value=most)

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
        raise ExplorerError("collections.faiss_index_cannot_read", path=path, strerror=error.strerror) from error
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
        raise ExplorerError("collections.faiss_index_empty_not_compare", path=path)
    numbers, inner = _numbers(index, path)
    unit = _of_unit_length(inner, path)
    return VectorIndex(unit, path, numbers=numbers, owner=index, normalised=unit is not inner)


def _numbers(index: faiss.Index, path: Path) -> tuple[np.ndarray | None, faiss.Index]:
    """(the number that the index gives each of its vectors, the index itself) of an id map; (None, index) else."""
    outer = faiss.downcast_index(index)
    if not isinstance(outer, (faiss.IndexIDMap, faiss.IndexIDMap2)):
        return None, outer
    numbers = faiss.vector_to_array(outer.id_map)
    if len(numbers) != outer.ntotal or (len(numbers) and int(numbers.min()) < 0):
        raise _damaged(path, say("note.collections.header_contradicts_itself"))
    return numbers, faiss.downcast_index(outer.index)


def _of_unit_length(index: faiss.Index, path: Path) -> faiss.Index:
    """The index, its vectors brought to unit length where they are not: cosines are defined for those.

    Flat ones of up to MOST_COPIED bytes are copied; ExplorerError for larger ones. Others are checked by what they
    find.
    """
    if type(index).__name__ not in ("IndexFlatIP", "IndexFlatL2", "IndexFlat"):
        return index
    sample = np.unique(np.linspace(0, index.ntotal - 1, 64).astype(np.int64))
    lengths = [float(np.linalg.norm(index.reconstruct(int(i)))) for i in sample]
    if all(abs(length - 1) <= UNIT for length in lengths):
        return index
    if 4 * index.ntotal * index.d > MOST_COPIED:
        raise ExplorerError("collections.faiss_index_not_unit", path=path, value=max(lengths))
    rows = np.array(index.reconstruct_n(0, index.ntotal))
    made = faiss.IndexFlatIP(index.d)
    made.add(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12))
    return made


def reading_flags(path: Path, kind: bytes) -> int:
    """How faiss maps a file of this kind into memory instead of reading it."""
    if path.name == "populated.index":
        return faiss.IO_FLAG_ONDISK_SAME_DIR
    if kind.startswith((b"Ix", b"IH")):
        return faiss.IO_FLAG_MMAP_IFC
    return faiss.IO_FLAG_MMAP | faiss.IO_FLAG_READ_ONLY


def _check_flat(path: Path, head: bytes, size: int) -> None:
    if len(head) < _FLAT.size + 8:
        raise _damaged(path, say("note.collections.ends_header"))
    _, dim, count, *_, metric = _FLAT.unpack_from(head)
    at = _FLAT.size + (4 if metric > 1 else 0)
    floats = _COUNT.unpack_from(head, at)[0]
    if not 0 < dim <= 65_536 or count < 0 or floats != dim * count:
        raise _damaged(path, say("note.collections.header_contradicts_itself"))
    if size < at + 8 + 4 * floats:
        raise _damaged(path, say("note.collections.bytes_needs", size=size, at=at + 8 + 4 * floats))


def _damaged(path: Path, why: str) -> ExplorerError:
    short = why.rsplit("Error: ", 1)[-1].splitlines()[0][:200] if why else "unreadable"
    return ExplorerError("collections.faiss_index_damaged_not", path=path, short=short)


def _inner(index: faiss.Index) -> faiss.Index:
    """What does the searching below transforms and id maps."""
    index = faiss.downcast_index(index)
    while hasattr(index, "index") and not hasattr(index, "invlists"):
        index = faiss.downcast_index(index.index)
    return index
