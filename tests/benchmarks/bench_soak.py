"""Long runs and many people: what is lost, what grows, what is left behind; the last line is JSON.

    python tests/benchmarks/bench_soak.py [--replays 10000] [--sessions 50] [--watching 5] [--seconds 600]
                                          [--session-seconds 60] [--seed 1]

Real searches over the bundled world run in a worker while it is killed, jobs are cancelled and pages are
reloaded at random; every replay that was on record must stay. Then many sessions at once, while a search
runs: a session is a websocket that speaks Streamlit's own messages, so no browser takes the processor.
`--seconds` and `--session-seconds` bound the two parts; what was reached is printed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import psutil

from explorer.cases.case import Case
from explorer.cases.store import CaseStore
from explorer.errors import ExplorerError
from explorer.jobs import launch, process
from explorer.jobs.flows import new_search_id
from explorer.jobs.queue import Queue
from explorer.jobs.tasks import ReplaySettings, RunSearch
from explorer.settings import Settings, load_settings
from pages.components.frame import LIBRARY, PATH
from tests.benchmarks.soak_client import Visit
from tests.browser.app import App, running
from tests.pages.filled import picture, png_bytes

A_SEARCH = 200
STEPS = 2  # few, so that the run is about everything around the model


class Soak:
    """A workspace with one case, its queue, and the app over it."""

    def __init__(self, app: App, seed: int) -> None:
        self.app, self.settings, self.dice = app, load_settings(app.home), random.Random(seed)
        self.queue = Queue(self.settings.database)
        self.case: Case = CaseStore(self.settings.cases).create("Soak")
        self.subject = self.case.add_subject(png_bytes(picture()), "ball.png")
        self.search, self.job, self.first_seed = "", "", 0
        self.known: set[str] = set()
        self.lost = self.kills = self.cancels = self.reloads = 0
        self.errors: list[str] = []

    def count(self) -> int:
        return self.case.count_replays(self.subject.id)

    def keep_running(self) -> None:
        """Submits the next search, or resumes the one that was ended, and sees to its worker."""
        state = self.queue.get(self.job).state if self.job else "done"
        if state in ("interrupted", "cancelled", "failed"):
            with contextlib.suppress(ExplorerError):  # given up after three kills: the next search takes over
                self.queue.resume(self.job)
                state = "queued"
        if state not in ("queued", "running"):
            self.search, self.first_seed = new_search_id(), self.first_seed + A_SEARCH
            grid = ReplaySettings("a red ball", first_seed=self.first_seed, seeds=A_SEARCH, steps=(STEPS,))
            self.job = self.queue.submit(RunSearch(self.case.id, self.subject.id, self.search, grid))
        launch.tend(self.settings)

    def disturb(self) -> None:
        """A kill, a cancel or a reload, by chance."""
        way = self.dice.random()
        if way < 0.15:
            for worker in [w for w in self.queue.workers() if w.kind == "device"]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(worker.pid, signal.SIGKILL)
                    self.kills += 1
                while process.is_alive(worker.pid, worker.born_s):
                    time.sleep(0.01)
            self.queue.sweep()
        elif way < 0.3 and self.queue.get(self.job).state == "running":
            launch.cancel(self.settings, self.job)
            self.cancels += 1
        else:
            name = self.dice.choice((*PATH, *LIBRARY))
            visit = Visit(self.app.url, name, f"case={self.case.id}&subject={self.subject.id}").reload(1)
            self.errors += visit.errors
            self.reloads += 1

    def look(self) -> None:
        """Every replay seen before must still be there."""
        ids = {r.id for r in self.case.replays(self.subject.id, order_by="time", limit=-1)}
        self.lost += len(self.known - ids)
        self.known = ids


def replays(soak: Soak, wanted: int, seconds: float) -> dict[str, Any]:
    """Runs until so many replays are on record or time is up; memory and handles of the screen process."""
    server = psutil.Process(soak.app.process.pid)
    for name in (*PATH, *LIBRARY, *PATH):  # what a process loads once is no growth
        Visit(soak.app.url, name, f"case={soak.case.id}").reload(1)
    until = time.monotonic() + seconds
    start_mb, handles = server.memory_info().rss / 2**20, server.num_fds()
    while soak.count() < wanted and time.monotonic() < until:
        soak.keep_running()
        time.sleep(soak.dice.uniform(0.5, 4.0))
        soak.disturb()
        soak.look()
        print(f"{len(soak.known)} replays, {soak.kills} kills, {soak.cancels} cancels, {soak.reloads} reloads, "
              f"{soak.lost} lost", flush=True)
    time.sleep(2)
    grown = server.memory_info().rss / 2**20 / start_mb - 1
    return {"replays": len(soak.known), "lost": soak.lost, "memory_growth": round(grown, 4), "kills": soak.kills,
            "cancels": soak.cancels, "reloads": soak.reloads, "page_errors": len(soak.errors),
            "handles_grown": server.num_fds() - handles}


def speed(soak: Soak, seconds: float) -> tuple[float, float]:
    """Replays and the worker's processor seconds a second of the running job, over so many seconds."""
    soak.keep_running()
    first, begun = soak.count(), time.monotonic()
    while soak.count() == first and time.monotonic() - begun < 120:  # until it has loaded its model
        soak.keep_running()
        time.sleep(0.2)
    first, begun = soak.count(), time.monotonic()
    while time.monotonic() - begun < seconds:
        soak.keep_running()
        time.sleep(0.5)
    return (soak.count() - first) / (time.monotonic() - begun), time.monotonic() - begun


def sessions(soak: Soak, count: int, watching: int, seconds: float) -> dict[str, Any]:
    """Many sessions while a search runs: page times, errors, and how much slower the search is."""
    alone, _ = speed(soak, seconds / 3)
    stop, begun, own = threading.Event(), time.monotonic(), time.process_time()
    query = f"case={soak.case.id}&subject={soak.subject.id}"
    names = [*PATH, *LIBRARY]
    visits = [Visit(soak.app.url, "replay" if n < watching else names[n % len(names)],
                    query if n < watching else "") for n in range(count)]
    threads = [threading.Thread(target=v.watch, args=(stop,), kwargs={"every_s": 10.0 if n < watching else 30.0},
                                daemon=True) for n, v in enumerate(visits)]
    for thread in threads:
        thread.start()
        time.sleep(0.1)
    crowded, _ = speed(soak, seconds)
    stop.set()
    share = (time.process_time() - own) / (time.monotonic() - begun) / psutil.cpu_count()
    for thread in threads:
        thread.join(timeout=130)
    took = [s for v in visits for s in v.seconds]
    errors = [e for v in visits for e in v.errors]
    for error in errors[:5]:
        print("session error:", error, flush=True)
    slowdown = 1 - crowded / (1 - share) / alone if alone else None
    return {"sessions": count, "median_page_s": round(statistics.median(took), 3) if took else None,
            "slowest_page_s": round(max(took), 3) if took else None, "pages": len(took),
            "session_errors": len(errors), "job_slowdown": None if slowdown is None else round(slowdown, 3),
            "clients_share": round(share, 3)}


def leaks(settings: Settings, before: set[int]) -> int:
    """Processes of this run that are still there after everything was stopped."""
    launch.stop_workers(settings)
    until = time.monotonic() + 20
    left: list[psutil.Process] = []
    while time.monotonic() < until:
        left = [p for p in psutil.process_iter(["pid", "cmdline"]) if p.pid not in before
                and str(settings.home) in " ".join(p.info["cmdline"] or ())]
        if not left:
            break
        time.sleep(0.5)
    return len(left)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in (("replays", 10_000), ("sessions", 50), ("watching", 5), ("seconds", 600),
                        ("session-seconds", 60), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=value)
    options = parser.parse_args()
    before, begun = set(psutil.pids()), time.monotonic()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        with running(Path(folder).resolve() / "home") as app:
            soak = Soak(app, options.seed)
            result = replays(soak, options.replays, options.seconds)
            print(result, flush=True)
            result |= sessions(soak, options.sessions, options.watching, options.session_seconds)
            soak.case.close()
        result["leaks"] = leaks(soak.settings, before) + max(0, result["handles_grown"] - 8)
    print(json.dumps(result | {"elapsed_s": round(time.monotonic() - begun, 1)}))


if __name__ == "__main__":
    main()
