"""Thousands of real replays while workers are killed, jobs cancelled and pages reloaded at random."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import sqlite3
import statistics
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
from explorer.jobs.tasks import RunSearch
from explorer.records import ReplaySettings
from explorer.settings import load_settings
from pages.shared.frame import ALONE, LIBRARY, PATH
from tests.benchmarks.soak_client import Visit
from tests.browser.app import App
from tests.pages.filled import picture, png_bytes

A_SEARCH = 500
PAGES = ("", *PATH, *ALONE, *LIBRARY)
KEPT_S = 33.0  # a little longer than a server keeps what belongs to a page that was closed
SPARED = 8  # file handles that a process may hold more at the end: connections being closed
FIRST = 300  # replays after which a process has seen what it keeps: what comes then is growth
LOOKS = 4  # at a worker's memory, whose middle counts: it falls and rises with every batch
SERVER_LOOKS = 16  # at the server's, which falls and rises with the pages that are open
QUIET = 0.3  # share of the replays, and of each part's time, at whose end no worker is killed


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
                                     "parts": 0, "handles_left": 0, "memory_growth": 0.0, "workers": [],
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
        """Until so many replays are on record or time is up; in the last stretch no worker is killed.

        The server is weighed once the case has replays and every page was seen, and again at the end, both at
        rest and among the steps: the larger growth counts. Each worker from its 300th replay to its last one.
        """
        server, until, workers = psutil.Process(self.app.process.pid), time.monotonic() + seconds, Workers()
        while len(self.known) < FIRST and time.monotonic() < until:
            self._step(kills=False)
        for page in PAGES * 3:  # what a process loads once is no growth
            self._visit(page)
        before, looks = self._weigh(server), []
        while len(self.known) < wanted and time.monotonic() < until:
            quiet = len(self.known) >= (1 - QUIET) * wanted or time.monotonic() > until - QUIET * seconds
            self._step(kills=not quiet)
            workers.look(self.queue, len(self.known))
            looks.append(server.memory_info().rss / 2**20)
        self._end_job()
        self._write(before, self._weigh(server), looks, workers.weighed())

    def _write(self, before: tuple[float, int], after: tuple[float, int], looks: list[float],
               workers: list[dict[str, Any]]) -> None:
        """Adds what this part's processes weighed to what is told."""
        told, growth = self.told, [after[0] / before[0] - 1]
        print(f"server at rest: {before[0]:.1f} MB, then {after[0]:.1f}; {before[1]} handles, then {after[1]}")
        if len(looks) >= 2 * SERVER_LOOKS:
            first, last = (statistics.median(part) for part in (looks[:SERVER_LOOKS], looks[-SERVER_LOOKS:]))
            print(f"server among the steps: {first:.1f} MB, then {last:.1f}")
            growth.append(last / first - 1)
        print("workers:", workers, flush=True)
        told["parts"], told["replays"] = told["parts"] + 1, self.count()
        told["memory_growth"] = max(told["memory_growth"], *growth)
        told["workers"] += workers
        more = [after[1] - before[1], *(w["handles"] for w in workers)]
        told["handles_left"] = max(told["handles_left"], *(n - SPARED for n in more))
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
        grown = max((w["growth"] for w in told["workers"]), default=None)
        return {"replays": self.count(), "lost": told["lost"], "server_growth": round(told["memory_growth"], 4),
                "worker_growth": grown, "workers_weighed": len(told["workers"]),
                "page_errors": len(told["errors"]),
                "memory_growth": round(max(told["memory_growth"], grown or 0.0), 4),
                **{k: told[k] for k in ("kills", "cancels", "reloads", "parts")}}


class Workers:
    """Memory and file handles of every device worker after each step, and the replays on record then."""

    def __init__(self) -> None:
        self.looks: dict[int, list[tuple[int, float, int]]] = {}

    def look(self, queue: Queue, count: int) -> None:
        """Takes down how the worker stands that runs now, if one does."""
        for worker in [w for w in queue.workers() if w.kind == "device"]:
            with contextlib.suppress(psutil.Error):
                found = psutil.Process(worker.pid)
                self.looks.setdefault(worker.pid, []).append((count, found.memory_info().rss / 2**20,
                                                              found.num_fds()))

    def weighed(self) -> list[dict[str, Any]]:
        """Those that made replays for long enough: the middle of the first and of the last few looks."""
        found = []
        for looks in self.looks.values():
            kept = [look for look in looks if look[0] - looks[0][0] >= FIRST]
            if len(kept) >= 2 * LOOKS:
                first, last = ([statistics.median(c) for c in zip(*part, strict=True)]
                               for part in (kept[:LOOKS], kept[-LOOKS:]))
                found.append({"replays": looks[-1][0] - looks[0][0], "start_mb": round(first[1], 1),
                              "growth": round(last[1] / first[1] - 1, 4), "handles": int(last[2] - first[2])})
        return found
