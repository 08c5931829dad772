"""The check at the door as the desk worker runs it, on a small collection of pictures."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from explorer.cases.store import CaseStore
from explorer.collections.build import index_folder
from explorer.collections.copycheck import Door, DoorRule, read_rates
from explorer.collections.embed import embed_folder
from explorer.collections.open import open_collection
from explorer.images.decode import png_bytes
from explorer.images.prepare import fit_square
from explorer.jobs.queue import Queue
from explorer.jobs.tasks import CheckCopy, EncodeQuery, SearchCollection
from explorer.jobs.worker_queue import Board
from explorer.records import CopyCheck
from explorer.run import QUIET
from explorer.settings import load_settings
from explorer.worker.context import Context
from explorer.worker.loaded_table import LoadedTable
from explorer.worker.runners.run_neighbours import check, search

from .conftest import picture
from .test_build import GridEncoder

WORKS = 12


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    base = tmp_path_factory.mktemp("door")
    (base / "pictures").mkdir()
    for i in range(WORKS):
        (base / "pictures" / f"{i:02d}.png").write_bytes(png_bytes(picture(i)))
    embed_folder(base / "pictures", base / "built", GridEncoder(), clip="grid")
    index_folder(base / "built")
    return base / "built"


def embedding(rgb: np.ndarray) -> list[float]:
    return GridEncoder().encode_images([fit_square(rgb, 32)])[0].tolist()


class Desk:
    """A case on a queue, and the job before the one that is run."""

    def __init__(self, home: Path, table: LoadedTable):
        self.settings, self.table = load_settings(home), table
        self.queue = Queue(self.settings.database)
        self.case = CaseStore(self.settings.cases).create("A case")

    def run(self, runner, task, result: dict):
        before = self.queue.submit(EncodeQuery(self.case.id))
        board = Board(self.queue, kind="device", pid=os.getpid(), born_s=0.0, device="cpu")
        board.done(board.take().id, result)
        job = self.queue.get(self.queue.submit(task, after=before))
        return runner(task, Context(self.settings, self.queue, job, self.table, QUIET))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path, LoadedTable(10**9))


@pytest.mark.parametrize(("seed", "copied"), [(5, True), (500, False)])
def test_a_near_copy_is_flagged_and_goes_on_record(desk, built, seed, copied):
    rgb = picture(seed)[2:94, 2:94]
    subject = desk.case.add_subject(png_bytes(rgb), "made", origin="generated")
    before = {"subject_id": subject.id, "embedding": embedding(rgb), "side": "image"}
    found = desk.run(check, CheckCopy(desk.case.id, str(built), k=4), before)
    seen, = desk.case.records(CopyCheck, subject_id=subject.id)
    assert seen.is_near_copy is copied and seen.compared == WORKS and found["work_id"] == seen.work_id
    assert (seen.work_id == "05.png" and seen.likeness >= seen.limit) is copied
    assert Path(seen.image_path).is_file()
    near = desk.case.neighbours(subject.id)
    assert len(near) == 4 and near[0].subject_id == subject.id


def test_without_pictures_nothing_is_claimed(desk, folder, vectors):
    subject = desk.case.add_subject(png_bytes(picture(1)), "made", origin="generated")
    before = {"subject_id": subject.id, "embedding": vectors[3].tolist()}
    desk.run(check, CheckCopy(desk.case.id, str(folder)), before)
    seen, = desk.case.records(CopyCheck, subject_id=subject.id)
    assert not seen.is_near_copy and seen.compared == 0 and "picture" in seen.note
    assert desk.case.neighbours(subject.id)[0].work_id == "w0003"


def test_without_signatures_the_nearest_pictures_are_looked_at(built):
    collection = open_collection(str(built))
    door = Door(collection, None)
    same = door.check(picture(5), np.array(embedding(picture(5)), np.float32))
    assert same.is_near_copy and same.work_id == "05.png" and same.by == "embedding" and same.compared == WORKS
    assert not door.check(picture(5)).compared  # no embedding: nothing was looked at


def test_a_mixture_has_no_standing_among_pairs(desk, built):
    for side, known in (("image", True), ("mixed", False)):
        before = {"embedding": embedding(picture(2)), "side": side}
        found = desk.run(search, SearchCollection(str(built), 3), before)
        assert found["side"] == side and found["neighbours"][0]["work_id"] == "02.png"
        assert (found["neighbours"][0]["percentile"] is not None) is known


def test_rates_are_quoted_only_where_they_were_measured(tmp_path):
    path = tmp_path / "rates.json"
    assert read_rates(DoorRule(), collection="a", path=path) is None
    path.write_text(json.dumps({"likeness": 0.95, "collection": "a", "found": 0.9, "copies": 10, "false": 0.0,
                                "others": 20}))
    assert read_rates(DoorRule(), collection="a", path=path).found == 0.9
    assert read_rates(DoorRule(), collection="b", path=path) is None
    assert read_rates(DoorRule(likeness=0.9), collection="a", path=path) is None
