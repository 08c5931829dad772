"""What a screen sees of a job and of a worker."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass, field
from typing import Any

from explorer.errors import ExplorerError
from explorer.jobs.tasks import task_from_json
from explorer.records import Progress

STATES = ("queued", "running", "done", "failed", "cancelled", "interrupted")
ENDED = ("done", "failed", "cancelled")
TRIES = 3  # a task that ended its worker this often is not run again


@dataclass(frozen=True)
class Job:
    """One task on the queue. Times are seconds since 1970, UTC."""

    id: str
    state: str  # one of STATES
    task: Any
    kind: str  # "device" | "desk"
    owner: str
    case_id: str
    error: str  # a sentence for the person; "" without one
    progress: Progress | None
    result: Any  # JSON, once done
    position: int  # jobs of this worker's kind that come first; 0 when next or running
    after: str | None
    attempts: int
    cancel_asked: bool
    held: bool  # cancelled because the job that it follows did not end well
    submitted_s: float
    started_s: float | None
    ended_s: float | None

    @property
    def name(self) -> str:
        return type(self.task).__name__

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    @property
    def resumable(self) -> bool:
        """Whether `Queue.resume` would take it: interrupted, failed or cancelled, and not given up."""
        return self.state in ("interrupted", "failed", "cancelled") and self.attempts < TRIES


@dataclass(frozen=True)
class WorkerRow:
    """A worker as it last reported itself; `facts` has device, memory and loaded models."""

    kind: str
    pid: int
    born_s: float
    device: str
    beat_s: float
    job_id: str
    facts: dict[str, Any] = field(default_factory=dict)


def stored(error: ExplorerError | None) -> str:
    """What the queue keeps of an error: its key, its values and its sentence, as JSON; "" for none."""
    return json.dumps(error.packed(), ensure_ascii=False) if error else ""


def error_of(text: str) -> ExplorerError | None:
    """The error that `stored` wrote; a bare sentence (of an older version) as it is; None for ""."""
    if text.startswith("{"):
        return ExplorerError.unpacked(json.loads(text))
    return ExplorerError(text) if text else None


def job_of(row: sqlite3.Row, progress: sqlite3.Row | None, position: int) -> Job:
    return Job(
        id=row["id"], state=row["state"], task=task_from_json(json.loads(row["task"])), kind=row["kind"],
        owner=row["owner"], case_id=row["case_id"], error=str(error_of(row["error"]) or ""),
        progress=progress_of(progress), result=json.loads(row["result"]), position=position,
        after=row["after"], attempts=row["attempts"], cancel_asked=bool(row["cancel"]),
        held=bool(row["held"]), submitted_s=row["submitted"], started_s=row["started"], ended_s=row["ended"])


def progress_of(row: sqlite3.Row | None) -> Progress | None:
    if row is None:
        return None
    return Progress(done=row["done"], total=row["total"], message=row["message"], step=row["step"],
                    steps=row["steps"], left_s=row["left_s"], best_replay_id=row["best_replay_id"],
                    preview_png=row["preview"] or b"")
