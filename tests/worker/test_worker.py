"""Real worker processes: cancel, crash, resume, and short tasks between the steps of long ones."""

from __future__ import annotations

import time
from dataclasses import replace

import psutil
import pytest

from explorer.cases.store import CaseStore
from explorer.jobs import launch, process
from explorer.jobs.foreground import follow_jobs
from explorer.jobs.queue import Queue
from explorer.settings import Settings, save_settings
from tests.worker.plain_tasks import Count, Fault, Short, Stubborn

ALSO = "tests.worker.plain_tasks"


@pytest.fixture
def queue(settings: Settings):
    made = Queue(settings.database)
    yield made
    launch.stop_workers(settings, grace_s=0.5)
    made.close()


@pytest.fixture
def case(settings: Settings):
    made = CaseStore(settings.cases).create("A case")
    yield made
    made.close()


def start(settings: Settings) -> None:
    launch.ensure_workers(settings, kinds=("desk",), also=ALSO)


def until(test, *, timeout_s: float = 60.0):
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        found = test()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")


def test_a_long_task_lets_a_short_one_through_and_both_end(settings, queue, case):
    long = queue.submit(Count(case.id, n=60, pause_s=0.05))
    start(settings)
    until(lambda: queue.get(long).progress)
    short = queue.submit(Short("hello"))
    assert queue.wait(short, timeout_s=10).result["text"] == "hello"
    assert queue.get(long).state == "running"
    job = queue.wait(long, timeout_s=30)
    assert (job.state, job.result) == ("done", {"n": 60})
    assert (job.progress.done, job.progress.preview_png) == (59, b"png59")
    assert case.count_replays("s") == 60


def test_a_desk_worker_has_no_screen_and_no_torch(settings, queue):
    job = queue.submit(Short())
    start(settings)
    assert queue.wait(job, timeout_s=20).result["heavy"] == []


def test_what_is_switched_in_the_settings_holds_for_the_next_task_of_a_running_worker(settings, queue, monkeypatch):
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    seen = []
    for offline in (False, True):
        save_settings(replace(settings, offline=offline))
        job = queue.submit(Short())
        start(settings)
        told = queue.wait(job, timeout_s=20).result
        seen.append((told["pid"], told["offline"], told["told"]))
    assert [s[1:] for s in seen] == [(False, ""), (True, "1")] and len({s[0] for s in seen}) == 1


def test_cancel_reacts_within_two_seconds_and_keeps_what_was_found(settings, queue, case):
    job = queue.submit(Count(case.id, n=1000, pause_s=0.02))
    after = queue.submit(Short(), after=job)
    start(settings)
    until(lambda: case.count_replays("s") > 3)
    began = time.monotonic()
    launch.cancel(settings, job)
    until(lambda: queue.get(job).state == "cancelled")
    assert time.monotonic() - began < 2.0
    assert case.count_replays("s") > 3
    assert (queue.get(after).state, queue.get(after).held) == ("cancelled", True)


def test_a_task_that_does_not_react_is_ended_with_its_worker(settings, queue):
    job = queue.submit(Stubborn(60))
    start(settings)
    until(lambda: queue.get(job).state == "running")
    worker, = queue.workers()
    began = time.monotonic()
    launch.cancel(settings, job)
    until(lambda: queue.get(job).state == "cancelled" and not process.is_alive(worker.pid, worker.born_s))
    assert time.monotonic() - began < 2.0
    queue.submit(Short())
    until(lambda: launch.ensure_workers(settings, kinds=("desk",), also=ALSO))
    assert queue.wait(queue.recent(limit=1)[0].id, timeout_s=20).state == "done"


def test_kill_9_interrupts_and_resuming_repeats_nothing(settings, queue, case):
    job = queue.submit(Count(case.id, n=80, pause_s=0.01))
    start(settings)
    until(lambda: case.count_replays("s") > 10)
    worker, = queue.workers()
    process.end(worker.pid, worker.born_s)
    assert queue.sweep() == [job]
    assert queue.get(job).state == "interrupted" and queue.get(job).resumable
    queue.resume(job)
    until(lambda: launch.ensure_workers(settings, kinds=("desk",), also=ALSO))
    assert queue.wait(job, timeout_s=30).state == "done"
    seeds = [e.body["data"]["recipe"]["seed"] for e in case.log() if e.kind == "Replay"]
    assert seeds == list(range(80))


def test_a_poisonous_task_is_given_up_after_three_tries(settings, queue):
    job = queue.submit(Fault("crash"))
    for attempt in range(3):
        until(lambda: launch.ensure_workers(settings, kinds=("desk",), also=ALSO))
        until(lambda: queue.get(job).attempts == attempt + 1)  # noqa: B023
        until(queue.sweep)
        if attempt < 2:
            assert queue.get(job).state == "interrupted"
            queue.resume(job)
    assert queue.get(job).state == "failed" and not queue.get(job).resumable
    assert "given up after 3 tries" in queue.get(job).error
    with pytest.raises(Exception, match="given up"):
        queue.resume(job)


def test_errors_are_sentences_and_bugs_go_to_the_log(settings, queue):
    jobs = {way: queue.submit(Fault(way)) for way in ("sentence", "bug", "memory")}
    start(settings)
    errors = {way: queue.wait(job, timeout_s=20).error for way, job in jobs.items()}
    assert errors["sentence"] == "The picture is too large. Choose a smaller one."
    assert "secret" not in errors["bug"] and "inside the program" in errors["bug"]
    assert "not enough memory" in errors["memory"]
    assert "a secret detail" in (settings.logs / "worker-desk.log").read_text()


def test_after_the_device_fell_the_worker_starts_anew(settings, queue, case):
    begun, kept = queue.submit(Short("first")), queue.submit(Count(case.id, n=3))
    fell = queue.submit(Fault("device"))
    start(settings)
    first = queue.wait(begun, timeout_s=60).result["pid"]
    assert "device failed" in queue.wait(fell, timeout_s=30).error and queue.get(fell).resumable
    assert queue.wait(kept, timeout_s=30).state == "done" and case.count_replays("s") == 3
    until(lambda: not psutil.pid_exists(first))
    after = queue.submit(Short("later"))
    until(lambda: launch.ensure_workers(settings, kinds=("desk",), also=ALSO))
    assert queue.wait(after, timeout_s=30).result["pid"] != first


def test_one_worker_a_kind_and_it_ends_when_idle(settings, queue):
    import subprocess
    import sys
    command = [sys.executable, "-m", "explorer.worker", "--kind", "desk", "--home", str(settings.home),
               "--idle-s", "1.0"]
    first, second = (subprocess.Popen(command, cwd=launch.ROOT) for _ in range(2))
    until(queue.workers)
    until(lambda: (first.poll() is None) != (second.poll() is None))
    assert len(queue.workers()) == 1
    assert launch.ensure_workers(settings, kinds=("desk",)) == []
    until(lambda: first.poll() == 0 and second.poll() == 0, timeout_s=10)
    assert queue.workers() == []


def test_stopped_workers_leave_their_job_to_be_resumed(settings, queue, case):
    job = queue.submit(Count(case.id, n=1000, pause_s=0.02))
    start(settings)
    until(lambda: case.count_replays("s") > 3)
    launch.stop_workers(settings)
    assert queue.workers() == []
    found = queue.get(job)
    assert (found.state, found.attempts) == ("interrupted", 0)


def test_foreground_follows_a_chain(settings, queue, case):
    first = queue.submit(Count(case.id, n=3))
    second = queue.submit(Short("end"), after=first)
    start(settings)
    seen = []
    ended = follow_jobs(settings, (first, second), follow=lambda job: seen.append(job.state))
    assert [j.state for j in ended] == ["done", "done"] and seen[-1] == "done"
