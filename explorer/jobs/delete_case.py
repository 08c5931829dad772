"""Deletes a case with all that the workspace holds of it: its folder, its jobs, their previews."""

from __future__ import annotations

import time

from explorer.cases.store import CaseStore, Deleted
from explorer.errors import ExplorerError
from explorer.jobs import launch
from explorer.jobs.queue import Queue
from explorer.settings import Settings

PATIENCE_S = 4.0


def delete_case(settings: Settings, case_id: str) -> Deleted:
    """Cancels the case's jobs, then removes them and the case's folder for good; says how much that was.

    Packages that were exported before are not touched. ExplorerError if a job does not end.
    """
    with Queue(settings.database) as queue:
        for job in queue.active(case_id=case_id):
            launch.cancel(settings, job.id)
        until = time.monotonic() + PATIENCE_S
        while any(j.state == "running" for j in queue.active(case_id=case_id)):
            if time.monotonic() > until:
                raise ExplorerError("jobs.delete_case_job_not_end")
            time.sleep(0.05)
        removed = CaseStore(settings.cases).delete(case_id)
        queue.forget(case_id)
        return removed
