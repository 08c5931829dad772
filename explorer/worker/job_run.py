"""The run of one job: lets short jobs in between its steps, ends when that was asked for, says where it stands."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable

from explorer.errors import Cancelled
from explorer.jobs.worker_queue import Board
from explorer.records import Progress
from explorer.run import Run

REPORT_S = 0.2  # progress rows are written at most this often


class JobRun(Run):
    """What a worker gives to a job. `serve` runs short jobs that wait; `stopped` tells that this one is to end."""

    def __init__(self, board: Board, job_id: str, *, serve: Callable[[], None],
                 stopped: Callable[[], bool]) -> None:
        self.board, self.job_id, self.serve, self.stopped = board, job_id, serve, stopped
        self._waiting: Progress | None = None
        self._written = 0.0

    def tick(self) -> None:
        """Serves short jobs; raises Cancelled when the job was cancelled or the worker asked to stop."""
        self.serve()
        if self.stopped():
            raise Cancelled

    def report(self, progress: Progress) -> None:
        """Writes the newest progress, not every one; a picture stays until there is another."""
        if self._waiting is not None and not progress.preview_png:
            progress = dataclasses.replace(progress, preview_png=self._waiting.preview_png)
        self._waiting = progress
        if time.monotonic() - self._written >= REPORT_S:
            self.flush()
        self.tick()

    def flush(self) -> None:
        """Writes down the progress that waits to be."""
        if self._waiting is not None:
            self.board.report(self.job_id, self._waiting)
            self._waiting, self._written = None, time.monotonic()
