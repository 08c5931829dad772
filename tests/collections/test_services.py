"""A service asked through the queue: its filters, its CLIP, what it is sent; and its pictures on the page."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

import numpy as np
import pytest

from explorer.cases.store import CaseStore
from explorer.collections import net
from explorer.collections.thumbnails import blurred, fetch_thumbnail
from explorer.errors import ExplorerError
from explorer.images.decode import open_image, png_bytes
from explorer.jobs.queue import Queue
from explorer.jobs.tasks import EncodeQuery, EncodeText, SearchCollection
from explorer.jobs.worker_queue import Board
from explorer.run import QUIET
from explorer.settings import load_settings, save_settings
from explorer.worker.context import Context
from explorer.worker.loaded_table import LoadedTable
from explorer.worker.runners.run_neighbours import search

from .conftest import picture
from .test_remote import HITS, as_json, server

EMBEDDING = [0.0, 1.0, 0.0]


@pytest.fixture
def service():
    """A service that hides its first work when told to, and reads words as another CLIP would."""
    def knn(body):
        asked = json.loads(body)
        shifted = [{**hit, "similarity": hit["similarity"] / 2} for hit in HITS]
        return as_json(HITS[1:] if asked["deduplicate"] else shifted if "text" in asked else HITS)(body)

    with server({"/indices-list": as_json(["works"]), "/knn-service": knn}) as found:
        yield found


class Desk:
    def __init__(self, home: Path):
        self.settings = load_settings(home)
        self.queue = Queue(self.settings.database)

    def run(self, asked, task: SearchCollection) -> dict:
        before = self.queue.submit(asked)
        board = Board(self.queue, kind="device", pid=os.getpid(), born_s=0.0, device="cpu")
        board.done(board.take().id, {"embedding": EMBEDDING, "subject_id": getattr(asked, "subject_id", "")})
        job = self.queue.get(self.queue.submit(task, after=before))
        return search(task, Context(self.settings, self.queue, job, LoadedTable(10**9), QUIET))


def test_filters_are_off_and_another_clip_is_told(tmp_path, service):
    base, seen = service
    told = Desk(tmp_path).run(EncodeText("a boat"), SearchCollection(base))
    assert [n["work_id"] for n in told["neighbours"]] == ["4", "9"]
    remote = told["remote"]
    assert remote["hidden"] == [] and remote["removed"] == 0 and remote["checked"]
    assert "not the one chosen here" in remote["warning"] and remote["notes"]
    first = next(json.loads(body) for path, body in seen if path == "/knn-service")
    assert first["embedding_input"] == EMBEDDING and not first["deduplicate"] and "aesthetic_score" not in first


def test_what_a_filter_removed_is_counted(tmp_path, service):
    base, seen = service
    told = Desk(tmp_path).run(EncodeText("a boat"), SearchCollection(base, hide=("duplicates",), aesthetic=7))
    assert told["remote"]["hidden"] == ["duplicates hidden", "query shifted"] and told["remote"]["removed"] == 1
    first = next(json.loads(body) for path, body in seen if path == "/knn-service")
    assert first["deduplicate"] and first["aesthetic_score"] == 7


def test_the_service_reads_words_or_a_part_of_the_picture_itself(tmp_path, service):
    base, seen = service
    desk = Desk(tmp_path)
    told = desk.run(EncodeText("a boat"), SearchCollection(base, read_there=True))
    assert json.loads(seen[-1][1])["text"] == "a boat" and told["remote"]["warning"] == ""
    case = CaseStore(desk.settings.cases).create("A case")
    subject = case.add_subject(png_bytes(picture(3)), "one.png")
    desk.run(EncodeQuery(case.id, subject.id, (0.0, 0.0, 0.5, 1.0)), SearchCollection(base, read_there=True))
    import base64
    sent = open_image(base64.b64decode(json.loads(seen[-1][1])["image"]), name="sent").rgb
    assert np.array_equal(sent, picture(3)[:, :48])
    with pytest.raises(ExplorerError, match="not both together"):
        desk.run(EncodeQuery(case.id, subject.id, text="a boat"), SearchCollection(base, read_there=True))


def test_a_blurred_picture_shows_nothing_but_colours():
    clear = np.zeros((60, 80, 3), np.uint8)
    clear[:, ::2] = 255
    seen = open_image(blurred(png_bytes(clear)), name="x").rgb
    assert seen.shape == clear.shape and seen.std() < 12 and abs(float(seen.mean()) - 127) < 8


def test_pictures_are_fetched_only_on_request_and_dead_links_are_marked(tmp_path, monkeypatch):
    from streamlit.testing.v1 import AppTest

    from pages.shared.frame import script
    from pages.shared.texts import say

    home = tmp_path / "home"
    monkeypatch.setenv("AFTERIMAGE_HOME", str(home))
    monkeypatch.setattr("explorer.jobs.launch.ensure_workers", lambda *a, **k: [])
    monkeypatch.setattr(net, "check_address", lambda address, **_: None)  # the test's server is private
    answers = {"/ok.png": lambda b: (200, {"Content-Type": "image/png"}, png_bytes(picture(1))),
               "/gone.png": lambda b: (404, {}, b"")}
    with server(answers) as (pictures, asked):
        hits = [{"id": n, "similarity": 0.5, "url": f"{pictures}/{p}.png"} for n, p in ((1, "ok"), (2, "gone"))]
        desk = Desk(home)
        with server({"/indices-list": as_json(["works"]), "/knn-service": as_json(hits)}) as (remote, _):
            save_settings(dataclasses.replace(desk.settings, collection=remote))
            told = desk.run(EncodeText("a boat"), SearchCollection(remote))
        app = AppTest.from_file(str(Path(__file__).parents[2] / "app.py"), default_timeout=120)
        app.run().switch_page(script("collections")).run()
        label = say("search.words")
        next(t for t in app.text_input if t.label == label).set_value("a boat")
        next(b for b in app.button if b.label == say("search.go")).click().run()
        board = Board(desk.queue, kind="device", pid=os.getpid(), born_s=0.0, device="cpu")
        board.done(board.take().id, {"embedding": EMBEDDING})
        desks = Board(desk.queue, kind="desk", pid=os.getpid(), born_s=0.0, device="cpu")
        for _ in range(2):  # the one above, and the page's
            desks.done(desks.take().id, told)
        app.run()
        assert not app.exception and asked == [] and say("remote.offline") in [c.value for c in app.caption]
        save_settings(dataclasses.replace(load_settings(home), offline=False))
        app.run()
        assert asked == []
        next(b for b in app.button if b.label == say("remote.fetch", n=2)).click().run()
        assert not app.exception and sorted(path for path, _ in asked) == ["/gone.png", "/ok.png"]
        assert any(t.label == say("remote.clear") and t.value is False for t in app.toggle)
        states = {p: fetch_thumbnail(pictures + p, offline=False).state for p in answers}
    assert states == {"/ok.png": "ok", "/gone.png": "dead"}
