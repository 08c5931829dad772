"""Hostile collections: nothing ends the worker, fills its memory, hangs it or shows other files as captions."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from explorer.cases.given_caption import beside
from explorer.collections import checks
from explorer.collections.layout import find_layout
from explorer.collections.open import open_collection
from explorer.collections.picture_sources import list_items
from explorer.collections.rows import open_rows
from explorer.collections.works import described
from explorer.errors import ExplorerError
from explorer.images.sandbox import SandboxFailure, shared_sandbox
from tests.benchmarks import safety_collection_files as made
from tests.benchmarks import safety_collections
from tests.collections.conftest import unit_rows, write_folder

SECRET = made.SECRET


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    target = tmp_path / "elsewhere" / "secret.txt"
    target.parent.mkdir()
    target.write_text(f"{SECRET}\n" * 200)
    return target


@pytest.fixture
def hdf5(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "index", unit_rows(made.WORKS, 8), kind="hdf5")


def test_hostile_collections_are_refused_and_nothing_falls_over(tmp_path):
    found = safety_collections.attack(2 * len(safety_collections.KINDS), tmp_path.resolve(), seed=3)
    assert found["hostile_collections"] == 64 and found["collections_refused"] > 20
    wrong = ("collection_crashes", "collection_hangs", "collections_over_memory", "collection_secrets_shown",
             "collections_unclear", "collection_escaped_files")
    assert [found[name] for name in wrong] == [0] * len(wrong)


@pytest.mark.parametrize("harm", made.HDF5, ids=lambda h: h.__name__.strip("_"))
def test_hdf5_shows_no_other_file_and_needs_its_shape(hdf5, secret, harm):
    harm(hdf5 / "metadata.hdf5", secret)
    with pytest.raises(ExplorerError, match=r"link|another file|one value|group|texts nor numbers") as refused:
        open_collection(str(hdf5))
    assert SECRET not in str(refused.value)


def test_what_a_parent_would_read_is_read_by_the_child_first(tmp_path, monkeypatch):
    folder = write_folder(tmp_path / "index", unit_rows(60, 8))
    asked = []
    monkeypatch.setattr(checks, "_known", set())
    real = shared_sandbox(checks.CHILD).call
    monkeypatch.setattr(shared_sandbox(checks.CHILD), "call",
                        lambda *given, **more: (asked.append(given[0]["op"]), real(*given, **more))[1])
    for _ in range(2):
        open_collection(str(folder), cache=tmp_path / "cache")
    assert asked == ["rows"]
    checks._known.clear()  # another process
    open_collection(str(folder), cache=tmp_path / "cache")
    assert asked == ["rows"]
    path = sorted((folder / "metadata").iterdir())[0]
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ExplorerError, match="damaged"):
        open_collection(str(folder), cache=tmp_path / "cache")
    assert asked == ["rows"] * 2


def test_the_bundled_world_needs_no_check(monkeypatch):
    monkeypatch.setattr(checks, "check_rows", None)
    monkeypatch.setattr("explorer.collections.rows.check_rows", None)
    assert open_rows(find_layout("world")).count == 800


@pytest.mark.parametrize("reason, words", [("time", "too long"), ("memory", "more memory"), ("crash", "fail")])
def test_a_child_that_does_not_survive_is_a_refusal(tmp_path, monkeypatch, reason, words):
    def failing(*_, **__):
        raise SandboxFailure(reason)
    monkeypatch.setattr(checks, "_known", set())
    monkeypatch.setattr(shared_sandbox(checks.CHILD), "call", failing)
    with pytest.raises(ExplorerError, match=words):
        open_collection(str(write_folder(tmp_path / "index", unit_rows(60, 8))), cache=tmp_path)
    assert not (tmp_path / "checked").exists()


@pytest.mark.parametrize("make", [made.parquet_bomb, made.parquet_rows, made.arrow_bomb], ids=lambda m: m.__name__)
def test_little_that_unpacks_to_much_is_refused(tmp_path, make):
    folder = write_folder(tmp_path / "index", unit_rows(60, 8), parts=1)
    old = next((folder / "metadata").iterdir())
    old.unlink()
    kind = "arrow" if make is made.arrow_bomb else "parquet"
    (folder / "metadata" / f"0.{kind}").write_bytes(make())
    with pytest.raises(ExplorerError, match=r"unpack|memory|more than"):
        open_collection(str(folder))


def test_a_collection_of_ordinary_texts_is_far_from_the_limits(tmp_path):
    folder = write_folder(tmp_path / "index", unit_rows(300, 8), parts=1)
    long = pa.table({"id": [str(n) for n in range(300)], "caption": ["word " * 1000] * 300})
    pq.write_table(long, folder / "metadata" / "metadata_0.parquet")
    assert open_collection(str(folder)).work("7").caption.startswith("word word")


@pytest.mark.parametrize("to", ["secret", "/dev/zero", "itself", "pipe", "folder"])
@pytest.mark.parametrize("name", ["image.index", "metadata/metadata_0.parquet", "collection.json", "img_emb/a.npy"])
def test_files_of_a_collection_must_be_its_own(tmp_path, secret, name, to):
    folder = write_folder(tmp_path / "index", unit_rows(60, 8))
    (folder / "img_emb").mkdir()
    path = folder / name
    path.unlink(missing_ok=True)
    if to == "pipe":
        os.mkfifo(path)
    elif to == "folder":
        path.mkdir()
    else:
        path.symlink_to({"secret": secret, "itself": path}.get(to, Path(to)))
    with pytest.raises(ExplorerError, match=r"must be its own|neither image\.index"):
        open_collection(str(folder))


def test_a_link_within_a_collection_is_followed(tmp_path):
    folder = write_folder(tmp_path / "index", unit_rows(60, 8), parts=1)
    path = folder / "metadata" / "metadata_0.parquet"
    path.rename(folder / "rows.bin")
    path.symlink_to(folder / "rows.bin")
    assert open_collection(str(folder)).works == 60


def test_captions_and_tables_that_are_links_or_pipes_say_nothing(tmp_path, secret):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name in ("a", "b", "c"):
        (folder / f"{name}.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (folder / "a.txt").symlink_to(secret)
    os.mkfifo(folder / "b.txt")
    secret.with_suffix(".csv").write_text(f"file,caption\nc.png,{SECRET}\n")
    (folder / "said.csv").symlink_to(secret.with_suffix(".csv"))
    os.mkfifo(folder / "more.parquet")
    os.mkfifo(folder / "d.png")
    items = list_items(folder)
    assert [item.key for item in items] == ["a.png", "b.png", "c.png"] and not any(i.said for i in items)
    assert [beside(folder / f"{name}.png") for name in ("a", "b")] == ["", ""]


def test_numbers_that_no_work_has_are_left_out():
    for odd in (10**400, float("inf"), float("nan"), -1, 0, True, "7", [1]):
        assert described(3, {"multiplicity": odd, "work_id": "a"}, root=None).get("multiplicity") in (None, 1)
    assert described(3, {"multiplicity": 256.0}, root=None)["multiplicity"] == 256


def test_index_ids_outside_of_the_rows_are_one_sentence(tmp_path, monkeypatch):
    found = open_collection(str(write_folder(tmp_path / "index", unit_rows(60, 8))))
    found._mapping = np.array([0, 1, 99, -1] * 15, np.int64)
    for ids in ([2], [3], [70], [-1]):
        with pytest.raises(ExplorerError, match="do not belong together"):
            found.rows(ids)
    with pytest.raises(ExplorerError, match="do not belong together"):
        found.vectors([60])
