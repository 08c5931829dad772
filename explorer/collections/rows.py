"""Metadata rows of an index by number, read on demand: Arrow IPC, Parquet and HDF5."""

from __future__ import annotations

import bisect
import hashlib
import os
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any, Protocol

import platformdirs
import pyarrow as pa
import pyarrow.parquet as pq

from explorer.collections.checks import check_rows
from explorer.collections.layout import Layout
from explorer.errors import ExplorerError

PLAIN_ROWS = 20_000  # up to here Parquet is decoded into memory; beyond, a copy in Arrow gives single rows
COPY_ROWS = 250_000  # in a piece of the copy
STRETCH = 4_096  # rows of a column at once
BROKEN = (pa.ArrowException, OSError, ValueError, LookupError, EOFError, RuntimeError, TypeError)


class Rows(Protocol):
    """Metadata by row number."""

    count: int
    columns: tuple[str, ...]

    def get(self, numbers: Sequence[int], columns: Collection[str]) -> list[tuple[Any, ...]]:
        """The values of `columns`, a tuple for each row, in the order asked for."""
        ...

    def column(self, name: str) -> Iterator[Any]:
        """Every value of one column, in row order."""
        ...


def open_rows(layout: Layout, *, cache: Path | None = None) -> Rows:
    """The metadata of a layout; ExplorerError naming the file that is damaged.

    What is not the bundled world's is read first in a process of its own (see checks.py).
    """
    try:
        if layout.source != "world":
            check_rows(layout.rows, layout.rows_kind, cache=cache)
        if layout.rows_kind == "hdf5":
            return Hdf5Rows(layout.rows[0])
        if layout.rows_kind == "arrow":
            return ArrowRows(layout.rows)
        plain = ParquetRows(layout.rows)
        if plain.count <= PLAIN_ROWS:
            return plain
        copy = arrow_copy(layout.rows, cache)
        if copy.parent == layout.folder:
            check_rows((copy,), "arrow", cache=cache)
        return ArrowRows([copy])
    except BROKEN as error:
        raise ExplorerError("collections.rows_metadata_cannot_read", folder=layout.folder,
                            error=short(error)) from error


class _Blocks:
    """Rows in consecutive blocks (record batches or row groups)."""

    def __init__(self, sizes: Sequence[int], columns: Sequence[str]):
        self._ends = list(accumulate(sizes))
        self.count = self._ends[-1] if self._ends else 0
        self.columns = tuple(columns)
        self._readers: dict[int, dict[str, Callable[[int], Any]]] = {}  # of the blocks looked at so far

    def _block(self, number: int) -> Any:
        raise NotImplementedError

    def get(self, numbers: Sequence[int], columns: Collection[str]) -> list[tuple[Any, ...]]:
        found, ends, known = [], self._ends, self._readers
        for number in numbers:
            if not 0 <= number < self.count:
                raise ExplorerError("collections.rows_index_names_metadata", number=number, count=self.count)
            at = bisect.bisect_right(ends, number)
            inside = number - ends[at - 1] if at else number
            readers = known.get(at)
            if readers is None:
                block = self._block(at)
                has = set(block.schema.names)
                readers = known[at] = {c: _reader(block.column(c)) if c in has else _nothing for c in self.columns}
            found.append(tuple([readers[c](inside) for c in columns]))
        return found

    def column(self, name: str) -> Iterator[Any]:
        for number in range(len(self._ends)):
            block = self._block(number)
            if name not in block.schema.names:
                yield from [None] * block.num_rows
                continue
            values = block.column(name)
            for at in range(0, len(values), STRETCH):  # a text that many rows share is one for each here
                yield from values[at:at + STRETCH].to_pylist()


def _nothing(at: int) -> None:
    """The value of a column that a part does not have."""


def _reader(column: pa.Array | pa.ChunkedArray) -> Callable[[int], Any]:
    """Values of a column by position. Text without gaps is cut out of the column's own bytes, which takes a
    fifth of the time of an Arrow scalar."""
    if isinstance(column, pa.ChunkedArray) and column.num_chunks == 1:
        column = column.chunk(0)
    wide = {pa.string(): "i", pa.large_string(): "q"}.get(column.type)
    if wide is None or column.null_count or isinstance(column, pa.ChunkedArray):
        return lambda at: column[at].as_py()
    _, offsets, data = column.buffers()
    ends, text = memoryview(offsets).cast("B").cast(wide)[column.offset:], memoryview(data or b"")
    return lambda at: str(text[ends[at]:ends[at + 1]], "utf-8")


class ArrowRows(_Blocks):
    """Arrow IPC files, memory-mapped."""

    def __init__(self, paths: Sequence[Path]):
        self._batches: list[pa.RecordBatch] = []
        for path in paths:
            reader = pa.ipc.open_file(pa.memory_map(str(path), "r"))
            self._batches += [reader.get_batch(i) for i in range(reader.num_record_batches)]
        names = dict.fromkeys(name for batch in self._batches for name in batch.schema.names)
        super().__init__([b.num_rows for b in self._batches], names)

    def _block(self, number: int) -> pa.RecordBatch:
        return self._batches[number]


class ParquetRows(_Blocks):
    """Parquet files; each is decoded when a row of it is asked for, and kept."""

    def __init__(self, paths: Sequence[Path]):
        self._files = [pq.ParquetFile(path, memory_map=True) for path in paths]
        sizes = [f.metadata.num_rows for f in self._files]
        names = dict.fromkeys(name for file in self._files for name in file.schema_arrow.names)
        super().__init__(sizes, [c for c in names if not c.startswith("__index_level_")])
        self._decoded: dict[int, pa.Table] = {}

    def _block(self, number: int) -> pa.Table:
        if number not in self._decoded:
            wanted = [c for c in self._files[number].schema_arrow.names if c in self.columns]
            self._decoded[number] = self._files[number].read(columns=wanted).combine_chunks()
        return self._decoded[number]


class Hdf5Rows:
    """clip-retrieval's metadata.hdf5: one dataset a column in the group "dataset"."""

    def __init__(self, path: Path):
        import h5py  # 0.1 s that only this format costs

        self._columns = h5py.File(path, "r")["dataset"]
        self.columns = tuple(self._columns)
        sizes = {len(self._columns[c]) for c in self.columns}
        if len(sizes) != 1:
            raise ValueError(f"columns of unequal length: {sorted(sizes)}")
        self.count = sizes.pop()

    def get(self, numbers: Sequence[int], columns: Collection[str]) -> list[tuple[Any, ...]]:
        if any(not 0 <= n < self.count for n in numbers):
            raise ExplorerError("collections.rows_index_names_metadata", number=max(numbers, key=abs),
                                count=self.count)
        return [tuple(_plain(self._columns[c][n]) for c in columns) for n in numbers]

    def column(self, name: str) -> Iterator[Any]:
        for at in range(0, self.count, 10_000):
            yield from map(_plain, self._columns[name][at:at + 10_000])


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value.tolist() if hasattr(value, "tolist") else value


def arrow_copy(paths: Sequence[Path], cache: Path | None) -> Path:
    """The rows of Parquet files as one Arrow file: beside them, or else in the cache.

    Writes to the cache where there is none for their present state."""
    name = f"rows-{_state(paths)}.arrow"
    beside = paths[0].parent.parent / name
    if beside.exists():
        return beside
    folder = cache or Path(platformdirs.user_cache_dir("afterimage", appauthor=False)) / "metadata"
    return folder / name if (folder / name).exists() else write_arrow(paths, folder / name)


def store_arrow(folder: Path) -> None:
    """Writes the Arrow copy of a collection's Parquet metadata beside it, and deletes older ones."""
    paths = sorted((folder / "metadata").glob("**/*.parquet"))
    kept = folder / f"rows-{_state(paths)}.arrow"
    for old in folder.glob("rows-*.arrow"):
        if old != kept:
            old.unlink()
    if not kept.exists():
        write_arrow(paths, kept)


def _state(paths: Sequence[Path]) -> str:
    """Names, sizes and ends of files; a Parquet file's end describes all that is in it."""
    digest = hashlib.sha256()
    for path in paths:
        size = path.stat().st_size
        digest.update(f"{path.name} {size}\n".encode())
        with open(path, "rb") as handle:
            handle.seek(max(0, size - 65_536))
            digest.update(handle.read())
    return digest.hexdigest()[:32]


def write_arrow(paths: Sequence[Path], target: Path) -> Path:
    """Writes the rows of Parquet files to one Arrow file."""
    folder = target.parent
    folder.mkdir(parents=True, exist_ok=True)
    files = [pq.ParquetFile(p, memory_map=True) for p in paths]
    schema = _joined([f.schema_arrow for f in files])
    with (tempfile.NamedTemporaryFile(dir=folder, suffix=".part", delete=False) as draft,
          pa.ipc.new_file(draft, schema) as writer):
        for table in _tables(files, schema):
            writer.write_table(table)
    os.replace(draft.name, target)
    return target


def _tables(files: Sequence[pq.ParquetFile], schema: pa.Schema) -> Iterator[pa.Table]:
    """The rows in few large pieces: what leads to a row stays in the processor's caches."""
    held, count = [], 0
    for file in files:
        for batch in file.iter_batches(16_384, columns=[n for n in file.schema_arrow.names if n in schema.names]):
            held.append(batch if batch.schema == schema else _fitted(batch, schema))
            count += len(batch)
            if count >= COPY_ROWS:
                yield pa.Table.from_batches(held, schema).combine_chunks()
                held, count = [], 0
    yield pa.Table.from_batches(held, schema).combine_chunks()


def _joined(schemas: Sequence[pa.Schema]) -> pa.Schema:
    """Every column of any part, in the order of first sight; a column of several types as the wider of them, or as
    text.
    """
    found: dict[str, pa.DataType] = {}
    for field in (field for schema in schemas for field in schema):
        known = found.get(field.name)
        found[field.name] = field.type if known is None else _wider(known, field.type)
    return pa.schema(list(found.items()))


def _wider(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    if one == other:
        return one
    try:
        fields = [pa.schema([("x", kind)]) for kind in (one, other)]
        return pa.unify_schemas(fields, promote_options="permissive").field("x").type
    except pa.ArrowException:
        return pa.large_string()


def _fitted(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The rows with the columns of `schema`: what a part lacks is empty, what it has in another type is cast."""
    columns = [_cast(batch.column(field.name), field.type) if field.name in batch.schema.names
               else pa.nulls(batch.num_rows, field.type) for field in schema]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _cast(column: pa.Array, kind: pa.DataType) -> pa.Array:
    try:
        return column if column.type == kind else column.cast(kind)
    except pa.ArrowException:  # lists and structs, which Arrow does not write as text
        return pa.array([None if v is None else str(v) for v in column.to_pylist()], kind)


def short(error: BaseException) -> str:
    """The first line of an error, for a sentence; bytes of a damaged file in it are left out."""
    line = (str(error).splitlines() or [type(error).__name__])[0][:200]
    return "".join(c for c in line if c.isprintable())
