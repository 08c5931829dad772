"""The files of hostile collections: rows, tables, shards and links that are not what they seem."""

from __future__ import annotations

import functools
import io
import os
import random
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.safety_inputs import mutated

SECRET = "a line that is nobody's caption"  # in a file of this computer outside of every collection
WORKS = 60


def _table(**columns: Any) -> Any:
    import pyarrow as pa
    return pa.table({"id": [str(n) for n in range(WORKS)], **columns})


def _arrow_file(batches: Any) -> bytes:
    import pyarrow as pa
    out = io.BytesIO()
    with pa.ipc.new_file(out, batches[0].schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return out.getvalue()


def arrow_offsets(dice: random.Random) -> bytes:
    """Text, binary or lists whose offsets lie outside of their bytes, run backwards or are negative."""
    import pyarrow as pa
    wide = dice.random() < 0.3
    sound = np.arange(WORKS + 1, dtype=np.int64 if wide else np.int32) * 3
    ends = sound.copy()
    for _ in range(dice.choice((1, 3, 30))):
        ends[dice.randrange(WORKS + 1)] = dice.choice((2**31 - 1, -1, -2**31, 10**6, 2**30, 0, 99_999))
    kinds = (pa.large_string(), pa.large_binary()) if wide else (pa.string(), pa.binary(), pa.list_(pa.int8()))
    kind = dice.choice(kinds)
    data, offsets = pa.py_buffer(b"abc" * WORKS), pa.py_buffer(sound.tobytes())
    if pa.types.is_list(kind):
        child = pa.Array.from_buffers(pa.int8(), WORKS * 3, [None, data])
        array = pa.Array.from_buffers(kind, WORKS, [None, offsets], children=[child])
    else:
        array = pa.Array.from_buffers(kind, WORKS, [None, offsets, data])
        if dice.random() < 0.5:
            array = pa.concat_arrays([array.slice(0, WORKS - 1), pa.nulls(1, kind)])
    ids = pa.array([str(n) for n in range(WORKS)])
    made = _arrow_file([pa.RecordBatch.from_arrays([ids, array], ["id", dice.choice(("caption", "title",
                                                                                     "tags"))])])
    return made.replace(sound[:WORKS - 1].tobytes(), ends[:WORKS - 1].tobytes())


def arrow_odd(dice: random.Random) -> bytes:
    """Dictionaries whose numbers lead outside, short buffers, types that no metadata has, broken UTF-8."""
    import pyarrow as pa
    ids = pa.array([str(n) for n in range(WORKS)])
    words = pa.array(["a", "b", "c"])
    way = dice.randrange(6)
    if way == 0:
        numbers = np.array(dice.choices((0, 2, 3, 127, -1, 100), k=WORKS), np.int8)
        index = pa.Array.from_buffers(pa.int8(), WORKS, [None, pa.py_buffer(numbers.tobytes())])
        array = pa.DictionaryArray.from_arrays(index, words, safe=False)
    elif way == 1:
        array = pa.array([[{"a": str(n)}] for n in range(WORKS)])
    elif way == 2:
        bad = pa.py_buffer(b"\xff\xfe\xfd" * WORKS)
        array = pa.Array.from_buffers(pa.string(), WORKS, [
            None, pa.py_buffer((np.arange(WORKS + 1, dtype=np.int32) * 3).tobytes()), bad])
    elif way == 3:
        array = pa.array([10**18 * (-1) ** n for n in range(WORKS)], pa.timestamp("ns"))
    elif way == 4:
        array = pa.array([None] * WORKS)
    else:
        array = pa.array([b"x" * n for n in range(WORKS)], pa.binary())
    name = dice.choice(("caption", "title", "multiplicity", "image_path"))
    data = _arrow_file([pa.RecordBatch.from_arrays([ids, array], ["id", name])])
    return mutated(data, dice) if dice.random() < 0.3 else data


def parquet_odd(dice: random.Random) -> bytes:
    """Columns of other types than text, lists, no rows at all, or columns that say nothing."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    odd = dice.choice(([[str(n)] * 5 for n in range(WORKS)], [{"a": n} for n in range(WORKS)],
                       [float("nan")] * WORKS, [b"\xff" * n for n in range(WORKS)], [None] * WORKS,
                       [10**18] * WORKS, ["x" * 100_000] * WORKS))
    out = io.BytesIO()
    table = _table(**{dice.choice(("caption", "title", "multiplicity", "image_path", "url")): odd})
    pq.write_table(dice.choice((table, table.slice(0, 0), pa.table({}), table.slice(0, 5))), out,
                   compression=dice.choice(("snappy", "zstd", "gzip", "none")))
    return out.getvalue()


@functools.cache
def parquet_bomb(size: int = 10**6) -> bytes:
    """A few kilobytes with one long text in every row."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    out = io.BytesIO()
    word = "x" * size
    words = pa.DictionaryArray.from_arrays(pa.array([0] * 20_000, pa.int32()), pa.array([word]))
    pq.write_table(pa.table({"id": pa.array([0] * 20_000), "caption": words}), out, compression="zstd",
                   dictionary_pagesize_limit=2**24)
    return out.getvalue()


@functools.cache
def parquet_rows() -> bytes:
    """A few kilobytes with forty million rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    out = io.BytesIO()
    piece = pa.table({"id": pa.array(np.zeros(5 * 10**6, np.int32)), "caption": pa.nulls(5 * 10**6, pa.string())})
    with pq.ParquetWriter(out, piece.schema, compression="zstd") as writer:
        for _ in range(8):
            writer.write_table(piece, row_group_size=5 * 10**6)
    return out.getvalue()


@functools.cache
def arrow_bomb() -> bytes:
    """Compressed buffers: little on disk, gigabytes in memory."""
    import pyarrow as pa
    out = io.BytesIO()
    text = pa.array(["x" * 4_000_000] * WORKS, pa.large_string())
    batch = pa.record_batch([pa.array([str(n) for n in range(WORKS)]), text], ["id", "caption"])
    with pa.ipc.new_file(out, batch.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        for _ in range(8):
            writer.write_batch(batch)
    return out.getvalue()


def hdf5_bomb(path: Path) -> None:
    import h5py
    with h5py.File(path, "w") as file:
        group = file.create_group("dataset")
        group.create_dataset("id", shape=(3 * 10**9,), dtype="S64", chunks=(10**6,), compression="gzip",
                             fillvalue=b"x")
        group.create_dataset("caption", shape=(3 * 10**9,), dtype="S64", chunks=(10**6,), compression="gzip")


def _hdf5_file(path: Path, fill: Callable[[Any], None], *, name: str = "dataset") -> None:
    import h5py
    path.unlink()
    with h5py.File(path, "w") as file:
        group = file.create_group(name)
        group.create_dataset("id", data=[str(n) for n in range(WORKS)])
        fill(group)


def _external(path: Path, secret: Path) -> None:
    size = len(SECRET) + 1
    _hdf5_file(path, lambda g: g.create_dataset("caption", shape=(WORKS,), dtype=f"S{size}",
                                                external=[(str(secret), 0, WORKS * size)]))


def _external_link(path: Path, secret: Path) -> None:
    import h5py
    with h5py.File(secret.with_suffix(".h5"), "w") as other:
        other["a"] = [SECRET] * WORKS
    _hdf5_file(path, lambda g: g.__setitem__("caption", h5py.ExternalLink(str(secret.with_suffix(".h5")), "a")))


def _external_group(path: Path, secret: Path) -> None:
    import h5py
    with h5py.File(secret.with_suffix(".h5"), "w") as other:
        other.create_group("g")["caption"] = [SECRET] * WORKS
    path.unlink()
    with h5py.File(path, "w") as file:
        file["dataset"] = h5py.ExternalLink(str(secret.with_suffix(".h5")), "g")


def _virtual(path: Path, secret: Path) -> None:
    import h5py
    with h5py.File(secret.with_suffix(".h5"), "w") as other:
        other.create_dataset("a", data=np.array([SECRET.encode()] * WORKS))
    layout = h5py.VirtualLayout(shape=(WORKS,), dtype=f"S{len(SECRET)}")
    layout[:] = h5py.VirtualSource(str(secret.with_suffix(".h5")), "a", shape=(WORKS,))
    _hdf5_file(path, lambda g: g.create_virtual_dataset("caption", layout))


def _shapes(path: Path, secret: Path) -> None:
    def fill(group: Any) -> None:
        group.create_dataset("caption", data=np.zeros((WORKS, 3, 2)))
        group.create_dataset("title", data=5)
        group.create_dataset("url", shape=None, dtype="f4")
    _hdf5_file(path, fill)


def _soft(path: Path, secret: Path) -> None:
    import h5py
    _hdf5_file(path, lambda g: g.__setitem__("caption", h5py.SoftLink("/dataset/caption")))


def _references(path: Path, secret: Path) -> None:
    import h5py

    def fill(group: Any) -> None:
        made = group.create_dataset("caption", shape=(WORKS,), dtype=h5py.ref_dtype)
        made[0] = group.ref
        group.create_dataset("title", shape=(WORKS,), dtype=np.dtype([("a", "i4"), ("b", "S3")]))
        group.create_dataset("creator", shape=(WORKS,), dtype=h5py.vlen_dtype(np.int32))
    _hdf5_file(path, fill)


def _no_group(path: Path, secret: Path) -> None:
    import h5py
    path.unlink()
    with h5py.File(path, "w") as file:
        file["dataset"] = [1, 2, 3]


HDF5 = (_external, _external_link, _external_group, _virtual, _shapes, _soft, _references, _no_group)


def _caption_link(folder: Path, secret: Path, dice: random.Random) -> None:
    (folder / "0.txt").symlink_to(dice.choice((secret, Path("/dev/zero"), Path("/proc/self/environ"),
                                               folder / "0.txt")))


def _caption_pipe(folder: Path, secret: Path, dice: random.Random) -> None:
    os.mkfifo(folder / "0.txt")


def _table_link(folder: Path, secret: Path, dice: random.Random) -> None:
    secret.with_suffix(".csv").write_text(f"file,caption\n0.png,{SECRET}\n")
    name = dice.choice(("said.csv", "said.parquet"))
    (folder / name).symlink_to(dice.choice((secret.with_suffix(".csv"), secret, Path("/dev/zero"),
                                            Path("/dev/tty"))))


def _table_pipe(folder: Path, secret: Path, dice: random.Random) -> None:
    os.mkfifo(folder / dice.choice(("said.csv", "said.parquet", "a.tar", "3.png")))


def _table_odd(folder: Path, secret: Path, dice: random.Random) -> None:
    text = dice.choice(("file,caption\n0.png," + "x" * 30_000_000, "file,caption\n" + "0.png,a\n" * 300_000,
                        "\0" * 5000, '"file\n' * 9000, "file," * 100_000, ",\n,\n", "",
                        "file,caption\n" + '0.png,"' + "a" * 200_000, "caption,file\n" * 3,
                        "file,caption\n../../elsewhere/secret.txt,a\n"))
    (folder / "said.csv").write_text(text)


def _table_bomb(folder: Path, secret: Path, dice: random.Random) -> None:
    (folder / "said.parquet").write_bytes(dice.choice((parquet_bomb, parquet_rows))())


def _table_broken(folder: Path, secret: Path, dice: random.Random) -> None:
    import pyarrow.parquet as pq
    out = io.BytesIO()
    pq.write_table(_table(file=["0.png"] * WORKS, caption=["a"] * WORKS), out)
    (folder / "said.parquet").write_bytes(mutated(out.getvalue(), dice))


def _shard(folder: Path, secret: Path, dice: random.Random) -> None:
    """A shard with links, devices, huge claims, deep JSON, or a hundred thousand members."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as shard:
        def add(name: str, data: bytes, **fields: Any) -> None:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            for field, value in fields.items():
                setattr(info, field, value)
            shard.addfile(info, io.BytesIO(data))
        add("a.png", b"\x89PNG\r\n\x1a\n")
        way = dice.randrange(6)
        if way == 0:
            add("a.txt", b"", type=tarfile.SYMTYPE, linkname=str(secret))
        elif way == 1:
            add("a.json", dice.choice((b"[" * 60_000, b'{"caption": ' + b"9" * 5000 + b"}", b"null", b"\xff")))
        elif way == 2:
            add("b.png", b"", type=tarfile.LNKTYPE, linkname="../../elsewhere/secret.txt")
        elif way == 3:
            for number in range(3000):
                add(f"{number}.png", b"x")
        elif way == 4:
            add("../../../x.png", b"x")
        else:
            add("b.png", b"", type=tarfile.CHRTYPE, devmajor=1, devminor=5)
    data = out.getvalue()
    (folder / "a.tar").write_bytes(mutated(data, dice) if dice.random() < 0.5 else data)


SOURCES = (
    _caption_link, _caption_pipe, _table_link, _table_pipe, _table_odd, _table_bomb, _table_broken, _shard,
    _shard)
