"""The command line's way to run tasks: the same queue and workers as the screens, followed to the end."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from explorer.errors import ExplorerError
from explorer.jobs import launch
from explorer.jobs.job import Job
from explorer.jobs.queue import Queue
from explorer.settings import Settings

TEND_S = 1.0  # how often lost jobs are looked for and missing workers started
Follow = Callable[[Job], None]


def run(settings: Settings, task: Any, *, owner: str = "", follow: Follow | None = None) -> Any:
    """Runs one task in a worker and returns its result; ExplorerError with its sentence if it failed."""
    job_id = launch.submit(settings, task, owner=owner)
    return follow_jobs(settings, (job_id,), follow=follow)[-1].result


def follow_jobs(settings: Settings, jobs: tuple[str, ...], *, follow: Follow | None = None,
                poll_s: float = 0.1) -> list[Job]:
    """Waits for jobs in order, handing each state that it sees to `follow`; returns them as they ended.

    ExplorerError when one did not end well. A keyboard interrupt cancels what is left.
    """
    ended: list[Job] = []
    with Queue(settings.database) as queue:
        try:
            for job_id in jobs:
                ended.append(_wait(settings, queue, job_id, follow, poll_s))
        except KeyboardInterrupt:
            for job_id in jobs[len(ended):]:
                launch.cancel(settings, job_id)
            queue.wait(jobs[len(ended)], timeout_s=5.0)
            raise
    return ended


def _wait(settings: Settings, queue: Queue, job_id: str, follow: Follow | None, poll_s: float) -> Job:
    tended = 0.0
    while True:
        if time.monotonic() - tended > TEND_S:
            launch.tend(settings)
            tended = time.monotonic()
        job = queue.get(job_id)
        if follow is not None:
            follow(job)
        if job.state == "done":
            return job
        if job.state in ("failed", "cancelled", "interrupted"):
            raise ExplorerError(job.error) if job.error else ExplorerError(
                "jobs.ended_otherwise", name=job.name, state=job.state)
        time.sleep(poll_s)
