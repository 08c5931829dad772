"""Many people at once on a server with a login, while a search of one of them runs."""

from __future__ import annotations

import statistics
import threading
import time
from pathlib import Path
from typing import Any

import psutil

from explorer.cases.store import CaseStore
from explorer.jobs import launch
from explorer.jobs.flows import new_search_id
from explorer.jobs.queue import Queue
from explorer.jobs.tasks import RunSearch
from explorer.records import ReplaySettings
from explorer.settings import load_settings
from pages.shared.frame import ALONE, LIBRARY, PATH
from tests.benchmarks.logins import person, secrets_file, user_cookie
from tests.benchmarks.soak_client import Visit, show_faults
from tests.browser.app import running
from tests.pages.filled import picture, png_bytes

WATCHER = "watcher"
PAGES = ("", *PATH, *ALONE, *LIBRARY)


class Search:
    """One person's case with a long search at the usual settings of the bundled model."""

    def __init__(self, home: Path) -> None:
        self.settings = load_settings(home)
        self.queue = Queue(self.settings.database, person=person(WATCHER))
        self.case = CaseStore(self.settings.cases, person=person(WATCHER)).create("Watched")
        self.subject = self.case.add_subject(png_bytes(picture()), "ball.png")
        grid = ReplaySettings("a red ball", seeds=2000)  # more than the measurement takes
        self.job = self.queue.submit(RunSearch(self.case.id, self.subject.id, new_search_id(), grid))

    def rate(self, seconds: float) -> float:
        """Sampler steps of a whole batch that the running search makes a second."""
        marks, rounds, tended = [], 0, 0.0
        until = time.monotonic() + seconds
        while time.monotonic() < until or len(marks) < 3:
            if time.monotonic() - tended > 1.0:
                tended = time.monotonic()
                launch.tend(self.settings)
            now = self.queue.get(self.job).progress
            if now is not None and now.step:
                rounds += bool(marks and now.step < marks[-1][2])
                if not marks or now.step != marks[-1][2]:
                    marks.append((time.monotonic(), rounds * now.steps + now.step, now.step))
            time.sleep(0.05)
        (begun, first, _), (ended, last, _) = marks[0], marks[-1]
        return (last - first) / (ended - begun)


class Load:
    """Who had which share of all processors between its making and `end`: clients, server, worker, others."""

    def __init__(self, server: int, queue: Queue) -> None:
        worker = next(w.pid for w in queue.workers() if w.kind == "device")
        self._processes = (psutil.Process(), psutil.Process(server), psutil.Process(worker))
        self._first = self._now()

    def _now(self) -> list[float]:
        used = [sum(p.cpu_times()[:4]) for p in self._processes]  # with children that ended
        everything = psutil.cpu_times()
        return [*used, sum(everything) - everything.idle - everything.iowait, time.monotonic()]

    def end(self) -> None:
        spent = [b - a for a, b in zip(self._first, self._now(), strict=True)]
        whole = spent[-1] * psutil.cpu_count()
        self.clients, self.server, self.worker, busy = (s / whole for s in spent[:-1])
        self.others = max(0.0, busy - self.clients - self.server - self.worker)


def crowd(folder: Path, count: int, watching: int, *, seconds: float) -> dict[str, Any]:
    """Page times, errors, and how much slower the search is than alone (before and after, the mean of both)."""
    login, key = secrets_file(folder)
    with running(folder / "home", options=("--secrets.files", str(login))) as app:
        search = Search(app.home)
        search.rate(seconds / 6)  # the model is loaded, the first pages are imported
        visits = [_visit(app.url, key, n, watching, search) for n in range(count)]
        for page in PAGES:
            Visit(app.url, page, "", visits[-1].cookie).reload(1)
        before = search.rate(seconds / 2)
        stop, threads = threading.Event(), []
        for n, visit in enumerate(visits):
            threads.append(threading.Thread(target=visit.watch, args=(stop,), daemon=True,
                                            kwargs={"every_s": 10.0 if n < watching else 30.0}))
            threads[-1].start()
            time.sleep(0.2)
        load = Load(app.process.pid, search.queue)
        crowded = search.rate(seconds)
        load.end()
        stop.set()
        for thread in threads:
            thread.join(timeout=130)
        after = search.rate(seconds / 2)
        launch.cancel(search.settings, search.job, person=person(WATCHER))
        search.queue.wait(search.job, timeout_s=60)
        search.case.close()
    if any(v.errors for v in visits):
        show_faults(folder / "app.log")
    return _told(visits, alone=(before + after) / 2, crowded=crowded, load=load)


def _visit(url: str, key: str, number: int, watching: int, search: Search) -> Visit:
    """The first ones watch the search on the replay page; everybody else is on some page of their own."""
    signed = user_cookie(url, key, WATCHER if number < watching else f"person{number}")
    cookie = f"{signed['name']}={signed['value']}"
    if number < watching:
        return Visit(url, "replay", f"case={search.case.id}&subject={search.subject.id}", cookie)
    return Visit(url, PAGES[number % len(PAGES)], "", cookie)


def _told(visits: list[Visit], *, alone: float, crowded: float, load: Load) -> dict[str, Any]:
    took = [s for v in visits for s in v.seconds]
    errors = [e for v in visits for e in v.errors]
    for error in errors[:5]:
        print("session error:", error, flush=True)
    print("titles:", sorted({v.title for v in visits}), flush=True)
    return {"sessions": len(visits), "median_page_s": round(statistics.median(took), 3),
            "slowest_page_s": round(max(took), 3), "pages": len(took), "session_errors": len(errors),
            "alone_per_s": round(alone, 2), "crowded_per_s": round(crowded, 2),
            "job_slowdown": round(1 - crowded / (1 - load.clients) / alone, 3),
            "clients_share": round(load.clients, 3), "server_share": round(load.server, 3),
            "worker_share": round(load.worker, 3), "others_share": round(load.others, 3)}
