"""Building from a folder: captions of every kind, bad files, resuming, changes, and the choice of index."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import faiss
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from explorer.collections import build, embed
from explorer.collections.build import index_folder, index_key
from explorer.collections.embed import embed_folder
from explorer.collections.open import open_collection
from explorer.collections.parts import read_card
from explorer.collections.picture_sources import list_items
from explorer.collections.quantise import LOOK
from explorer.errors import ExplorerError

from .conftest import picture, unit_rows


class GridEncoder:
    """A small encoder without weights: 4 × 4 colour means of a picture, letters of a text."""

    fingerprint, name, dim, size_px = "a" * 64, "grid", 48, 32

    def __init__(self):
        self.seen = 0

    def encode_images(self, images):
        self.seen += len(images)
        x = np.stack(images).astype(np.float32).reshape(-1, 4, 8, 4, 8, 3).mean(axis=(2, 4))
        x = x.reshape(-1, 48) - 127
        return x / np.linalg.norm(x, axis=1, keepdims=True)

    def encode_texts(self, texts):
        x = np.ones((len(texts), 48), np.float32)
        for row, text in zip(x, texts, strict=True):
            np.add.at(row, [ord(c) % 48 for c in text], 1)
        return x / np.linalg.norm(x, axis=1, keepdims=True)


def save(path: Path, seed: int, kind: str = "PNG") -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture(seed)).save(path, kind)
    return path.read_bytes()


def make(folder: Path, out: Path, encoder=None):
    report = embed_folder(folder, out, encoder or GridEncoder(), clip="grid")
    index_folder(out)
    return report


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    for i in range(12):
        save(folder / ("a" if i % 2 else "b") / f"{i}.png", i)
    return folder


def test_a_folder_becomes_a_collection(tmp_path: Path, pictures: Path):
    report = make(pictures, tmp_path / "out")
    assert (report.works, report.embedded, report.kept, report.refused) == (12, 12, 0, ())
    collection = open_collection(str(tmp_path / "out"))
    assert collection.info.clip == "grid" and collection.modalities == ("image",)
    from explorer.images.prepare import fit_square

    query = GridEncoder().encode_images([fit_square(picture(5), 32)])[0]
    best = collection.search(query, 3)[0]
    assert (best.work_id, best.title) == ("a/5.png", "5") and best.similarity > 0.999
    assert best.image_path == str((pictures / "a" / "5.png").resolve())


def test_captions_of_every_kind(tmp_path: Path):
    folder = tmp_path / "pictures"
    save(folder / "txt.png", 1)
    (folder / "txt.txt").write_text("a boat\n")
    save(folder / "csv.jpg", 2, "JPEG")
    (folder / "words.csv").write_text("file,caption,artist,license\ncsv.jpg,a cat,Ada,CC0\n")
    save(folder / "sub" / "parquet.png", 3)
    pq.write_table(pa.table({"image_path": ["sub/parquet.png"], "caption": ["a tree"], "tags": [["x", "y"]]}),
                   folder / "words.parquet")
    members = {"000.txt": b"a shard", "000.json": b'{"artist": "Eve", "url": "https://e.org"}',
               "000.png": save(tmp_path / "x.png", 4), "001.png": save(tmp_path / "y.png", 5)}
    with tarfile.open(folder / "shard.tar", "w") as shard:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            shard.addfile(info, io.BytesIO(data))
    make(folder, tmp_path / "out")
    collection = open_collection(str(tmp_path / "out"))
    assert collection.modalities == ("image", "text")
    works = {w.work_id: w for w in collection.rows(range(5))}
    assert works["txt.png"].caption == "a boat"
    cat, tree, shard = works["csv.jpg"], works["sub/parquet.png"], works["shard.tar/000.png"]
    assert (cat.caption, cat.creator, cat.licence) == ("a cat", "Ada", "CC0")
    assert (tree.caption, tree.keywords) == ("a tree", "x, y")
    assert (shard.caption, shard.creator, shard.url) == ("a shard", "Eve", "https://e.org")
    assert shard.image_path == ""
    found = collection.search(GridEncoder().encode_texts(["a tree"])[0], 1, modality="text", query="text")
    assert found[0].work_id == "sub/parquet.png" and found[0].similarity > 0.999


def test_ten_bad_files_are_listed_and_the_rest_is_built(tmp_path: Path, pictures: Path):
    whole = save(tmp_path / "whole.png", 99)
    for i in range(10):
        (pictures / f"bad{i}.png").write_bytes([b"", b"%PDF-1.4", whole[:200], b"<svg/>"][i % 4])
    report = make(pictures, tmp_path / "out")
    assert report.works == 12 and len(report.refused) == 10
    assert all(reason for _, reason in report.refused)
    again = GridEncoder()
    assert len(make(pictures, tmp_path / "out", again).refused) == 10 and again.seen == 0
    (pictures / "bad0.png").write_bytes(whole)
    report = make(pictures, tmp_path / "out", again)
    assert (len(report.refused), report.embedded, again.seen) == (9, 1, 1)


def test_only_new_and_changed_files_are_embedded(tmp_path: Path, pictures: Path):
    make(pictures, tmp_path / "out")
    save(pictures / "new.png", 50)
    save(pictures / "a" / "1.png", 51)
    (pictures / "b" / "2.png").unlink()
    encoder = GridEncoder()
    report = make(pictures, tmp_path / "out", encoder)
    assert (report.works, report.embedded, report.kept, report.dropped, encoder.seen) == (12, 2, 10, 2, 2)
    collection = open_collection(str(tmp_path / "out"))
    works = [w.work_id for w in collection.rows(range(12))]
    assert sorted(works) == sorted({*works} | {"new.png", "a/1.png"}) and "b/2.png" not in works
    vectors = collection.vectors(range(12))
    for at, name in enumerate(works):
        assert collection.search(vectors[at], 1)[0].work_id == name


def test_a_build_ended_half_way_resumes(tmp_path: Path, pictures: Path, monkeypatch):
    monkeypatch.setattr(embed, "SMALLEST_PART", 4)
    monkeypatch.setattr(embed, "BATCH", 2)

    class Ends(GridEncoder):
        def encode_images(self, images):
            if self.seen >= 6:
                raise KeyboardInterrupt
            return super().encode_images(images)

    first, out = Ends(), tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        embed_folder(pictures, out, first, clip="grid")
    (out / "img_emb" / "img_emb_000001.npy").write_bytes(b"half")  # what a kill leaves behind
    second = GridEncoder()
    report = make(pictures, out, second)
    assert (report.kept, second.seen, report.works) == (4, 8, 12)
    whole = tmp_path / "whole"
    make(pictures, whole)
    resumed, straight = (open_collection(str(f)).vectors(range(12)) for f in (out, whole))
    assert np.array_equal(resumed, straight)


def test_another_clip_or_folder_is_refused(tmp_path: Path, pictures: Path):
    make(pictures, tmp_path / "out")
    other = GridEncoder()
    other.fingerprint = "b" * 64
    with pytest.raises(ExplorerError, match="made with the CLIP grid"):
        make(pictures, tmp_path / "out", other)
    with pytest.raises(ExplorerError, match="holds the collection of"):
        make(pictures / "a", tmp_path / "out")


def test_what_is_not_there_is_said(tmp_path: Path):
    with pytest.raises(ExplorerError, match="is not a folder"):
        list_items(tmp_path / "none")
    with pytest.raises(ExplorerError, match="holds no pictures"):
        list_items(tmp_path)
    (tmp_path / "x.png").write_bytes(b"nothing")
    with pytest.raises(ExplorerError, match="None of the 1 pictures"):
        make(tmp_path, tmp_path / "out")
    (tmp_path / "x.tar").write_bytes(b"nothing" * 100)
    with pytest.raises(ExplorerError, match=r"shard .* is damaged"):
        list_items(tmp_path)
    with pytest.raises(ExplorerError, match="holds no embeddings"):
        index_folder(tmp_path / "out")


def test_links_and_the_output_itself_are_left_out(tmp_path: Path, pictures: Path):
    (pictures / "link.png").symlink_to(pictures / "a" / "1.png")
    save(pictures / "out" / "thumb.png", 3)
    assert len(list_items(pictures, without=pictures / "out")) == 12


def test_a_large_collection_gets_quantised_cells_and_grows(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(build, "LEAST_PROBES", 8)
    out = tmp_path / "out"
    rows = unit_rows(3000, 16, seed=3)
    (out / "img_emb").mkdir(parents=True)
    (out / "metadata").mkdir()
    for i, part in enumerate((rows[:2500], rows[2500:])):
        np.save(out / "img_emb" / f"img_emb_{i:06d}.npy", part.astype(np.float16))
        pq.write_table(pa.table({"id": [f"{i}-{n}" for n in range(len(part))]}),
                       out / "metadata" / f"metadata_{i:06d}.parquet")
    later = (out / "img_emb" / "img_emb_000001.npy").rename(tmp_path / "later.npy")
    first = index_folder(out, exact_works=1000)
    assert first.kinds["image"] == index_key(2500, 16) and first.recall_at_10 >= 0.98
    index = faiss.read_index(str(out / "image.index"))  # owns what is looked at below
    cells = faiss.downcast_index(faiss.extract_index_ivf(index).quantizer)
    assert cells.hnsw.efSearch == LOOK and 0 < read_card(out)["margins"]["image"] < 2
    later.rename(out / "img_emb" / "img_emb_000001.npy")
    monkeypatch.setattr(build, "quantise", None)  # growing needs no new cells
    grown = index_folder(out, exact_works=1000)
    assert grown.works == 3000 and grown.recall_at_10 >= 0.98
    collection = open_collection(str(out))
    exact = faiss.IndexFlatIP(16)
    exact.add(rows)
    queries = unit_rows(50, 16, seed=9)
    hits = [len({n.work_id for n in collection.search(q, 10)}
                & {w.work_id for w in collection.rows(exact.search(q[None], 10)[1][0])}) for q in queries]
    assert np.mean(hits) / 10 >= 0.95
    assert json.loads(json.dumps(read_card(out)))["index"]["image"] == first.kinds["image"]
