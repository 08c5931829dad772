"""The worker's side of the queue: take a job, report on it, end it."""

from __future__ import annotations

import json
from typing import Any

from explorer.errors import ExplorerError
from explorer.jobs.job import TRIES, Job, job_of, stored
from explorer.jobs.queue import READY, Queue, hold_followers, interrupt
from explorer.records import Progress


class Board:
    """One worker's dealings with the queue. `kind` is "device" or "desk"; the worker holds its lock."""

    def __init__(self, queue: Queue, *, kind: str, pid: int, born_s: float, device: str) -> None:
        self.queue, self.kind, self.pid, self.born_s, self.device = queue, kind, pid, born_s, device
        self.token = f"{kind}:{pid}:{born_s}"

    def arrive(self) -> None:
        """Writes this worker's row, and marks what the one before it left running as interrupted."""
        with self.queue.writing() as db:
            rows = db.execute("SELECT * FROM jobs WHERE kind=? AND state='running' AND worker<>?",
                              (self.kind, self.token)).fetchall()
            for row in rows:
                interrupt(db, row, self.queue.clock())
            db.execute("INSERT OR REPLACE INTO workers (kind, token, pid, born, device, beat) "
                       "VALUES (?,?,?,?,?,?)",
                       (self.kind, self.token, self.pid, self.born_s, self.device, self.queue.clock()))

    def leave(self) -> None:
        with self.queue.writing() as db:
            db.execute("DELETE FROM workers WHERE token=?", (self.token,))

    def take(self, *, interactive_only: bool = False) -> Job | None:
        """The next job that may start, now marked as running; interactive ones come first."""
        with self.queue.writing() as db:
            row = db.execute(f"SELECT * FROM jobs j WHERE kind=? AND interactive>=? AND {READY} "
                             "ORDER BY interactive DESC, seq LIMIT 1",
                             (self.kind, int(interactive_only))).fetchone()
            if row is None:
                return None
            db.execute("UPDATE jobs SET state='running', worker=?, attempts=attempts+1, started=?, error='' "
                       "WHERE id=?", (self.token, self.queue.clock(), row["id"]))
            row = db.execute("SELECT * FROM jobs WHERE id=?", (row["id"],)).fetchone()
        return job_of(row, None, 0)

    def coming(self) -> Job | None:
        """The next job of this kind that waits for another one to end."""
        with self.queue.reading() as db:
            row = db.execute("SELECT * FROM jobs WHERE kind=? AND state='queued' AND after IS NOT NULL "
                             "ORDER BY seq LIMIT 1", (self.kind,)).fetchone()
        return None if row is None else job_of(row, None, 0)

    def beat(self, job_id: str, facts: dict[str, Any]) -> None:
        """Says that this worker lives, and at what."""
        with self.queue.writing() as db:
            db.execute("UPDATE workers SET beat=?, job_id=?, facts=? WHERE token=?",
                       (self.queue.clock(), job_id, json.dumps(facts), self.token))

    def asked_to_cancel(self, job_id: str) -> bool:
        """Whether the job was cancelled, or is no longer this worker's."""
        with self.queue.reading() as db:
            row = db.execute("SELECT cancel, state, worker FROM jobs WHERE id=?", (job_id,)).fetchone()
        return row is None or bool(row["cancel"]) or row["state"] != "running" or row["worker"] != self.token

    def asked_to_stop(self) -> bool:
        with self.queue.reading() as db:
            row = db.execute("SELECT stop FROM workers WHERE token=?", (self.token,)).fetchone()
        return row is None or bool(row["stop"])

    def last_look_s(self) -> float:
        """When a screen last said that somebody looks (seconds since 1970; 0 for never)."""
        with self.queue.reading() as db:
            return db.execute("SELECT coalesce(max(time), 0) FROM beats").fetchone()[0]

    def report(self, job_id: str, progress: Progress) -> None:
        """Overwrites the job's one progress row; an empty preview keeps the picture that is there."""
        with self.queue.writing() as db:
            db.execute(
                "INSERT INTO progress VALUES (?,?,?,?,?,?,?,?,?,?) ON CONFLICT (job_id) DO UPDATE SET "
                "done=excluded.done, total=excluded.total, message=excluded.message, step=excluded.step, "
                "steps=excluded.steps, left_s=excluded.left_s, best_replay_id=excluded.best_replay_id, "
                "preview=coalesce(excluded.preview, preview), updated=excluded.updated",
                (job_id, progress.done, progress.total, progress.message, progress.step, progress.steps,
                 progress.left_s, progress.best_replay_id, progress.preview_png or None, self.queue.clock()))

    def done(self, job_id: str, result: Any) -> None:
        self._end(job_id, "done", result=result)

    def failed(self, job_id: str, error: ExplorerError) -> None:
        """Keeps the error; after three tries the job cannot be resumed any more."""
        self._end(job_id, "failed", error=error)

    def cancelled(self, job_id: str) -> None:
        self._end(job_id, "cancelled")

    def give_back(self, job_id: str) -> None:
        """Puts a job down unfinished: a short one waits again, a long one is offered for resuming."""
        with self.queue.writing() as db:
            db.execute("UPDATE jobs SET state=CASE interactive WHEN 1 THEN 'queued' ELSE 'interrupted' END, "
                       "attempts=max(attempts-1, 0), ended=?, error='' WHERE id=? AND worker=? AND "
                       "state='running'", (self.queue.clock(), job_id, self.token))

    def _end(self, job_id: str, state: str, *, error: ExplorerError | None = None, result: Any = None) -> None:
        with self.queue.writing() as db:
            row = db.execute("SELECT attempts FROM jobs WHERE id=? AND worker=? AND state='running'",
                             (job_id, self.token)).fetchone()
            if row is None:
                return
            if state == "failed" and row["attempts"] >= TRIES:
                error = ExplorerError("jobs.given_up_failed", tries=TRIES, error=error)
            attempts = 0 if state == "cancelled" else row["attempts"]
            db.execute("UPDATE jobs SET state=?, error=?, result=?, ended=?, attempts=? WHERE id=?",
                       (state, stored(error), json.dumps(result), self.queue.clock(), attempts, job_id))
            if state != "done":
                hold_followers(db, job_id, self.queue.clock())
