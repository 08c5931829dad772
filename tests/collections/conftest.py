"""Small index folders in every layout that clip-retrieval writes."""

from __future__ import annotations

from pathlib import Path

import faiss
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

WORKS, DIM = 300, 32


def unit_rows(count: int, dim: int = DIM, *, seed: int = 0) -> np.ndarray:
    rows = np.random.default_rng(seed).standard_normal((count, dim)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def table(count: int) -> pa.Table:
    return pa.table({
        "id": [f"w{i:04d}" for i in range(count)],
        "title": [f"Title {i}" for i in range(count)],
        "creator": [f"creator{i % 7}" for i in range(count)],
        "keywords": ["cat, tree" if i % 3 else "boat" for i in range(count)],
        "caption": [f"Title {i}, by creator{i % 7}" for i in range(count)],
        "licence": ["CC0"] * count,
        "url": [f"https://example.org/{i}.png" for i in range(count)],
        "image_path": [f"works/{i}.png" for i in range(count)],
        "multiplicity": [1 + i % 4 for i in range(count)],
    })


def write_folder(folder: Path, vectors: np.ndarray, *, rows: int | None = None, kind: str = "parquet",
                 index: faiss.Index | None = None, parts: int = 2) -> Path:
    """A clip-retrieval index folder; `rows` metadata rows (as many as vectors by default)."""
    (folder / "metadata").mkdir(parents=True)
    if index is None:
        index = faiss.IndexFlatIP(vectors.shape[1])
    if not index.is_trained:
        index.train(vectors)
    index.add(vectors)
    faiss.write_index(index, str(folder / "image.index"))
    whole = table(len(vectors) if rows is None else rows)
    cut = [whole.num_rows * i // parts for i in range(parts + 1)]
    for i in range(parts):
        part = whole.slice(cut[i], cut[i + 1] - cut[i])
        if kind == "parquet":
            pq.write_table(part, folder / "metadata" / f"metadata_{i}.parquet")
        elif kind == "arrow":
            with pa.ipc.new_file(str(folder / "metadata" / f"{i}_x.arrow"), part.schema) as writer:
                writer.write_table(part)
    if kind == "hdf5":
        import h5py

        with h5py.File(folder / "metadata.hdf5", "w") as file:
            group = file.create_group("dataset")
            for name in whole.column_names:
                group.create_dataset(name, data=whole[name].to_pylist(), maxshape=(None,), compression="gzip")
    return folder


@pytest.fixture
def vectors() -> np.ndarray:
    return unit_rows(WORKS)


@pytest.fixture
def folder(tmp_path: Path, vectors: np.ndarray) -> Path:
    return write_folder(tmp_path / "index", vectors)


def picture(seed: int, side: int = 96) -> np.ndarray:
    """(side, side, 3) uint8: shapes in a few colours, another picture for another seed."""
    from PIL import Image, ImageDraw

    rng = np.random.default_rng(seed)
    page = Image.new("RGB", (side, side), tuple(rng.integers(120, 256, 3).tolist()))
    draw = ImageDraw.Draw(page)
    for _ in range(9):
        x, y = rng.integers(-10, side - 10, 2).tolist()
        w, h = rng.integers(8, side // 2, 2).tolist()
        shape = draw.ellipse if rng.random() < 0.5 else draw.rectangle
        shape((x, y, x + w, y + h), fill=tuple(rng.integers(0, 256, 3).tolist()))
    return np.asarray(page)
