"""The duplicates report as the desk worker makes it, and as the collections page and the door show it."""

from __future__ import annotations

import csv
import os
import shutil
from pathlib import Path

import pytest
from PIL import Image

from explorer.collections.build import index_folder
from explorer.collections.copycheck import Door
from explorer.collections.embed import embed_folder
from explorer.collections.open import open_collection
from explorer.collections.stored_signatures import read_signatures
from explorer.errors import ExplorerError
from explorer.images.decode import png_bytes
from explorer.jobs.queue import Queue
from explorer.jobs.tasks import FindDuplicates
from explorer.jobs.worker_queue import Board
from explorer.run import QUIET
from explorer.settings import load_settings
from explorer.worker.context import Context
from explorer.worker.loaded_table import LoadedTable
from explorer.worker.runners.run_duplicates import report

from .conftest import picture, write_folder
from .planted import KINDS, plant
from .test_build import GridEncoder

PICTURES, TWINS = 20, 30


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """Twenty pictures, a copy in each kind of the first, and thirty re-encoded ones of the second."""
    base = tmp_path_factory.mktemp("report")
    (base / "pictures").mkdir()
    for i in range(PICTURES):
        (base / "pictures" / f"{i:02d}.png").write_bytes(png_bytes(picture(i)))
    for kind in KINDS:
        Image.fromarray(plant(picture(0), kind, 0)).save(base / "pictures" / f"first {kind}.png")
    for i in range(TWINS):
        Image.fromarray(picture(1)).save(base / "pictures" / f"second {i}.jpg", quality=60 + i)
    embed_folder(base / "pictures", base / "built", GridEncoder(), clip="grid")
    index_folder(base / "built")
    return base / "built"


def run(home: Path, task: FindDuplicates) -> dict:
    settings = load_settings(home)
    queue = Queue(settings.database)
    job = queue.get(queue.submit(task))
    return report(task, Context(settings, queue, job, LoadedTable(10**9), QUIET))


def test_the_report_counts_groups_and_writes_the_list(made: Path, tmp_path: Path):
    told = run(tmp_path, FindDuplicates(str(made)))
    first, second = 1 + len(KINDS), 1 + TWINS
    assert told["works"] == PICTURES + len(KINDS) + TWINS and told["distinct"] == PICTURES
    assert told["by_multiplicity"] == [[1, PICTURES - 2], [first, first], [second, second]]
    assert [g["size"] for g in told["largest"]] == [second, first] and told["groups"] == 2
    assert told["largest"][0]["works"][0]["work_id"] == "01.png" and told["checked"] and not told["stored"]
    assert Path(told["largest"][1]["works"][0]["image_path"]).is_file()
    with open(told["path"], newline="", encoding="utf-8") as handle:
        rows = {r["work_id"]: int(r["multiplicity"]) for r in csv.DictReader(handle)}
    assert len(rows) == PICTURES and rows["01.png"] == second and rows["00.png"] == first and rows["05.png"] == 1


def test_numbers_are_stored_only_in_a_collection_that_was_built_here(made: Path, vectors, tmp_path: Path):
    own = tmp_path / "own"
    shutil.copytree(made, own)
    assert open_collection(str(own)).rows([0])[0].multiplicity is None  # before anybody looked
    run(tmp_path / "home", FindDuplicates(str(own), str(tmp_path / "list.csv"), store=True))
    counts = {w.work_id: w.multiplicity for w in open_collection(str(own)).rows(range(50))}
    assert counts["01.png"] == 1 + TWINS and counts["05.png"] == 1 and (tmp_path / "list.csv").is_file()
    theirs = write_folder(tmp_path / "theirs", vectors)
    before = {p: p.read_bytes() for p in theirs.rglob("*") if p.is_file()}
    with pytest.raises(ExplorerError, match="was not built here"):
        run(tmp_path / "home", FindDuplicates(str(theirs), store=True))
    told = run(tmp_path / "home", FindDuplicates(str(theirs)))
    assert not told["checked"] and told["distinct"] == told["works"]
    assert {p: p.read_bytes() for p in theirs.rglob("*") if p.is_file()} == before


def test_the_door_counts_every_near_copy_of_a_picture(made: Path):
    collection = open_collection(str(made))
    door = Door(collection, read_signatures(collection))
    assert door.check(picture(1)).copies == 1 + TWINS
    assert door.check(picture(7)).copies == 1 and door.check(picture(400)).copies == 0
    assert Door(collection, None).check(picture(1)).copies is None  # nothing could be looked at


def test_the_page_shows_the_report_and_the_open_picture(made: Path, tmp_path: Path, monkeypatch):
    from streamlit.testing.v1 import AppTest

    from explorer.cases.store import CaseStore
    from explorer.records import CopyCheck
    from pages.shared.frame import script
    from pages.shared.texts import say

    home = tmp_path / "home"
    monkeypatch.setenv("AFTERIMAGE_HOME", str(home))
    monkeypatch.setattr("explorer.jobs.launch.ensure_workers", lambda *a, **k: [])
    case = CaseStore(load_settings(home).cases).create("A case")
    subject = case.add_subject(png_bytes(picture(1)), "one.png")
    app = AppTest.from_file(str(Path(__file__).parents[2] / "app.py"), default_timeout=120)
    app.query_params["case"], app.query_params["subject"] = case.id, subject.id
    app.run().switch_page(script("collections")).run()
    next(b for b in app.button if b.label == say("duplicates.go")).click().run()
    queue = Queue(load_settings(home).database)
    assert queue.active()[0].task == FindDuplicates("world")
    told = run(tmp_path / "other", FindDuplicates(str(made)))
    board = Board(queue, kind="desk", pid=os.getpid(), born_s=0.0, device="cpu")
    board.done(board.take().id, told)
    case.commit(CopyCheck(subject.id, "world", True, 58, 0.95, title="Boat", likeness=0.99, copies=31), key="x")
    app.run()
    text = "\n".join(m.value for m in app.markdown)
    assert not app.exception and "20 distinct pictures" in text and "| 31 | 31 |" in text
    assert "31 works of “world” are near copies" in text and say("duplicates.group", n=9) in text
