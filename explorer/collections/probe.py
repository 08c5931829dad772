"""Reads all of a collection's file that somebody else may have made, in a process of its own (see checks.py).

faiss, Arrow, Parquet and HDF5 are read by native code, which a hostile file may end or fill. What this child got
through whole, within limits on memory and time, its parent may open. Answers with a fault for all else.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from explorer.images.sandbox import limit, memory_bytes, serve

LONGEST = 2**20  # bytes of one text; what is longer is no caption
ROOM = 256 * 2**20  # bytes that rows of any collection may unpack to
RATIO = 64  # and so many times the bytes of its files on top
ROW = 64  # bytes that a row takes at least, whatever stands in it
WHOLE = 4 * 2**30  # bytes of files that are read whole; of larger ones the structure and both ends
BLOCK = 4_096
QUERIES = 32
TEXTS = ("string", "large_string", "binary", "large_binary")
FILTERS = (1, 2, 3, 5, 6, 32000)  # of HDF5: gzip, shuffle, checksum, bits, offset, lzf; others are loaded code
INDICES = frozenset(f"Index{name}" for name in (
    "Flat", "FlatIP", "FlatL2", "HNSWFlat", "HNSWSQ", "HNSWPQ", "IVFFlat", "IVFPQ", "IVFScalarQuantizer",
    "IVFPQFastScan", "PQ", "ScalarQuantizer", "PreTransform", "IDMap", "IDMap2", "RefineFlat"))


class Fault(Exception):
    """Why a file is not read: the name of a text (`note.collections.probe_…`) with its values."""

    def __init__(self, key: str, **values: Any) -> None:
        super().__init__(key)
        self.key, self.values = key, values


class ByteBudget:
    """How many bytes the rows may still unpack to."""

    def __init__(self, size: int) -> None:
        self.left, self.size = ROOM + RATIO * size, size

    def take(self, count: int) -> None:
        self.left -= count
        if self.left < 0:
            raise Fault("unpacks", size=self.size)


def rows(kind: str, path: str, room: ByteBudget) -> int:
    """How many rows one metadata file holds, which take of `room`; Fault for what is not read."""
    return {"arrow": _arrow, "parquet": _parquet, "hdf5": _hdf5}[kind](path, room, room.size <= WHOLE)


def _arrow(path: str, room: ByteBudget, whole: bool) -> int:
    import pyarrow as pa
    count = 0
    reader = pa.ipc.open_file(pa.memory_map(path, "r"))
    for number in range(reader.num_record_batches):
        batch = reader.get_batch(number)
        batch.validate(full=whole)
        _weigh(batch, room)
        count += batch.num_rows
    return count


def _parquet(path: str, room: ByteBudget, whole: bool) -> int:
    import pyarrow.parquet as pq
    file, count = pq.ParquetFile(path, memory_map=True), 0
    groups = range(file.num_row_groups) if whole else sorted({0, file.num_row_groups - 1})
    for batch in file.iter_batches(BLOCK, row_groups=list(groups)):
        batch.validate(full=True)
        _weigh(batch, room)
        count += batch.num_rows
    if whole and count != file.metadata.num_rows:
        raise Fault("rows", claimed=file.metadata.num_rows, count=count)
    return count


def _weigh(batch: Any, room: ByteBudget) -> None:
    """Takes of `room` what a batch's values come to once each stands by itself."""
    room.take(ROW * batch.num_rows)
    for column in batch.columns:
        _weigh_values(column, room)


def _weigh_values(values: Any, room: ByteBudget) -> None:
    import pyarrow as pa
    import pyarrow.compute as pc
    kind = values.type
    if pa.types.is_dictionary(kind) and str(kind.value_type) in TEXTS:
        lengths = pc.take(pc.binary_length(values.dictionary), values.indices)
    elif str(kind) in TEXTS:
        lengths = pc.binary_length(values)
    elif pa.types.is_struct(kind) or pa.types.is_list(kind) or pa.types.is_large_list(kind) or (
            pa.types.is_fixed_size_list(kind)):
        for inner in values.flatten() if pa.types.is_struct(kind) else [values.values]:
            room.take(ROW * len(inner))
            _weigh_values(inner, room)
        return
    elif pa.types.is_primitive(kind) or pa.types.is_null(kind) or pa.types.is_decimal(kind):
        return
    else:
        raise Fault("values", kind=str(kind)[:60])
    if (pc.max(lengths).as_py() or 0) > LONGEST:
        raise Fault("long_text", most=LONGEST)
    room.take(pc.sum(lengths).as_py() or 0)


def _hdf5(path: str, room: ByteBudget, whole: bool) -> int:
    import h5py
    with h5py.File(path, "r") as file:
        own = isinstance(file.get("dataset", getlink=True), h5py.HardLink)
        if not own or not isinstance(file["dataset"], h5py.Group):
            raise Fault("no_group")
        group = file["dataset"]
        columns = [_column(group, name) for name in group]
        if len({len(c) for c in columns}) > 1:
            raise Fault("unequal")
        for column in columns:
            for start, end in _pieces(len(column), whole):
                room.take(max(ROW, column.dtype.itemsize) * (end - start))
                for value in column[start:end]:
                    size = len(value) if isinstance(value, (bytes, str)) else 0
                    room.take(size)
                    if size > LONGEST:
                        raise Fault("long_text", most=LONGEST)
        return len(columns[0]) if columns else 0


def _column(group: Any, name: str) -> Any:
    """A column that lies in this file itself, one value a row, of text or numbers."""
    import h5py
    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
        raise Fault("link")
    column = group[name]
    if not isinstance(column, h5py.Dataset) or column.ndim != 1 or column.shape is None:
        raise Fault("shape")
    if column.is_virtual or column.external:
        raise Fault("other_file")
    made = column.id.get_create_plist()
    if any(made.get_filter(n)[0] not in FILTERS for n in range(made.get_nfilters())):
        raise Fault("packed")
    if column.dtype.kind not in "biufS" and h5py.check_string_dtype(column.dtype) is None:
        raise Fault("neither")
    return column


def _pieces(count: int, whole: bool) -> Iterator[tuple[int, int]]:
    starts = range(0, count, BLOCK) if whole else sorted({0, max(0, count - BLOCK)})
    return ((start, min(count, start + BLOCK)) for start in starts)


def index(path: str) -> int:
    """How many vectors a faiss index holds, which was searched; Fault for what is not read."""
    import faiss
    import numpy as np

    from explorer.collections.faiss_index import reading_flags

    faiss.omp_set_num_threads(1)
    with open(path, "rb") as handle:
        kind = handle.read(4)
    found = faiss.read_index(path, reading_flags(Path(path), kind))
    _check_index(found)
    if found.ntotal:
        queries = np.random.default_rng(0).standard_normal((QUERIES, found.d)).astype(np.float32)
        found.search(queries / np.linalg.norm(queries, axis=1, keepdims=True), min(100, found.ntotal))
    return int(found.ntotal)


def _check_index(found: Any) -> None:
    """That an index is of a kind that is read, and that its lists and graphs name only what is there."""
    import faiss
    part = faiss.downcast_index(found)
    name = type(part).__name__
    if name not in INDICES:
        raise Fault("index_kind", name=name)
    if hasattr(part, "hnsw"):
        links = faiss.vector_to_array(part.hnsw.neighbors)
        if len(links) and not -1 <= links.min() <= links.max() < part.ntotal:
            raise Fault("graph")
    if hasattr(part, "id_map"):
        ids = faiss.vector_to_array(part.id_map)
        if len(ids) != part.ntotal or (len(ids) and ids.min() < 0):
            raise Fault("names")
    if hasattr(part, "invlists"):
        _check_lists(part)
    for inner in ("index", "quantizer", "base_index", "refine_index", "storage"):
        if getattr(part, inner, None) is not None:
            _check_index(getattr(part, inner))


def _check_lists(part: Any) -> None:
    import faiss
    import numpy as np
    lists, seen = part.invlists, 0
    if lists.nlist != part.nlist or part.quantizer.ntotal != part.nlist:
        raise Fault("lists")
    for number in range(lists.nlist):
        size = lists.list_size(number)
        seen += size
        if seen > part.ntotal:
            raise Fault("lists")
        ids = faiss.rev_swig_ptr(lists.get_ids(number), size) if size else np.zeros(1, np.int64)
        if not 0 <= ids.min() <= ids.max() < max(1, part.ntotal):
            raise Fault("names")
    if seen != part.ntotal:
        raise Fault("lists")


def answer(request: dict, _: bytes) -> tuple[dict, bytes]:
    """{"count": …}, or {"path": …, "fault": …, "values": …} where a file is not read."""
    limit(DATA=int(request.get("memory_mb", 0)) * 2**20 or memory_bytes())
    path, count = "", 0
    try:
        room = ByteBudget(sum(os.path.getsize(p) for p in request["paths"]))
        for path in request["paths"]:
            count += index(path) if request["op"] == "index" else rows(request["kind"], path, room)
        return {"count": count}, b""
    except Exception as error:  # whatever native readers make of a foreign file
        fault = _fault(error)
        return {"path": path, "fault": fault.key, "values": fault.values}, b""


def _fault(error: Exception) -> Fault:
    if isinstance(error, Fault):
        return error
    if isinstance(error, MemoryError):
        return Fault("memory")
    line = (str(error).rsplit("Error: ", 1)[-1].splitlines() or [""])[0]
    return Fault("damaged", error="".join(c for c in line if c.isprintable())[:160] or type(error).__name__)


if __name__ == "__main__":
    import numpy  # noqa: F401
    import pyarrow.parquet  # noqa: F401  most files are read by it
    serve(answer)
