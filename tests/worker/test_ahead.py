"""While a job waits for one elsewhere to end, its worker opens what it will need, once, and survives what fails."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from explorer.jobs import process
from explorer.jobs.queue import Queue
from explorer.jobs.tasks import Task
from explorer.jobs.worker_queue import Board
from explorer.settings import Settings
from explorer.worker.loop import Worker

OPENED: list[str] = []


@dataclass(frozen=True)
class First(Task, kind="device", runner=f"{__name__}:run"):
    """Runs in the other worker."""

    name: str = ""


@dataclass(frozen=True)
class Second(Task, kind="desk", runner=f"{__name__}:run"):
    """Waits for the first."""

    name: str = ""


def run(task, context) -> None:
    OPENED.append(f"run {task.name}")


def ahead(task, context) -> None:
    OPENED.append(f"ahead {task.name}")
    if task.name == "bad":
        raise RuntimeError("not there")


@pytest.fixture
def worker(settings: Settings):
    OPENED.clear()
    queue = Queue(settings.database)
    pid, born_s = process.me()
    board = Board(queue, kind="desk", pid=pid, born_s=born_s, device="")
    board.arrive()
    yield Worker(settings, board, None)
    board.leave()
    queue.close()


def test_what_a_waiting_job_needs_is_opened_once(worker):
    worker._look_ahead()
    assert OPENED == []
    first = worker.queue.submit(First("a"))
    worker.queue.submit(Second("b"), after=first)
    for _ in range(3):
        worker._look_ahead()
    assert OPENED == ["ahead b"]
    assert worker.board.take() is None  # it still waits


def test_what_fails_ahead_does_not_end_the_worker(worker):
    worker.queue.submit(Second("bad"), after=worker.queue.submit(First("a")))
    worker._look_ahead()
    worker._look_ahead()
    assert OPENED == ["ahead bad"]


def test_a_job_that_may_start_is_not_looked_ahead_to(worker):
    worker.queue.submit(Second("now"))
    worker._look_ahead()
    assert OPENED == []
