"""The worker's watching thread: heartbeats, cancellation, and the end of a task that does not react."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Any

from explorer.errors import ExplorerError
from explorer.jobs.worker_queue import Board

POLL_S = 0.15
BEAT_S = 2.0
GRACE_S = 1.1  # with the poll and the commit this stays below two seconds


class Watch:
    """Looks after the jobs in hand. Uses a queue connection of its own (`board`)."""

    def __init__(self, board: Board, facts: Callable[[], dict[str, Any]]) -> None:
        self.board, self.facts = board, facts
        self.jobs: list[str] = []  # in hand, the innermost last
        self.stopping = threading.Event()
        self._cancelled: dict[str, float] = {}  # job -> when that was seen, monotonic
        self._turn = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def end(self) -> None:
        self._ended.set()
        self._thread.join(timeout=5.0)

    def enter(self, job_id: str) -> None:
        with self._turn:
            self.jobs.append(job_id)

    def leave(self, job_id: str) -> None:
        with self._turn:
            self.jobs.remove(job_id)
            self._cancelled.pop(job_id, None)

    def cancelled(self, job_id: str) -> bool:
        return job_id in self._cancelled

    def stopped(self, job_id: str) -> bool:
        """Whether the job should end now: cancelled, or the worker asked to stop."""
        return self.stopping.is_set() or self.cancelled(job_id)

    def _run(self) -> None:
        beat = 0.0
        while not self._ended.wait(POLL_S):
            try:
                self._look()
                if time.monotonic() - beat > BEAT_S:
                    beat = time.monotonic()
                    self.board.beat(self.jobs[-1] if self.jobs else "", self.facts())
            except ExplorerError as error:  # a busy or full disk: look again
                logging.warning("watch: %s", error)
            self._insist()

    def _look(self) -> None:
        if self.board.asked_to_stop():
            self.stopping.set()
        with self._turn:
            jobs = tuple(self.jobs)
        for job_id in jobs:
            if job_id not in self._cancelled and self.board.asked_to_cancel(job_id):
                with self._turn:
                    if job_id in self.jobs:
                        self._cancelled[job_id] = time.monotonic()

    def _insist(self) -> None:
        """Ends this process when a cancelled task does not react; commits are whole or absent."""
        with self._turn:
            late = [j for j, seen in self._cancelled.items() if time.monotonic() - seen > GRACE_S]
            jobs = tuple(self.jobs)
        if not late:
            return
        try:
            for job_id in jobs:
                if job_id in self._cancelled:
                    self.board.cancelled(job_id)
                else:
                    self.board.give_back(job_id)
        finally:
            logging.warning("watch: job %s did not react to its cancellation; the worker ends", late[0])
            os._exit(3)
