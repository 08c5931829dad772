"""The queue by itself: order, chains, positions, states, leases."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from explorer.errors import ExplorerError
from explorer.jobs import flows, process
from explorer.jobs.queue import Queue
from explorer.jobs.tasks import (
    TASKS,
    EmbedSubject,
    EncodeText,
    ExportCase,
    RunSearch,
    SearchCollection,
    task_from_json,
    task_to_json,
)
from explorer.jobs.worker_queue import Board
from explorer.records import Progress, ReplaySettings


@pytest.fixture
def queue(tmp_path):
    made = Queue(tmp_path / "workspace.sqlite")
    yield made
    made.close()


def board(queue: Queue, kind: str = "device") -> Board:
    pid, born_s = process.me()
    made = Board(queue, kind=kind, pid=pid, born_s=born_s, device="cpu")
    made.arrive()
    return made


def test_tasks_go_through_json_unchanged():
    task = RunSearch("c", "s", "q", ReplaySettings("a door", strengths=(0.2, 0.5), guidances=(7.5, 30.0)))
    assert task_from_json(task_to_json(task)) == task
    assert all(t.KIND in ("device", "desk") for t in TASKS.values())


def test_short_tasks_come_first_and_kinds_do_not_mix(queue):
    first, second = (queue.submit(EmbedSubject("c", s)) for s in "ab")
    desk = queue.submit(ExportCase("c"))
    short = queue.submit(EncodeText("door"))
    assert [queue.get(j).position for j in (short, first, second, desk)] == [0, 1, 2, 0]
    worker = board(queue)
    assert [worker.take().id for _ in range(3)] == [short, first, second]
    assert worker.take() is None
    assert queue.get(desk).state == "queued"


def test_a_chain_waits_fails_together_and_resumes_together(queue):
    flow = flows.investigate(queue, "c", "s", settings=ReplaySettings("", seeds=2))
    device, desk = board(queue), board(queue, "desk")
    assert desk.take() is None
    job = device.take()
    assert job.id == flow.embed
    device.failed(job.id, ExplorerError("No weights. Choose a model."))
    assert queue.get(flow.embed).error == "No weights. Choose a model."
    assert [queue.get(j).state for j in flow.jobs] == ["failed", "cancelled", "cancelled", "cancelled"]
    assert flows.resume(queue, flow.jobs) == flow.embed
    assert {queue.get(j).state for j in flow.jobs} == {"queued"}
    device.done(device.take().id, {"clip_fingerprint": "f"})
    assert desk.take().id == flow.neighbours
    assert flows.resume(queue, flow.jobs) is None


def test_a_given_prompt_needs_no_interrogation(queue):
    flow = flows.investigate(queue, "c", "s", settings=ReplaySettings("a door"))
    assert flow.prompt == "" and len(flow.jobs) == 3
    assert queue.get(flow.replays).after == flow.neighbours


def test_progress_is_one_row_and_keeps_the_last_picture(queue):
    worker = board(queue)
    job = queue.submit(EmbedSubject("c", "s"))
    worker.take()
    worker.report(job, Progress(1, 4, "one", preview_png=b"png", left_s=2.5))
    worker.report(job, Progress(2, 4, "two"))
    found = queue.get(job).progress
    assert (found.done, found.message, found.preview_png, found.left_s) == (2, "two", b"png", None)
    with queue.reading() as db:
        assert db.execute("SELECT count(*) FROM progress").fetchone()[0] == 1


def test_cancel_of_a_waiting_job_is_at_once_and_of_a_running_one_an_event(queue):
    worker = board(queue)
    waiting, running = queue.submit(EmbedSubject("c", "a")), None
    queue.cancel(waiting)
    assert queue.get(waiting).state == "cancelled"
    running = queue.submit(EmbedSubject("c", "b"))
    worker.take()
    assert not worker.asked_to_cancel(running)
    queue.cancel(running)
    assert queue.get(running).state == "running" and worker.asked_to_cancel(running)
    worker.cancelled(running)
    assert queue.get(running).state == "cancelled" and queue.get(running).resumable


def test_a_dead_workers_job_is_interrupted_and_a_living_ones_is_not(queue):
    alive = queue.submit(EmbedSubject("c", "a"))
    board(queue).take()
    dead = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    gone = Board(queue, kind="desk", pid=dead.pid, born_s=process.born(dead.pid), device="")
    gone.arrive()
    lost = queue.submit(SearchCollection(embedding=(1.0,)))
    gone.take()
    assert queue.sweep() == []
    dead.kill()
    dead.wait()
    assert queue.sweep() == [lost]
    assert [queue.get(j).state for j in (alive, lost)] == ["running", "interrupted"]
    assert "resume" in queue.get(lost).error
    assert [w.kind for w in queue.workers()] == ["device"]


def test_the_next_worker_of_a_kind_marks_what_the_last_one_left(queue):
    job = queue.submit(EmbedSubject("c", "a"))
    old = Board(queue, kind="device", pid=1, born_s=1.0, device="")
    old.arrive()
    old.take()
    board(queue)
    assert queue.get(job).state == "interrupted"
    old.done(job, {})  # too late: the job is no longer its own
    assert queue.get(job).state == "interrupted"


def test_refusals_are_sentences(queue):
    with pytest.raises(ExplorerError, match="no job"):
        queue.get("nothing")
    with pytest.raises(ExplorerError, match="to wait for"):
        queue.submit(EmbedSubject("c", "s"), after="nothing")
    job = queue.submit(EmbedSubject("c", "s"))
    with pytest.raises(ExplorerError, match="can be resumed"):
        queue.resume(job)
    with pytest.raises(ExplorerError, match="did not end within"):
        queue.wait(job, timeout_s=0.0)


def test_deleting_a_case_takes_its_jobs_and_previews_along(settings):
    from explorer.cases.store import CaseStore
    from explorer.jobs.delete_case import delete_case
    case = CaseStore(settings.cases).create("A case")
    queue = Queue(settings.database)
    job, other = queue.submit(EmbedSubject(case.id, "s")), queue.submit(EmbedSubject("other", "s"))
    worker = board(queue)
    worker.take()
    worker.report(job, Progress(1, 2, preview_png=b"secret picture" * 100))
    worker.done(job, {})
    queue.submit(EmbedSubject(case.id, "t"))
    case.close()
    assert delete_case(settings, case.id).files >= 1
    assert [j.id for j in queue.recent()] == [other]
    with queue.reading() as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    queue.close()
    assert b"secret picture" not in settings.database.read_bytes()
    assert not (settings.cases / case.id).exists()


def test_recent_filters(queue):
    mine = queue.submit(EmbedSubject("c1", "s"), owner="ada")
    other = queue.submit(EmbedSubject("c2", "s"), owner="bob")
    queue.cancel(other)
    assert [j.id for j in queue.recent()] == [other, mine]
    assert [j.id for j in queue.recent(case_id="c1")] == [mine]
    assert [j.id for j in queue.recent(owner="bob")] == [other]
    assert [j.id for j in queue.active()] == [mine]


LIGHT = """
import sys, time
began = time.perf_counter()
import explorer.jobs.queue, explorer.jobs.launch, explorer.jobs.flows, explorer.jobs.foreground
import explorer.cases.store, explorer.settings
heavy = {"torch", "faiss", "diffusers", "open_clip", "transformers", "PIL", "numpy"} & set(sys.modules)
print(sorted(heavy))
"""


def test_what_the_screens_import_is_light():
    out = subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, text=True, check=True,
                         env=os.environ).stdout
    assert out.strip() == "[]"
