"""Searches and builds on a real Ray cluster of two workers on this machine, against this process alone."""

from __future__ import annotations

import dataclasses
import os
import signal
import sys

import numpy as np
import pytest

from explorer.closeness.pixel_scores import compare
from explorer.collections.parts import IndexParts
from explorer.diffusion.exhibit import exhibit
from explorer.errors import ExplorerError
from explorer.findings.controls import read_lines
from explorer.images.decode import png_bytes, read_png
from explorer.jobs.tasks import BuildCollection, MeasureKnownControls
from explorer.records import Environment
from explorer.records.race_records import RaceRound
from explorer.run import QUIET
from explorer.settings import check_engine
from explorer.worker.engine import crew
from explorer.worker.engine.actors import Painter
from explorer.worker.engine.code import code_sha256
from explorer.worker.engine.crew import INSTALL, Crew, connect
from explorer.worker.loaded_table import LoadedTable
from explorer.worker.runners import loading
from tests.heard import Heard
from tests.worker.engine.cluster import ROOT, cluster
from tests.worker.test_runners import sources, work  # noqa: F401

SEEDS = 64


@pytest.fixture(scope="module")
def address():
    import ray
    with cluster(2) as found:
        yield found
        ray.shutdown()


@pytest.fixture(scope="module")
def table():
    """Actors stay warm from test to test."""
    return LoadedTable(10**9)


@pytest.fixture
def shared(work, table, address):  # noqa: F811
    work.table = table
    work.address = address
    return work


def search(work, name, engine="", **settings):  # noqa: F811
    return dataclasses.replace(work.search(prompt="a door", **settings), search_id=name, engine=engine)


def closest(work, name, count=10):  # noqa: F811
    """Seeds of the closest replays of a search, rendered again here one at a time."""
    model = loading.model(work.context(search(work, name)), work.settings.model)
    subject = read_png(work.case.blob(work.subject.pixels_sha256))
    first = work.case.replays(work.subject.id, search_id=name, order_by="tiled_l2", limit=count + 4)
    exact = {r.recipe.seed: compare(subject, exhibit(model, r.recipe).rgb)["tiled_l2"] for r in first}
    return sorted(exact, key=exact.get)[:count]


def test_a_node_with_other_code_or_weights_is_refused(address, sources):  # noqa: F811
    other = Crew(address, Painter, sources["model"], "float32", {"code": "0" * 64, "fingerprint": ""}, size=1)
    with pytest.raises(ExplorerError, match="another version of the code"):
        other.run(["never taken"], print, run=QUIET)
    with pytest.raises(ExplorerError, match="another version of the model's files"):
        Painter(sources["model"], "float32", {"code": code_sha256(), "fingerprint": "0" * 64})


def test_a_worker_that_ends_half_way_costs_nothing(shared):
    shared.run(search(shared, "here", seeds=SEEDS, steps=(10,)))
    task = search(shared, "there", shared.address, seeds=SEEDS, steps=(10,))
    context, ended = shared.context(task), []
    painters = loading.painters(context, shared.address, task.model, loading.model(context, task.model))
    painters.run([], print, run=QUIET)  # both are ready

    def one_ends():
        if not ended and shared.case.count_replays(search_id="there"):
            os.kill(painters.processes[0], signal.SIGKILL)
            ended.append(True)
    shared.run(task, Heard(when=one_ends))
    assert ended
    found = shared.case.replays(shared.subject.id, search_id="there", order_by="time", limit=-1)
    assert sorted(r.recipe.seed for r in found) == list(range(SEEDS))  # none lost, none twice
    known = {e.id for e in shared.case.records(Environment)}
    assert {r.environment_sha256 for r in found} <= known
    assert closest(shared, "there") == closest(shared, "here")


def test_a_race_keeps_the_same_lanes(shared):
    for name, engine in (("race here", ""), ("race there", shared.address)):
        shared.run(search(shared, name, engine, seeds=12, steps=(8,), mode="race"))
    rounds = shared.case.records(RaceRound, subject_id=shared.subject.id)
    here, there = ([(r.step, r.seeds[:r.kept], r.unet_evaluations) for r in rounds if r.search_id == name]
                   for name in ("race here", "race there"))
    assert there == here and len(here) == 2
    assert [r.recipe.seed for r in shared.case.replays(shared.subject.id, search_id="race there", limit=-1)] == [
        r.recipe.seed for r in shared.case.replays(shared.subject.id, search_id="race here", limit=-1)]


def test_a_folder_is_embedded_alike(shared, tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    draw = np.random.default_rng(2)
    for number in range(70):
        (folder / f"{number:02}.png").write_bytes(png_bytes(draw.integers(0, 256, (40, 40, 3), np.uint8)))
    (folder / "broken.png").write_bytes(b"no picture")
    for name, engine in (("here", ""), ("there", shared.address)):
        report = shared.run(BuildCollection(str(folder), str(tmp_path / name), shared.settings.clip, engine))
        assert report["embedded"] == 70 and [key for key, _ in report["refused"]] == ["broken.png"]
    here, there = IndexParts(tmp_path / "here"), IndexParts(tmp_path / "there")
    assert there.rows(0, ["id", "sha256", "width_px"]) == here.rows(0, ["id", "sha256", "width_px"])
    ours, theirs = (np.load(next((tmp_path / n).rglob("img_emb_*0.npy"))) for n in ("here", "there"))
    assert np.abs(ours.astype(np.float32) - theirs.astype(np.float32)).max() < 2e-3


def test_controls_of_familiarity_are_measured_alike(shared, tmp_path):
    """Twenty pictures: a whole unit and a part of one; a file that is none is left out on both."""
    lines = []
    for name, engine in (("here", ""), ("there", shared.address)):
        folder = tmp_path / name
        folder.mkdir()
        draw = np.random.default_rng(3)
        for number in range(20):
            rgb = draw.integers(0, 256, (40, 40, 3), np.uint8)
            (folder / f"{number:02}.png").write_bytes(png_bytes(rgb))
            (folder / f"{number:02}.txt").write_text(f"a door {number}", "utf-8")
        (folder / "broken.png").write_bytes(engine.encode() + b"no picture")
        done = shared.run(MeasureKnownControls(str(folder), "caption", shared.settings.model, shared.settings.clip,
                                               engine))
        assert done["controls"] == 20
        kept, = (p for p in (shared.settings.cache / "known").glob("*.jsonl") if p.stem == done["id"])
        lines.append({line.name: line for line in read_lines(kept)})
    here, there = lines
    assert here.keys() == there.keys() and len({line.value for line in here.values()}) == 20
    for name, line in here.items():
        assert there[name].value == pytest.approx(line.value, abs=1e-5) and there[name].prompt == line.prompt


def test_what_cannot_be_used_is_said_in_a_sentence(monkeypatch):
    for engine in ("ray", "http://host:1", "ray://host", "ray://a b:1", "ray://user@host:1"):
        with pytest.raises(ExplorerError, match="is not known"):
            check_engine(engine)
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ExplorerError, match="needs Ray, which is not installed"):
        connect("ray://127.0.0.1:1")


class _Door:
    """Stands for a cluster that breaks off so many times before it lets one in."""

    def __init__(self, errors):
        self.errors = errors

    def init(self, address, *, log_to_driver):
        if self.errors:
            raise self.errors.pop()


def test_a_cluster_that_breaks_off_is_tried_again(monkeypatch):
    monkeypatch.setattr(crew, "KNOCK_S", 0.0)
    door = _Door([ConnectionAbortedError()] * 3)
    crew._knock(door, "ray://there:1")
    assert not door.errors
    for errors, left in (([ConnectionAbortedError()] * 5, 1), ([ConnectionError()] * 2, 1)):
        with pytest.raises(ConnectionError):
            crew._knock(_Door(errors), "ray://there:1")
        assert len(errors) == left


def test_the_command_that_is_told_is_the_version_that_is_tested():
    pinned = INSTALL.split('"')[1]
    assert pinned in (ROOT / "tests" / "requirements.txt").read_text("utf-8").splitlines()
