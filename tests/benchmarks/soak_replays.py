"""Thousands of real replays while workers are killed, jobs cancelled and pages reloaded at random."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import sqlite3
import time
from pathlib import Path
from typing import Any

import psutil

from explorer.cases.case import Case
from explorer.cases.log import check_chain
from explorer.cases.store import CaseStore
from explorer.errors import ExplorerError
from explorer.jobs import launch, process
from explorer.jobs.flows import new_search_id
from explorer.jobs.queue import Queue
from explorer.jobs.tasks import ReplaySettings, RunSearch
from explorer.settings import load_settings
from pages.components.frame import ALONE, LIBRARY, PATH
from tests.benchmarks.soak_client import Visit
from tests.browser.app import App
from tests.pages.filled import picture, png_bytes

A_SEARCH = 500
PAGES = ("", *PATH, *ALONE, *LIBRARY)
KEPT_S = 33.0  # a little longer than a server keeps what belongs to a page that was closed
SPARED = 8  # file handles that a server may hold more at the end: connections being closed


class Soak:
    """A workspace with one case, its queue, and the app over it. `told` is kept in `file` between runs."""

    def __init__(self, app: App, file: Path, *, seed: int) -> None:
        self.app, self.file, self.settings = app, file, load_settings(app.home)
        self.queue = Queue(self.settings.database)
        store = CaseStore(self.settings.cases)
        old = store.list()
        self.case: Case = store.open(old[0].id) if old else store.create("Soak")
        self.subject = (self.case.subjects() or [self.case.add_subject(png_bytes(picture()), "ball.png")])[0]
        self.told: dict[str, Any] = {"searches": 0, "replays": 0, "lost": 0, "kills": 0, "cancels": 0, "reloads": 0,
                                     "parts": 0, "handles_left": 0, "memory_growth": 0.0, "worker_growth": None,
                                     "errors": []}
        if file.exists():
            self.told |= json.loads(file.read_text("utf-8"))
        self.dice = random.Random(f"{seed} {self.told['parts']}")
        self.job, self.known = "", self.ids()
        self.told["lost"] += max(0, self.told["replays"] - len(self.known))  # since the last part
        self.next_kill = len(self.known) + self.dice.randrange(20, 500)

    def ids(self) -> set[str]:
        """Every replay on record, read past the program."""
        with contextlib.closing(sqlite3.connect(f"file:{self.case.folder}/case.sqlite?mode=ro", uri=True)) as db:
            return {row[0] for row in db.execute("SELECT id FROM replays")}

    def count(self) -> int:
        return len(self.ids())

    def run(self, wanted: int, seconds: float) -> None:
        """Until so many replays are on record or time is up; a last stretch without kills weighs the worker."""
        server, until = psutil.Process(self.app.process.pid), time.monotonic() + seconds
        for page in PAGES * 3:  # what a process loads once is no growth
            self._visit(page)
        start_mb, handles = self._weigh(server)
        while self.count() < 0.7 * wanted and time.monotonic() < until:
            self._step(kills=True)
        quiet = Weighed()
        while self.count() < wanted and time.monotonic() < until:
            self._step(kills=False)
            quiet.take(self.queue, self.count())
        self._end_job()
        end_mb, left = self._weigh(server)
        print(f"server: {start_mb:.1f} MB, then {end_mb:.1f}; {handles} handles, then {left}", flush=True)
        told = self.told
        told["parts"], told["replays"] = told["parts"] + 1, self.count()
        told["memory_growth"] = max(told["memory_growth"], end_mb / start_mb - 1)
        if quiet.start_mb:  # else the last stretch was not reached
            told["worker_growth"] = max(told["worker_growth"] or 0.0, quiet.growth)
        told["handles_left"] = max(told["handles_left"], left - handles - SPARED, 0)
        self.file.write_text(json.dumps(told), "utf-8")

    def _weigh(self, server: psutil.Process) -> tuple[float, int]:
        """Megabytes and file handles of the server once it has let go of closed pages: the least of six looks."""
        time.sleep(KEPT_S)
        looks = []
        for _ in range(6):
            self._visit("")
            looks.append((server.memory_info().rss / 2**20, server.num_fds()))
        return min(mb for mb, _ in looks), min(handles for _, handles in looks)

    def _step(self, *, kills: bool) -> None:
        self._keep_running()
        time.sleep(self.dice.uniform(1.0, 6.0))
        self._disturb(kills=kills)
        now = self.ids()
        self.told["lost"] += len(self.known - now)
        self.known = now
        print(f"{len(now)} replays", {k: v for k, v in self.told.items() if k != "errors"}, flush=True)

    def _keep_running(self) -> None:
        """Submits the next search, or resumes the one that was ended, and sees to its worker."""
        state = self.queue.get(self.job).state if self.job else "done"
        if state in ("interrupted", "cancelled", "failed"):
            with contextlib.suppress(ExplorerError):  # given up after three kills: the next search takes over
                self.queue.resume(self.job)
                state = "queued"
        if state not in ("queued", "running"):
            self.told["searches"] += 1
            grid = ReplaySettings("a red ball", first_seed=A_SEARCH * self.told["searches"], seeds=A_SEARCH,
                                  steps=(1,), guidances=(1.0,))
            self.job = self.queue.submit(RunSearch(self.case.id, self.subject.id, new_search_id(), grid))
        launch.tend(self.settings)

    def _disturb(self, *, kills: bool) -> None:
        """A kill or a cancel now and then, once something was done since the last one, else a reload."""
        way, count = self.dice.random(), len(self.known)
        due = count >= self.next_kill and self.queue.get(self.job).state == "running"
        if due:
            self.next_kill = count + self.dice.randrange(20, 500)
        if due and way < 0.5 and kills:
            for worker in [w for w in self.queue.workers() if w.kind == "device"]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(worker.pid, signal.SIGKILL)
                    self.told["kills"] += 1
                while process.is_alive(worker.pid, worker.born_s):
                    time.sleep(0.01)
            self.queue.sweep()
        elif due:
            launch.cancel(self.settings, self.job)
            self.told["cancels"] += 1
        else:
            self._visit(self.dice.choice(PAGES))

    def _visit(self, page: str) -> None:
        visit = Visit(self.app.url, page, f"case={self.case.id}&subject={self.subject.id}").reload(1)
        self.told["errors"] += visit.errors
        self.told["reloads"] += 1

    def _end_job(self) -> None:
        with contextlib.suppress(ExplorerError):
            launch.cancel(self.settings, self.job)
            self.queue.wait(self.job, timeout_s=60)

    def check_all(self) -> None:
        """Adds to `lost` what the log's chain, the records and the stored pictures lack at the end."""
        chain, missing = check_chain(self.case.log()), 0
        found = self.case.replays(self.subject.id, order_by="time", limit=-1)
        for replay in found:
            try:
                self.case.blob(replay.image_sha256)
            except ExplorerError:
                missing += 1
        print(f"checked {len(found)} replays: {missing} pictures missing, {len(chain)} faults of the log",
              flush=True)
        self.told["lost"] += missing + len(chain) + len(self.known - {r.id for r in found})
        self.file.write_text(json.dumps(self.told), "utf-8")

    def result(self) -> dict[str, Any]:
        told = self.told
        for error in told["errors"][:5]:
            print("page error:", error, flush=True)
        return {"replays": self.count(), "lost": told["lost"], "server_growth": round(told["memory_growth"], 4),
                "worker_growth": told["worker_growth"], "page_errors": len(told["errors"]),
                "memory_growth": round(max(told["memory_growth"], told["worker_growth"] or 0.0), 4),
                **{k: told[k] for k in ("kills", "cancels", "reloads", "parts")}}


class Weighed:
    """How much one worker process grows from its 300th replay on."""

    def __init__(self) -> None:
        self.pid = self.first = 0
        self.start_mb = self.growth = 0.0

    def take(self, queue: Queue, count: int) -> None:
        worker = next((w for w in queue.workers() if w.kind == "device"), None)
        if worker is None:
            return
        with contextlib.suppress(psutil.Error):
            now_mb = psutil.Process(worker.pid).memory_info().rss / 2**20
            if worker.pid != self.pid:
                self.pid, self.first, self.start_mb = worker.pid, count, 0.0
            elif count - self.first >= 300:
                self.start_mb = self.start_mb or now_mb
                self.growth = now_mb / self.start_mb - 1
