"""Downloading and trying a model through their tasks, from a hub on this machine."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from explorer.errors import ExplorerError
from explorer.images.decode import read_png
from explorer.jobs.queue import Queue
from explorer.jobs.tasks import DownloadModel, TryModel
from explorer.records import ModelInfo, from_json
from explorer.run import QUIET
from explorer.worker.context import Context
from explorer.worker.loaded_table import LoadedTable
from explorer.worker.loop import run_task
from tests.diffusion import tiny
from tests.diffusion.hub import COMMIT, Hub, repository
from tests.heard import Heard


@pytest.fixture
def hub(tmp_path, monkeypatch):
    made = Hub(repository(tmp_path / "hub"))
    monkeypatch.setenv("HF_ENDPOINT", made.url)
    yield made
    made.server.shutdown()


def run(settings, task, heard=QUIET):
    queue = Queue(settings.database)
    return run_task(task, Context(settings, queue, queue.get(queue.submit(task)), LoadedTable(10**9), heard))


def test_a_model_is_downloaded_described_and_then_makes_an_image_offline(settings, hub):
    online = dataclasses.replace(settings, device="cpu", offline=False)
    heard = Heard()
    told = run(online, DownloadModel("me/boat"), heard)
    assert told["source"] == f"me/boat@{COMMIT}"
    info = from_json(ModelInfo, told["info"])
    assert (info.source, info.family, info.licence) == (told["source"], "sd1", "openrail")
    assert len(heard.reports) > 2 and all(told.done <= told.total for told in heard.reports)
    hub.server.shutdown()
    tried = run(dataclasses.replace(online, offline=True), TryModel(told["source"], "a red boat", 3))
    assert tried["info"]["fingerprint"] == info.fingerprint and tried["info"]["memory_bytes"] > 0
    assert (tried["recipe"]["prompt"], tried["recipe"]["seed"]) == ("a red boat", 3)
    assert read_png(Path(tried["path"]).read_bytes()).shape == (tiny.SIZE_PX, tiny.SIZE_PX, 3)


def test_offline_is_refused_in_one_sentence_and_asks_nobody(settings, hub):
    with pytest.raises(ExplorerError, match="Nothing leaves this computer"):
        run(dataclasses.replace(settings, offline=True), DownloadModel("me/boat"))
    assert hub.asked == []
