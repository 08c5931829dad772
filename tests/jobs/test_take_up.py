"""The app starts again: what was under way when it ended goes on, unless it ended its worker each time."""

from __future__ import annotations

import os
import time

import pytest

from explorer.jobs import launch
from explorer.jobs.job import TRIES
from explorer.jobs.queue import Queue
from explorer.jobs.tasks import EmbedSubject
from explorer.jobs.worker_queue import Board
from explorer.settings import load_settings


@pytest.fixture
def queue(tmp_path):
    opened = Queue(load_settings(tmp_path).database)
    yield opened
    opened.close()


def lost(queue) -> None:
    """A worker that took the next job and is no more."""
    worker = Board(queue, kind="device", pid=1, born_s=1.0, device="")
    worker.arrive()
    worker.take()


def test_what_was_under_way_goes_on_with_what_waits_for_it(queue, tmp_path):
    job = queue.submit(EmbedSubject("c", "a"))
    after = queue.submit(EmbedSubject("c", "b"), after=job)
    lost(queue)
    assert launch.take_up(load_settings(tmp_path)) == [job]
    assert [queue.get(j).state for j in (job, after)] == ["queued", "queued"]
    assert launch.take_up(load_settings(tmp_path)) == []


def test_what_ended_its_worker_each_time_stays_failed(queue, tmp_path):
    job = queue.submit(EmbedSubject("c", "a"))
    for _ in range(TRIES):
        assert queue.get(job).state == "queued"
        lost(queue)
        launch.take_up(load_settings(tmp_path))
    assert queue.get(job).state == "failed"


def test_what_a_person_cancelled_stays_cancelled(queue, tmp_path):
    job = queue.submit(EmbedSubject("c", "a"))
    queue.cancel(job)
    assert launch.take_up(load_settings(tmp_path)) == [] and queue.get(job).state == "cancelled"


def test_what_is_left_of_cases_half_deleted_yesterday_is_removed(queue, tmp_path):
    settings = load_settings(tmp_path)
    old, young = settings.cases / ".deleted-1-ab", settings.cases / ".deleted-2-cd"
    for folder in (old, young):
        folder.mkdir(parents=True)
        (folder / "picture.png").write_bytes(b"of the case")
    os.utime(old, (time.time() - 2 * launch.LEFT_BEHIND_S,) * 2)
    launch.take_up(settings)
    assert not old.exists() and young.exists()
