"""Any clip-retrieval index folder opens; a damaged one says what is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import faiss
import numpy as np
import pyarrow.parquet as pq
import pytest

from explorer.collections import rows as rows_module
from explorer.collections.open import open_collection
from explorer.errors import ExplorerError

from .conftest import DIM, WORKS, table, unit_rows, write_folder


def exact(vectors: np.ndarray, query: np.ndarray, k: int) -> list[int]:
    return np.argsort(-(vectors @ query), kind="stable")[:k].tolist()


@pytest.mark.parametrize("kind", ["parquet", "arrow", "hdf5"])
def test_every_metadata_format_gives_the_same_neighbours(tmp_path: Path, vectors, kind):
    collection = open_collection(str(write_folder(tmp_path / kind, vectors, kind=kind)))
    query = unit_rows(1, seed=5)[0]
    found = collection.search(query * 3, 7)
    wanted = exact(vectors, query, 7)
    assert [n.work_id for n in found] == [f"w{i:04d}" for i in wanted]
    assert [n.rank for n in found] == [1, 2, 3, 4, 5, 6, 7]
    assert np.allclose([n.similarity for n in found], vectors[wanted] @ query, atol=1e-6)
    best, i = found[0], wanted[0]
    assert (best.title, best.creator, best.licence) == (f"Title {i}", f"creator{i % 7}", "CC0")
    assert best.source == f"https://example.org/{i}.png" and best.multiplicity == 1 + i % 4
    assert best.image_path == ""  # no such file
    assert collection.info.works == WORKS and len(collection.info.fingerprint) == 64


@pytest.mark.parametrize("index", [
    lambda: faiss.IndexHNSWFlat(DIM, 15, faiss.METRIC_INNER_PRODUCT),
    lambda: faiss.index_factory(DIM, "IVF8,Flat", faiss.METRIC_INNER_PRODUCT),
    lambda: faiss.index_factory(DIM, "OPQ8,IVF8,PQ8x4", faiss.METRIC_INNER_PRODUCT),
    lambda: faiss.IndexFlatL2(DIM),
], ids=["hnsw", "ivf", "opq-ivf-pq", "l2"])
def test_other_kinds_of_index_open(tmp_path: Path, vectors, index):
    made = index()
    folder = write_folder(tmp_path / "index", vectors, index=made)
    if (inner := faiss.try_extract_index_ivf(made)) is not None:
        inner.nprobe = 8
        faiss.write_index(made, str(folder / "image.index"))
    (folder / "img_emb").mkdir()
    np.save(folder / "img_emb" / "img_emb_0.npy", vectors[:100].astype(np.float16))
    np.save(folder / "img_emb" / "img_emb_1.npy", vectors[100:].astype(np.float16))
    found = open_collection(str(folder)).search(vectors[42], 3)
    assert found[0].work_id == "w0042" and found[0].similarity == pytest.approx(1, abs=1e-3)
    assert [n.work_id for n in found] == [f"w{i:04d}" for i in exact(vectors, vectors[42], 3)]


def test_an_on_disk_index_directory_opens(tmp_path: Path, vectors):
    folder = write_folder(tmp_path / "index", vectors)
    (folder / "image.index").unlink()
    inside = folder / "image.index"
    inside.mkdir()
    empty = faiss.index_factory(DIM, "IVF4,Flat", faiss.METRIC_INNER_PRODUCT)
    empty.train(vectors)
    faiss.write_index(empty, str(tmp_path / "trained.index"))
    empty.add(vectors)
    faiss.write_index(empty, str(tmp_path / "block.index"))
    from faiss.contrib.ondisk import merge_ondisk

    merged = faiss.read_index(str(tmp_path / "trained.index"))
    merge_ondisk(merged, [str(tmp_path / "block.index")], str(inside / "merged_index.ivfdata"))
    merged.nprobe = 4
    faiss.write_index(merged, str(inside / "populated.index"))
    assert open_collection(str(folder)).search(vectors[9], 1)[0].work_id == "w0009"


def test_a_list_of_indices_asks_which_one(tmp_path: Path, vectors):
    write_folder(tmp_path / "a", vectors)
    write_folder(tmp_path / "b", unit_rows(50, seed=2))
    paths = tmp_path / "indices_paths.json"
    paths.write_text(json.dumps({"one": str(tmp_path / "a"),
                                 "two": {"indice_folder": "b", "clip_model": "open_clip:ViT-B-32"}}))
    with pytest.raises(ExplorerError, match="one, two"):
        open_collection(str(paths))
    two = open_collection(f"{paths}#two").info
    assert (two.works, two.name, two.clip) == (50, "two", "open_clip:ViT-B-32")


def test_metadata_in_ivf_order_is_mapped_back(tmp_path: Path, vectors):
    folder = write_folder(tmp_path / "index", vectors, kind="hdf5")
    (folder / "metadata.hdf5").rename(folder / "metadata_reordered.hdf5")
    np.arange(WORKS, dtype=np.int64)[::-1].tofile(folder / "ivf_old_to_new_mapping.npy")
    assert open_collection(str(folder)).search(vectors[0], 1)[0].work_id == f"w{WORKS - 1:04d}"


def test_many_parquet_rows_are_copied_to_arrow_once(tmp_path: Path, vectors, monkeypatch):
    monkeypatch.setattr(rows_module, "PLAIN_ROWS", 100)
    folder, cache = write_folder(tmp_path / "index", vectors), tmp_path / "cache"
    first = open_collection(str(folder), cache=cache).search(vectors[299], 1)[0]
    assert first.work_id == "w0299" and len(list(cache.glob("*.arrow"))) == 1
    assert open_collection(str(folder), cache=cache).search(vectors[299], 1)[0] == first
    pq.write_table(table(150), folder / "metadata" / "metadata_0.parquet", row_group_size=50)
    open_collection(str(folder), cache=cache)
    assert len(list(cache.glob("*.arrow"))) == 2
    rows_module.store_arrow(folder)
    assert open_collection(str(folder), cache=tmp_path / "unused").work("w0299").creator == "creator5"
    assert not list((tmp_path / "unused").rglob("*.arrow"))


def test_percentile_is_the_share_of_unrelated_pairs_that_are_less_similar(folder: Path, vectors):
    collection = open_collection(str(folder))
    found = collection.search(vectors[3], WORKS)
    assert found[0].percentile == 100
    halfway = collection.percentiles(np.array([0.0, -1.0, 1.1]))
    assert 45 < halfway[0] < 55 and halfway[1:] == [0, 100]
    values = [n.percentile for n in found]
    assert values == sorted(values, reverse=True)
    assert collection.search(vectors[3], 1, query="text")[0].percentile is None


def test_terms_and_works(folder: Path):
    collection = open_collection(str(folder))
    terms = collection.terms()
    assert len(terms.creators) == 7 and len(terms.titles) == WORKS
    assert terms.keywords[:2] == ("cat", "tree") and set(terms.keywords) == {"cat", "tree", "boat"}
    assert collection.work("w0007").creator == "creator0"
    with pytest.raises(ExplorerError, match="no work"):
        collection.work("nobody")


def test_relative_pictures_stay_inside_the_root(tmp_path: Path, vectors):
    folder = write_folder(tmp_path / "index", vectors)
    (folder / "works").mkdir()
    (folder / "works" / "5.png").write_bytes(b"x")
    (tmp_path / "secret.png").write_bytes(b"x")
    paths = [f"works/{i}.png" for i in range(WORKS)]
    paths[6] = "../secret.png"
    whole = table(WORKS).set_column(7, "image_path", [paths])
    for old in (folder / "metadata").iterdir():
        old.unlink()
    pq.write_table(whole, folder / "metadata" / "metadata_0.parquet")
    works = open_collection(str(folder)).rows([5, 6, 7])
    assert [w.image_path for w in works] == [str(folder / "works" / "5.png"), "", ""]


def test_a_wrong_dimension_and_an_empty_query_are_refused(folder: Path):
    collection = open_collection(str(folder))
    with pytest.raises(ExplorerError, match="512 dimensions and the collection 32"):
        collection.search(np.ones(512), 3)
    with pytest.raises(ExplorerError, match="not a number"):
        collection.search(np.full(DIM, np.nan), 3)
    with pytest.raises(ExplorerError, match="no text index"):
        collection.search(np.ones(DIM), 3, modality="text")


def test_metadata_shorter_than_the_index_is_refused(tmp_path: Path, vectors):
    with pytest.raises(ExplorerError, match="250 rows for an index of 300"):
        open_collection(str(write_folder(tmp_path / "index", vectors, rows=250)))


def test_longer_metadata_is_noted(tmp_path: Path, vectors):
    info = open_collection(str(write_folder(tmp_path / "index", vectors, rows=310))).info
    assert any("10 more rows" in note for note in info.notes)


@pytest.mark.parametrize("make", [
    lambda: faiss.IndexFlatIP(DIM), lambda: faiss.IndexHNSWFlat(DIM, 15, faiss.METRIC_INNER_PRODUCT),
    lambda: faiss.index_factory(DIM, "IVF8,Flat", faiss.METRIC_INNER_PRODUCT)], ids=["flat", "hnsw", "ivf"])
@pytest.mark.parametrize("harm", ["cut", "head", "noise", "empty"])
def test_a_damaged_index_is_refused(tmp_path: Path, vectors, make, harm):
    folder = write_folder(tmp_path / "index", vectors, index=make())
    path = folder / "image.index"
    whole = path.read_bytes()
    path.write_bytes({"cut": whole[:len(whole) * 2 // 3], "head": whole[:20], "empty": b"",
                      "noise": whole[:4] + np.random.default_rng(1).bytes(len(whole) - 4)}[harm])
    with pytest.raises(ExplorerError, match="damaged or not a faiss index"):
        open_collection(str(folder))


@pytest.mark.parametrize("kind", ["parquet", "arrow", "hdf5"])
def test_damaged_metadata_is_refused(tmp_path: Path, vectors, kind):
    folder = write_folder(tmp_path / "index", vectors, kind=kind)
    path = folder / "metadata.hdf5" if kind == "hdf5" else sorted((folder / "metadata").iterdir())[0]
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ExplorerError, match="cannot be read"):
        open_collection(str(folder)).search(vectors[0], WORKS)


def test_what_is_missing_is_named(tmp_path: Path, vectors):
    with pytest.raises(ExplorerError, match="There is no collection at"):
        open_collection(str(tmp_path / "nothing"))
    with pytest.raises(ExplorerError, match=r"neither image\.index nor text\.index"):
        open_collection(str(tmp_path))
    folder = write_folder(tmp_path / "index", vectors)
    for file in (folder / "metadata").iterdir():
        file.unlink()
    with pytest.raises(ExplorerError, match="no metadata"):
        open_collection(str(folder))


def test_single_rows_over_several_files_are_read_as_mapped(tmp_path):
    from explorer.collections.embeddings import EmbeddingRows

    rows = unit_rows(50, 8)
    for kind in (np.float16, np.float32):
        paths = [tmp_path / f"{np.dtype(kind).name}_{n}.npy" for n in range(3)]
        for path, part in zip(paths, np.split(rows.astype(kind), (7, 30)), strict=True):
            np.save(path, part)
        stored = EmbeddingRows(paths)
        ids = np.array([49, 0, 6, 7, 29, 30, 7])
        assert np.array_equal(stored.get(ids), rows.astype(kind)[ids].astype(np.float32))
        assert np.array_equal(stored.get(ids), stored._mapped(ids))
        assert stored.get(np.empty(0, np.int64)).shape == (0, 8)
        with pytest.raises(IndexError, match="50"):
            stored.get(np.array([50]))


def test_text_columns_are_read_as_arrow_reads_them(tmp_path: Path):
    import pyarrow as pa

    from explorer.collections.rows import ArrowRows

    words = ["", "a", "größer 𝒜", "x" * 300, "last"]
    whole = pa.table({"plain": words, "wide": pa.array(words, pa.large_string()),
                      "gaps": ["a", None, "", None, "b"], "number": [1, None, 3, 4, 5],
                      "list": [["a"], [], None, ["b", "c"], ["d"]]})
    path = tmp_path / "rows.arrow"
    with pa.ipc.new_file(str(path), whole.schema) as writer:
        writer.write_batch(whole.to_batches()[0].slice(0, 2))
        writer.write_batch(whole.to_batches()[0].slice(2, 3))
    rows, order = ArrowRows([path]), [4, 0, 2, 1, 3, 2]
    said = whole.to_pylist()
    assert rows.get(order, tuple(whole.column_names)) == [tuple(said[n].values()) for n in order]
    with pytest.raises(ExplorerError, match="row 5"):
        rows.get([5], ("plain",))


def test_only_works_that_may_be_among_the_nearest_are_read(tmp_path: Path, vectors):
    made = faiss.index_factory(DIM, "IVF4,PQ8x4", faiss.METRIC_INNER_PRODUCT)
    folder = write_folder(tmp_path / "index", vectors, index=made)
    faiss.extract_index_ivf(made).nprobe = 4
    faiss.write_index(made, str(folder / "image.index"))
    (folder / "img_emb").mkdir()
    np.save(folder / "img_emb" / "img_emb_0.npy", vectors)
    found = {}
    for margin in (0.0, 0.1, None, "wide"):
        (folder / "collection.json").write_text(json.dumps({"margins": {"image": margin}}))
        collection, seen = open_collection(str(folder)), []
        stored = collection._exact["image"]
        get = stored.get
        stored.get = lambda ids, get=get, seen=seen: seen.append(len(ids)) or get(ids)
        found[margin] = (seen, [n.work_id for n in collection.search(vectors[7], 5)])
    assert found[0.0][0][0] == 5 < found[0.1][0][0] < 100  # later looks are for the percentiles
    assert found[None][0][0] == found["wide"][0][0] == 100
    proposed = made.search(vectors[7:8], 100)[1][0]
    best = proposed[np.argsort(-(vectors[proposed] @ vectors[7]))[:5]]
    assert found[None][1] == [f"w{i:04d}" for i in best] and found[0.1][1][0] == "w0007"
