"""The queue of a workspace: what the screens and the command line use. Workers use `jobs/board.py`."""

from __future__ import annotations

import contextlib
import json
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from explorer.cases.faults import plain_faults
from explorer.errors import ExplorerError
from explorer.jobs import queue_tables
from explorer.jobs.job import STATES, TRIES, Job, WorkerRow, error_of, job_of, stored
from explorer.jobs.process import is_alive
from explorer.jobs.tasks import task_to_json

MOST_WAITING = 2_000  # jobs a person; far above a portfolio of 400 works, far below what slows the queue


class Queue:
    """Jobs in `workspace.sqlite`. Safe to use from several threads and processes.

    With a `person` only that person's jobs exist: others are not listed, and asking for one is refused.
    """

    def __init__(self, database: Path, *, person: str = "", clock: Callable[[], float] = time.time) -> None:
        self.database, self.person, self.clock = Path(database), person, clock
        self._turn = threading.RLock()
        with plain_faults(self.database.parent):
            self.database.parent.mkdir(parents=True, exist_ok=True)
            self._db = queue_tables.connect(self.database)

    def close(self) -> None:
        with self._turn:
            self._db.close()

    def __enter__(self) -> Queue:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        with self._turn, plain_faults(self.database.parent):
            yield self._db

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One short transaction that no other writer can enter."""
        with self._turn, plain_faults(self.database.parent):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def submit(self, task: Any, *, case_id: str = "", owner: str = "", after: str | None = None) -> str:
        """Writes a task to the queue; it waits for `after` to end well. Returns the job's id."""
        job_id, owner = secrets.token_hex(8), owner or self.person
        with self.writing() as db:
            waiting = db.execute("SELECT count(*) FROM jobs WHERE state='queued' AND owner=?", (owner,))
            if waiting.fetchone()[0] >= MOST_WAITING:
                raise ExplorerError("jobs.queue_jobs_waiting_already", most_waiting=MOST_WAITING)
            if after is not None and not db.execute("SELECT 1 FROM jobs WHERE id=?", (after,)).fetchone():
                raise ExplorerError("jobs.queue_no_job_wait", after=after)
            db.execute(
                "INSERT INTO jobs (id, name, task, kind, interactive, state, owner, case_id, after, "
                "submitted) VALUES (?,?,?,?,?,'queued',?,?,?,?)",
                (job_id, type(task).__name__, json.dumps(task_to_json(task)), task.KIND,
                 int(task.INTERACTIVE), owner, case_id or getattr(task, "case_id", ""), after, self.clock()))
        return job_id

    def get(self, job_id: str) -> Job:
        """One job as it stands; ExplorerError if there is none of that id."""
        with self.reading() as db:
            row = db.execute("SELECT * FROM jobs WHERE id=?", (job_id,)).fetchone()
            if row is None or row["owner"] != (self.person or row["owner"]):
                raise ExplorerError("jobs.queue_no_job", job_id=job_id)
            return _job(db, row)

    def recent(self, *, limit: int = 20, case_id: str | None = None, owner: str | None = None,
               states: tuple[str, ...] = ()) -> list[Job]:
        """The newest jobs first; of one case, of one owner, in some states, if given."""
        chosen, owner = states or STATES, self.person or owner
        with self.reading() as db:
            rows = db.execute(
                "SELECT * FROM jobs WHERE (?1 IS NULL OR case_id=?1) AND (?2 IS NULL OR owner=?2) AND state "
                "IN (SELECT value FROM json_each(?3)) ORDER BY seq DESC LIMIT ?4",
                (case_id, owner, json.dumps(chosen), limit)).fetchall()
            return [_job(db, row) for row in rows]

    def active(self, *, case_id: str | None = None) -> list[Job]:
        """Jobs that run, wait or were interrupted, the newest first."""
        return self.recent(limit=200, case_id=case_id, states=("running", "queued", "interrupted"))

    def cancel(self, job_id: str) -> None:
        """Ends a job: at once if it waits, else by an event to its worker (see `launch.cancel`)."""
        self.get(job_id)  # refuses what is not there, or is another person's
        with self.writing() as db:
            now = self.clock()
            ended = db.execute("UPDATE jobs SET state='cancelled', cancel=1, ended=? WHERE id=? AND state IN "
                               "('queued','interrupted')", (now, job_id)).rowcount
            if ended:
                hold_followers(db, job_id, now)
            else:
                db.execute("UPDATE jobs SET cancel=1 WHERE id=? AND state='running'", (job_id,))

    def resume(self, job_id: str) -> None:
        """Puts an interrupted, failed or cancelled job, and those held for it, back on the queue."""
        self.get(job_id)
        with self.writing() as db:
            row = db.execute("SELECT state, attempts, error FROM jobs WHERE id=?", (job_id,)).fetchone()
            if row is None or row["state"] not in ("interrupted", "failed", "cancelled"):
                raise ExplorerError("jobs.queue_only_interrupted_failed")
            if row["attempts"] >= TRIES:
                raise error_of(row["error"]) or ExplorerError("jobs.given_up_ended", tries=TRIES, error="")
            db.execute("UPDATE jobs SET state='queued', cancel=0, held=0, error='', worker='', ended=NULL "
                       "WHERE id=?", (job_id,))
            free_followers(db, job_id)

    def wait(self, job_id: str, *, timeout_s: float = 600.0, poll_s: float = 0.1) -> Job:
        """The job once it has ended or was interrupted; ExplorerError after `timeout_s`."""
        until = time.monotonic() + timeout_s
        while True:
            job = self.get(job_id)
            if job.ended or job.state == "interrupted":
                return job
            if time.monotonic() > until:
                raise ExplorerError("jobs.queue_not_end_within", job_name=job.name, timeout_s=timeout_s)
            time.sleep(poll_s)

    def forget(self, case_id: str) -> int:
        """Removes every job of a case with its progress and previews; returns how many. None may run."""
        with self.writing() as db:
            if db.execute("SELECT 1 FROM jobs WHERE case_id=? AND state='running'", (case_id,)).fetchone():
                raise ExplorerError("jobs.queue_job_case_still")
            db.execute("DELETE FROM progress WHERE job_id IN (SELECT id FROM jobs WHERE case_id=?)", (case_id,))
            return db.execute("DELETE FROM jobs WHERE case_id=?", (case_id,)).rowcount

    def heartbeat(self, name: str = "screen") -> None:
        """Says that somebody looks: workers without work stay for another minute."""
        with self.writing() as db:
            db.execute("INSERT OR REPLACE INTO beats VALUES (?,?)", (name, self.clock()))

    def workers(self) -> list[WorkerRow]:
        """The workers whose processes live."""
        with self.reading() as db:
            rows = db.execute("SELECT * FROM workers").fetchall()
        return [WorkerRow(r["kind"], r["pid"], r["born"], r["device"], r["beat"], r["job_id"],
                          json.loads(r["facts"])) for r in rows if is_alive(r["pid"], r["born"])]

    def ask_to_stop(self, kind: str) -> None:
        """Asks the worker of a kind to put its job down and end; the job can be resumed."""
        with self.writing() as db:
            db.execute("UPDATE workers SET stop=1 WHERE kind=?", (kind,))

    def claim(self, name: str, *, every_s: float) -> bool:
        """Whether `name` was last claimed, by anybody, at least `every_s` ago; claims it then."""
        now = self.clock()
        with self.reading() as db:
            row = db.execute("SELECT time FROM claims WHERE name=?", (name,)).fetchone()
        if row and 0 <= now - row["time"] < every_s:
            return False
        with self.writing() as db:
            again = db.execute("SELECT time FROM claims WHERE name=?", (name,)).fetchone()
            if (again and again["time"]) != (row and row["time"]):
                return False  # somebody else was quicker
            db.execute("INSERT OR REPLACE INTO claims VALUES (?,?)", (name, now))
        return True

    def waiting(self, kind: str) -> int:
        """How many jobs of a kind could start now."""
        with self.reading() as db:
            return db.execute(f"SELECT count(*) FROM jobs j WHERE kind=? AND {READY}", (kind,)).fetchone()[0]

    def sweep(self) -> list[str]:
        """Marks running jobs whose worker process is gone as interrupted (failed after three tries)."""
        with self.reading() as db:
            rows = db.execute("SELECT id, worker FROM jobs WHERE state='running'").fetchall()
        gone = [row["id"] for row in rows if not _lives(row["worker"])]
        if gone:
            with self.writing() as db:
                for row in db.execute("SELECT * FROM jobs WHERE state='running'").fetchall():
                    if row["id"] in gone and not _lives(row["worker"]):
                        interrupt(db, row, self.clock())
        return gone


def _lives(token: str) -> bool:
    """Whether the worker process that this token names ("kind:pid:born") runs."""
    _, pid, born_s = token.split(":")
    return is_alive(int(pid), float(born_s))


READY = """state='queued' AND (j.after IS NULL OR
  EXISTS (SELECT 1 FROM jobs b WHERE b.id=j.after AND b.state='done'))"""


def interrupt(db: sqlite3.Connection, row: sqlite3.Row, now: float) -> None:
    """Marks a running job whose worker ended: cancelled if that was asked, failed at the third time."""
    if row["cancel"]:
        db.execute("UPDATE jobs SET state='cancelled', ended=? WHERE id=?", (now, row["id"]))
        hold_followers(db, row["id"], now)
    elif row["attempts"] >= TRIES:
        db.execute("UPDATE jobs SET state='failed', ended=?, error=? WHERE id=?",
                   (now, stored(ExplorerError("jobs.given_up_ended", tries=TRIES,
                                              error=ExplorerError("jobs.worker_gone_for_good"))), row["id"]))
        hold_followers(db, row["id"], now)
    else:
        db.execute("UPDATE jobs SET state='interrupted', ended=?, error=? WHERE id=?",
                   (now, stored(ExplorerError("jobs.worker_gone")), row["id"]))


FOLLOWERS = """WITH RECURSIVE chain (id) AS (SELECT id FROM jobs WHERE after=?1
  UNION SELECT jobs.id FROM jobs JOIN chain ON jobs.after=chain.id) """


def hold_followers(db: sqlite3.Connection, job_id: str, now: float) -> None:
    """Cancels the jobs that wait for one that did not end well; resuming that one frees them again."""
    db.execute(FOLLOWERS + "UPDATE jobs SET state='cancelled', held=1, ended=?2, error=?3 WHERE "
               "state='queued' AND id IN chain", (job_id, now, stored(ExplorerError("jobs.held"))))


def free_followers(db: sqlite3.Connection, job_id: str) -> None:
    db.execute(FOLLOWERS + "UPDATE jobs SET state='queued', held=0, ended=NULL, error='' WHERE held=1 "
               "AND state='cancelled' AND id IN chain", (job_id,))


def _job(db: sqlite3.Connection, row: sqlite3.Row) -> Job:
    progress = db.execute("SELECT * FROM progress WHERE job_id=?", (row["id"],)).fetchone()
    ahead = 0
    if row["state"] == "queued":
        ahead = db.execute("SELECT count(*) FROM jobs WHERE kind=? AND (state='running' OR (state="
                           "'queued' AND (interactive, -seq) > (?, ?)))",
                           (row["kind"], row["interactive"], -row["seq"])).fetchone()[0]
    return job_of(row, progress, ahead)
