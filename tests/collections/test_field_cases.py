"""Collections as people have them: id maps, vectors of any length, parts whose columns and types differ."""

from __future__ import annotations

from pathlib import Path

import faiss
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from explorer.collections import rows as rows_of
from explorer.collections.open import open_collection
from explorer.errors import ExplorerError
from tests.collections.conftest import unit_rows, write_folder

FIELD = Path(__file__).with_name("field")


def mapped(folder, vectors, numbers, *, kind=faiss.IndexIDMap, inner=None, rows=None):
    """A folder whose index gives its vectors numbers of its own."""
    write_folder(folder, vectors, rows=rows)
    index = kind(inner or faiss.IndexFlatIP(vectors.shape[1]))
    index.add_with_ids(vectors, np.asarray(numbers, np.int64))
    faiss.write_index(index, str(folder / "image.index"))
    return folder


@pytest.mark.parametrize("kind", [faiss.IndexIDMap, faiss.IndexIDMap2])
def test_an_id_map_names_the_metadata_rows(tmp_path, kind):
    vectors, numbers = unit_rows(30, 8), np.random.default_rng(1).permutation(30)
    opened = open_collection(str(mapped(tmp_path / "c", vectors, numbers, kind=kind)))
    straight = open_collection(str(write_folder(tmp_path / "d", vectors[np.argsort(numbers)])))
    for one, other in zip(opened.search(vectors[7], 5), straight.search(vectors[7], 5), strict=True):
        assert (one.work_id, one.caption) == (other.work_id, other.caption)
        assert one.similarity == pytest.approx(other.similarity, abs=1e-5)
        assert one.percentile is not None
    assert np.allclose(opened.vectors([3, 4]), vectors[3:5], atol=1e-6)


def test_numbers_beyond_the_metadata_are_refused(tmp_path):
    with pytest.raises(ExplorerError, match="do not belong together"):
        open_collection(str(mapped(tmp_path / "c", unit_rows(10, 8), range(1000, 1010))))


@pytest.mark.parametrize("metric", [faiss.IndexFlatIP, faiss.IndexFlatL2])
@pytest.mark.parametrize("wrapped", [False, True])
def test_vectors_of_any_length_are_brought_to_one(tmp_path, metric, wrapped):
    unit = unit_rows(40, 8)
    long = unit * np.random.default_rng(2).uniform(0.2, 4, (40, 1)).astype(np.float32)
    if wrapped:
        folder = mapped(tmp_path / "c", long, range(40), inner=metric(8))
    else:
        folder = write_folder(tmp_path / "c", long, index=metric(8))
    opened, straight = open_collection(str(folder)), open_collection(str(write_folder(tmp_path / "d", unit)))
    found, expected = opened.search(unit[5], 8), straight.search(unit[5], 8)
    assert [n.work_id for n in found] == [n.work_id for n in expected]
    assert max(n.similarity for n in found) <= 1 + 1e-5
    assert any("unit length" in note for note in opened.info.notes) and not straight.info.notes[1:]


def test_what_cannot_be_brought_to_one_is_refused_when_it_shows(tmp_path):
    long = unit_rows(400, 8) * 3
    index = faiss.IndexIVFFlat(faiss.IndexFlatIP(8), 8, 4, faiss.METRIC_INNER_PRODUCT)
    opened = open_collection(str(write_folder(tmp_path / "c", long, index=index)))
    with pytest.raises(ExplorerError, match="unit length"):
        opened.search(long[3], 5)


def test_the_reported_folder_with_numbers_of_its_own_is_refused_in_words():
    """Numbers from 1,000 on, and fifty rows: which row is whose is not in the folder."""
    with pytest.raises(ExplorerError, match="1,049"):
        open_collection(str(FIELD / "k10_idmap"))


def test_the_reported_folder_of_long_vectors_gives_cosines():
    opened = open_collection(str(FIELD / "k12_unnorm"))
    vector = opened.vectors([0])[0]
    found = opened.search(vector, 5)
    assert -1.001 <= found[-1].similarity <= found[0].similarity <= 1.001
    assert all(n.caption.startswith("c") for n in found)


@pytest.mark.parametrize("large", [False, True])
def test_parts_with_other_columns_and_types_are_one_table(tmp_path, large, monkeypatch):
    if large:
        monkeypatch.setattr(rows_of, "PLAIN_ROWS", 10)
    vectors = unit_rows(60, 8)
    folder = write_folder(tmp_path / "c", vectors)
    for old in (folder / "metadata").iterdir():
        old.unlink()
    parts = [pa.table({"caption": [f"first {i}" for i in range(20)], "width": pa.array(range(20), pa.int64())}),
             pa.table({"url": [f"http://x/{i}" for i in range(20)], "caption": pa.array(
                 [f"second {i}" for i in range(20)], pa.large_string()), "width": [f"{i} px" for i in range(20)]}),
             pa.table({"caption": [None] * 20, "width": pa.array([0.5] * 20), "tags": [["a", "b"]] * 20})]
    for i, part in enumerate(parts):
        pq.write_table(part, folder / "metadata" / f"metadata_{i}.parquet")
    opened = open_collection(str(folder), cache=tmp_path / "cache")
    works = opened.rows([0, 25, 45])
    assert [w.caption for w in works] == ["first 0", "second 5", ""]
    assert [w.url for w in works][1] == "http://x/5"
    assert opened.search(vectors[25], 1)[0].caption == "second 5"
