"""Starts, tends and ends worker processes. Screens and the command line call this; workers never do."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import filelock
import psutil

from explorer.cases.store import CaseStore
from explorer.jobs import process
from explorer.jobs.queue import Queue
from explorer.settings import Settings

KINDS = ("device", "desk")
ROOT = Path(__file__).resolve().parents[2]
LEFT_BEHIND_S = 86_400.0  # nothing is made or deleted for as long as a day
CANCEL_GRACE_S = 1.6  # after this a worker that does not react is ended
# A thread of torch that waits for another one sleeps: where other programs have the processors, spinning took
# many times as long as the work.
WAITING = {"OMP_WAIT_POLICY": "passive"}


def lock_path(home: Path, kind: str) -> Path:
    """The file whose lock the one worker of a kind holds for as long as it lives."""
    return home / "locks" / f"{kind}.lock"


def submit(settings: Settings, task: Any, *, owner: str = "", after: str | None = None) -> str:
    """Puts a task on the workspace's queue and sees to a worker for it; returns the job's id."""
    with Queue(settings.database) as queue:
        job_id = queue.submit(task, owner=owner, after=after)
    ensure_workers(settings, kinds=(task.KIND,))
    return job_id


def ensure_workers(settings: Settings, *, kinds: Sequence[str] = KINDS, also: str = "") -> list[int]:
    """Starts a worker process for each kind that has none; returns the new pids.

    `also` names a module of further tasks for the worker to import.
    """
    with Queue(settings.database) as queue:
        living = {w.kind for w in queue.workers()}
        return [_start(settings, kind, also) for kind in kinds
                if kind not in living and not is_held(lock_path(settings.home, kind))
                and not _is_starting(settings.home, kind) and queue.claim(f"start {kind}", every_s=2.0)]


def tend(settings: Settings, *, also: str = "") -> None:
    """A screen's regular call: says that somebody looks, marks lost jobs, starts workers that are needed."""
    with Queue(settings.database) as queue:
        if queue.claim("heartbeat", every_s=5.0):
            queue.heartbeat()
        queue.sweep()
        needed = [kind for kind in KINDS if queue.waiting(kind)]
    if needed:
        ensure_workers(settings, kinds=needed, also=also)


def take_up(settings: Settings) -> list[str]:
    """Puts what an earlier run of the app left unfinished back on the queue; returns those jobs.

    A job that ended its worker process each time it was tried stays failed. What ended processes left of cases
    that were being made or deleted is removed.
    """
    CaseStore(settings.cases).tidy(older_than_s=LEFT_BEHIND_S, now=time.time())
    with Queue(settings.database) as queue:
        queue.sweep()
        left = [j.id for j in queue.recent(limit=200, states=("interrupted",)) if j.resumable and not j.held]
        for job_id in left:
            queue.resume(job_id)
    return left


def cancel(settings: Settings, job_id: str, *, person: str = "") -> None:
    """Cancels a job within two seconds: by an event, and by ending its worker if it does not react.

    With a `person`, another person's job is refused. Nothing that was committed is lost.
    The wait runs in a thread of its own; this returns at once.
    """
    with Queue(settings.database, person=person) as queue:
        queue.cancel(job_id)
        if queue.get(job_id).state != "running":
            return
    threading.Thread(target=_insist, args=(settings, job_id), daemon=True).start()


def stop_workers(settings: Settings, *, kinds: Sequence[str] = KINDS, grace_s: float = 2.0) -> None:
    """Ends the workers; what they ran is offered for resuming. Blocks for at most about `grace_s`."""
    with Queue(settings.database) as queue:
        chosen = [w for w in queue.workers() if w.kind in kinds]
        for worker in chosen:
            queue.ask_to_stop(worker.kind)
        until = time.monotonic() + grace_s
        while time.monotonic() < until and any(process.is_alive(w.pid, w.born_s) for w in chosen):
            time.sleep(0.05)
        for worker in chosen:
            process.end(worker.pid, worker.born_s)
        queue.sweep()


def is_held(path: Path) -> bool:
    """Whether some process holds the lock on that file now."""
    if not path.exists():
        return False
    lock = filelock.FileLock(path)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        return True
    lock.release()
    return False


def _is_starting(home: Path, kind: str) -> bool:
    """Whether a worker that was started within the last minute is still on its way to its lock."""
    note = lock_path(home, kind).with_suffix(".starting")
    try:
        pid, born_s = note.read_text().split()
        return process.is_alive(int(pid), float(born_s)) and abs(time.time() - note.stat().st_mtime) < 60.0
    except (OSError, ValueError):
        return False


def _start(settings: Settings, kind: str, also: str) -> int:
    settings.logs.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "explorer.worker", "--kind", kind, "--home", str(settings.home)]
    path = os.pathsep.join(p for p in (str(ROOT), os.environ.get("PYTHONPATH", "")) if p)
    with open(settings.logs / f"worker-{kind}.out", "ab") as output:
        child = subprocess.Popen(
            [*command, *(["--also", also] if also else [])], stdin=subprocess.DEVNULL, stdout=output,
            stderr=subprocess.STDOUT, cwd=settings.home, start_new_session=True,
            env=WAITING | {**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"})
    note = lock_path(settings.home, kind).with_suffix(".starting")
    note.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(psutil.Error, OSError):
        note.write_text(f"{child.pid} {process.born(child.pid)}")
    # Waits for the child, so that it leaves no zombie behind.
    threading.Thread(target=child.wait, daemon=True).start()
    return child.pid


def _insist(settings: Settings, job_id: str) -> None:
    with Queue(settings.database) as queue:
        until = time.monotonic() + CANCEL_GRACE_S
        while time.monotonic() < until:
            if queue.get(job_id).state != "running":
                return
            time.sleep(0.1)
        for worker in queue.workers():
            if worker.kind == queue.get(job_id).kind:
                process.end(worker.pid, worker.born_s)
        queue.sweep()
