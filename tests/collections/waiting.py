"""How long a text search takes while a search over replays runs, over the real queue and both workers."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

from explorer.records import ReplaySettings

ASKED = ("a boat on the sea", "a red flower", "an old castle", "a cat asleep", "a man with a hat")
LONG_S = 900.0  # a worker's first start on a busy computer


def waiting(base: Path, searches: int) -> dict:
    """Seconds from asking for words to having works, median and worst of `searches`, and the run's state."""
    from explorer.cases.store import CaseStore
    from explorer.jobs import launch
    from explorer.jobs.queue import Queue
    from explorer.jobs.tasks import RunSearch
    from explorer.settings import WORLD, load_settings

    settings = load_settings(base / "home")
    case = CaseStore(settings.cases).create("Waiting")
    work = sorted((WORLD / "works").glob("*.webp"))[0]
    subject = case.add_subject(work.read_bytes(), work.name)
    queue = Queue(settings.database)
    try:
        run = launch.submit(settings, RunSearch(case.id, subject.id, "q", ReplaySettings("a drawing", seeds=5_000)))
        _ask(settings, ASKED[0])  # both workers have loaded what they need
        _until(lambda: case.count_replays(subject.id) > 0)
        before, took = case.count_replays(subject.id), []
        for number in range(searches):
            took.append(_ask(settings, ASKED[number % len(ASKED)]))
            time.sleep(0.25)  # somewhere else between two steps
        state, made = queue.get(run).state, case.count_replays(subject.id) - before
        launch.cancel(settings, run)
        return {"text_search_s": statistics.median(took), "text_search_worst_s": max(took),
                "text_searches": searches, "run_meanwhile": state, "replays_meanwhile": made}
    finally:
        launch.stop_workers(settings)
        queue.close()
        case.close()


def _ask(settings, text: str) -> float:
    """Seconds until a search for words has its works; looks after the workers meanwhile, as a screen does."""
    from explorer.jobs import launch
    from explorer.jobs.foreground import follow_jobs
    from explorer.jobs.tasks import EncodeText, SearchCollection

    begun = time.monotonic()
    words = launch.submit(settings, EncodeText(text))
    found = launch.submit(settings, SearchCollection("world"), after=words)
    job = follow_jobs(settings, (words, found), poll_s=0.01)[-1]
    if not job.result["neighbours"]:
        raise AssertionError("the text search found nothing")
    return time.monotonic() - begun


def _until(test) -> None:
    end = time.monotonic() + LONG_S
    while not test():
        if time.monotonic() > end:
            raise AssertionError("the search over replays made nothing")
        time.sleep(0.1)
