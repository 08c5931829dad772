"""A full disk and a clock that jumps: the case is whole afterwards, and what runs goes on."""

from __future__ import annotations

import os
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from explorer.cases.blobs import BlobStore
from explorer.cases.export import export_case
from explorer.cases.log import check_chain
from explorer.cases.store import CaseStore
from explorer.cases.verify import verify_package
from explorer.errors import ExplorerError
from explorer.jobs import process
from explorer.jobs.queue import Queue
from explorer.jobs.tasks import EmbedSubject
from explorer.jobs.worker_queue import Board
from tests.benchmarks import faults_io
from tests.benchmarks.faults_check import commit, fill

HOURS = (0, 5, -30, 24 * 400, -24 * 900, 0, 1)  # how far off the clock is, step by step


def test_faults_of_the_disk_lose_and_double_nothing(tmp_path: Path):
    found = faults_io.run(4, tmp_path, random.Random(3))  # one each: write, fsync, rename, a disk that fills up
    assert found.events == 4 and (found.lost, found.duplicated, found.unopenable) == (0, 0, 0)


def test_a_full_disk_is_told_in_a_sentence_and_leaves_no_half_blob(tmp_path: Path, monkeypatch):
    blobs = BlobStore(tmp_path)
    real = os.write

    def full(handle: int, data: bytes) -> int:
        real(handle, data[:len(data) // 2])
        raise OSError(28, "No space left on device")
    monkeypatch.setattr(os, "write", full)
    with pytest.raises(ExplorerError, match="full"):
        blobs.put(b"a picture" * 100)
    monkeypatch.undo()
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []
    assert blobs.get(blobs.put(b"a picture" * 100)) == b"a picture" * 100


def test_a_case_stays_whole_and_in_order_when_the_clock_jumps(tmp_path: Path):
    now = [datetime(2026, 5, 1, tzinfo=UTC)]
    store = CaseStore(tmp_path, clock=lambda: now[0].strftime("%Y-%m-%dT%H:%M:%S.%fZ"))
    case = fill(store, replays=1)
    for seed, hours in enumerate(HOURS, 1):
        now[0] += timedelta(hours=hours)
        commit(case, seed)
    assert check_chain(case.log()) == ()
    made = [r.recipe.seed for r in case.replays("s", order_by="time", limit=-1)]
    assert made == list(range(len(HOURS) + 1))
    export_case(case, tmp_path / "case.zip")
    case.close()
    assert verify_package(tmp_path / "case.zip").state == "consistent"
    assert [row.id for row in store.list()] == [case.id]


def test_a_living_worker_stays_the_same_when_the_clock_is_set(settings, monkeypatch):
    now = [1_750_000_000.0]
    queue = Queue(settings.database, clock=lambda: now[0])
    pid, born_s = process.me()
    board = Board(queue, kind="device", pid=pid, born_s=born_s, device="cpu")
    board.arrive()
    job = queue.submit(EmbedSubject("c", "s"))
    board.take()
    for hours in HOURS:
        now[0] += 3600.0 * hours
        monkeypatch.setattr(psutil._psplatform, "boot_time", lambda set_to=now[0]: set_to - 1000.0, raising=False)
        assert process.is_alive(pid, born_s) and queue.sweep() == []
        assert queue.get(job).state == "running" and [w.pid for w in queue.workers()] == [pid]
        assert queue.claim("start device", every_s=2.0) or hours == 0  # no start is put off until the clock is back
    board.done(job, {})
    assert queue.get(job).state == "done"
    queue.close()
