"""The worker's loop: takes jobs, runs them, serves short ones in between, ends when nobody needs it."""

from __future__ import annotations

import contextlib
import importlib
import logging
import pkgutil
import time
from typing import Any

from explorer.errors import Cancelled, ExplorerError
from explorer.foreign.offline import obey
from explorer.jobs.job import Job
from explorer.jobs.queue import Queue
from explorer.jobs.tasks import Task
from explorer.jobs.worker_queue import Board
from explorer.run import QUIET
from explorer.settings import Settings, load_settings
from explorer.worker.context import Context
from explorer.worker.job_run import JobRun
from explorer.worker.loaded_table import LoadedTable
from explorer.worker.watch import Watch

IDLE_S = 60.0
POLL_S = 0.1


class Worker:
    """One worker of a kind; the caller holds the lock of that kind."""

    def __init__(self, settings: Settings, board: Board, watch: Watch, *, idle_s: float = IDLE_S) -> None:
        self.settings, self.board, self.watch, self.idle_s = settings, board, watch, idle_s
        self.queue: Queue = board.queue
        self.table = LoadedTable(settings.model_memory_mb * 1024 * 1024)
        self._served = 0.0
        self._ahead = ""  # the job that was looked ahead to last
        self._written = -1  # when the settings were, as they were last read

    def run(self) -> None:
        """Works until asked to stop, or until a minute went by without work and without a screen."""
        needed = time.monotonic()
        while not self.watch.stopping.is_set():
            if not self._obeys():
                return  # a new process starts with the switch as it is now
            job = self.board.take()
            if job is not None:
                self.work(job)
                needed = time.monotonic()
            elif time.monotonic() - needed > self.idle_s and self._nobody_looks():
                return
            else:
                self._look_ahead()
                time.sleep(POLL_S)

    def _look_ahead(self) -> None:
        """Imports and opens what a job will need that waits for one elsewhere to end, once a job.

        What fails here fails again, and is told, when the job's turn comes.
        """
        job = self.board.coming()
        if job is None or job.id == self._ahead:
            return
        self._ahead = job.id
        try:
            module, _, _ = job.task.RUNNER.partition(":")
            prepare = getattr(importlib.import_module(module), "ahead", None)
            if prepare is not None:
                prepare(job.task, Context(self.settings, self.queue, job, self.table, QUIET))
        except Exception:
            logging.exception("looking ahead to job %s (%s)", job.id, job.name)

    def _nobody_looks(self) -> bool:
        return self.queue.clock() - self.board.last_look_s() > self.idle_s

    def work(self, job: Job) -> None:
        """Runs one job to its end, under the settings as they are now, and writes down how it ended."""
        self._follow_settings()
        run = JobRun(self.board, job.id, serve=lambda: self._serve(job), stopped=lambda: self.watch.stopped(job.id))
        context = Context(self.settings, self.queue, job, self.table, run)
        self.watch.enter(job.id)
        try:
            result = run_task(job.task, context)
            run.flush()
            self.board.done(job.id, result)
        except Cancelled:
            if self.watch.cancelled(job.id):
                self.board.cancelled(job.id)
            else:
                self.board.give_back(job.id)
        except ExplorerError as error:
            self.board.failed(job.id, error)
        except Exception as error:
            logging.exception("job %s (%s) failed", job.id, job.name)
            self.board.failed(job.id, self._told(job, error))
            if _device_fell(error):
                self.watch.stopping.set()  # nothing works any more in a process whose device was reset
        finally:
            self.watch.leave(job.id)
            context.close()

    def _obeys(self) -> bool:
        """Whether the libraries loaded here know that offline is on, or off, as the settings say now."""
        with contextlib.suppress(OSError):  # no settings file: the defaults hold
            written = (self.settings.home / "settings.json").stat().st_mtime_ns
            if written == self._written:
                return True
            self._written = written
            self._follow_settings()
        return obey(self.settings.offline)

    def _follow_settings(self) -> None:
        """Reads the settings again: what was switched meanwhile, such as staying offline, holds from now on."""
        with contextlib.suppress(ExplorerError):  # a damaged file: the last good ones go on
            self.settings = load_settings(self.settings.home)
        self.table.budget_bytes = self.settings.model_memory_mb * 1024 * 1024

    def _serve(self, job: Job) -> None:
        """Between two steps of a long task: runs short ones that wait."""
        if job.task.INTERACTIVE or time.monotonic() - self._served < POLL_S:
            return
        while (short := self.board.take(interactive_only=True)) is not None:
            self.work(short)
        self._served = time.monotonic()

    def _told(self, job: Job, error: Exception) -> ExplorerError:
        if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
            self.table.clear()
            return ExplorerError("worker.no_memory", task=job.name)
        if _device_fell(error):
            return ExplorerError("worker.device_failed", task=job.name)
        return ExplorerError("worker.bug", task=job.name, job=job.id,
                             log=self.settings.logs / f"worker-{self.board.kind}.log")


def _device_fell(error: Exception) -> bool:
    """Whether torch says that the device itself failed; told by name, for a desk worker knows no torch."""
    words = str(error)
    return type(error).__name__ == "AcceleratorError" or (isinstance(error, RuntimeError) and any(
        sign in words for sign in ("CUDA error:", "HIP error:", "MPS backend error", "CUDNN_STATUS_")))


def run_task(task: Task, context: Context) -> Any:
    """Runs a task with the function that it names; its result (JSON or None)."""
    return pkgutil.resolve_name(task.RUNNER)(task, context)
