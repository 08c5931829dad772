"""What a running task is given: settings, its case, the loaded models, and its run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from explorer.cases.case import Case
from explorer.cases.store import CaseStore
from explorer.jobs.job import Job
from explorer.jobs.queue import Queue
from explorer.records import Progress
from explorer.run import Run
from explorer.settings import Settings
from explorer.worker.loaded_table import LoadedTable


@dataclass
class Context:
    """One job under way. Results are committed through `case`; `run` ticks, and takes progress."""

    settings: Settings
    queue: Queue
    job: Job
    table: LoadedTable  # of loaded models, encoders and collections; kept from job to job
    run: Run
    _cases: dict[str, Case] = field(default_factory=dict)

    def case(self, case_id: str = "") -> Case:
        """The job's case (or another one), open until the job ends; the job's owner acts in its log."""
        case_id = case_id or self.job.case_id
        if case_id not in self._cases:
            self._cases[case_id] = CaseStore(self.settings.cases, person=self.job.owner).open(case_id)
        return self._cases[case_id]

    def commit(self, *records: Any, blobs: dict[str, bytes] | None = None) -> int:
        """Writes records with their log entries in one transaction; returns how many were new or changed."""
        return self.case().commit_all(records, job_id=self.job.id, blobs=blobs)

    def report(self, done: int, total: int, message: str, **more: Any) -> None:
        """Says where the job stands; `more` are Progress's other fields."""
        self.run.report(Progress(done, total, message, **more))

    def result_before(self) -> dict[str, Any]:
        """What the job that this one follows came to; empty without one."""
        return (self.queue.get(self.job.after).result or {}) if self.job.after else {}

    def close(self) -> None:
        for case in self._cases.values():
            case.close()
