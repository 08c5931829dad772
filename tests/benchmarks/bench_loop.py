"""How long a person waits for each answer after a picture was put in: cold (no worker runs) and warm.

    python -m tests.benchmarks.bench_loop [--rounds 3] [--store]
    python -m tests.benchmarks.bench_loop --stored

A picture of the bundled world's held-out works is put into a case on a fresh workspace, as the app does it, and
the whole loop is put on the queue. Seconds run from before the picture is added until the first record of a kind
is in the case: neighbours, words, a replay (of the search that follows the test; `first_try_s` is the first replay
of the test itself), the verdict, whether the model knows the picture. Cold includes starting the workers and
loading everything; warm is the next picture. Medians over the rounds; `busy` is the machine's load beside the run.
The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from explorer.cases.case import Case
from explorer.cases.store import CaseStore
from explorer.familiarity.records import FamiliarityTest
from explorer.findings.finding import Finding, Measured
from explorer.jobs import flows, launch
from explorer.jobs.queue import Queue
from explorer.records import ReplaySettings
from explorer.records.policy import Policy
from explorer.settings import Settings
from explorer.world.files import World, open_world
from explorer.world.manifest import read_manifest
from tests.benchmarks.stored import store, stored

NAME = "bench_loop"
LOOK_S = 0.02
PATIENCE_S = 900.0
SEEDS = 4  # of the search after the test: the first of them is what is waited for


def waited(settings: Settings, queue: Queue, case: Case, name: str, picture: bytes) -> dict[str, float]:
    """Seconds until each answer on one picture."""
    began = time.perf_counter()
    subject = case.add_subject(picture, name)
    flow = flows.investigate(queue, case.id, subject.id, settings=ReplaySettings("", seeds=SEEDS), policy=Policy())
    launch.ensure_workers(settings)
    told: dict[str, Callable[[], Any]] = {
        "first_neighbours_s": lambda: case.neighbours(subject.id, limit=1),
        "first_words_s": lambda: case.prompts(subject.id),
        "first_try_s": lambda: case.count_replays(subject.id),
        "verdict_s": lambda: case.records(Measured, subject_id=subject.id) and case.records(
            Finding, subject_id=subject.id),
        "familiar_s": lambda: case.records(FamiliarityTest, subject_id=subject.id),
        "first_replay_s": lambda: case.count_replays(subject.id, search_id=flow.search_id)}
    found: dict[str, float] = {}
    while len(found) < len(told) and time.perf_counter() - began < PATIENCE_S:
        for key in [k for k in told if k not in found]:
            if told[key]():
                found[key] = time.perf_counter() - began
        launch.tend(settings)
        time.sleep(LOOK_S)
    while any(queue.get(job).state in ("queued", "running") for job in flow.jobs):
        time.sleep(LOOK_S)
    return found


def one_round(world: World, rows: list[dict]) -> tuple[dict[str, float], dict[str, float]]:
    """(cold, warm) of two pictures on a fresh workspace; its workers are ended afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder))
        case = CaseStore(settings.cases, actor="benchmark").create("loop")
        with Queue(settings.database) as queue:
            try:
                cold, warm = (waited(settings, queue, case, row["id"], (world.root / row["image"]).read_bytes())
                              for row in rows)
                return cold, warm
            finally:
                launch.stop_workers(settings)


def measure(rounds: int) -> dict[str, Any]:
    """The medians over the rounds."""
    world = open_world()
    rows = sorted((r for r in read_manifest(world) if r["split"] == "test"), key=lambda r: r["sha256"])
    pairs = [one_round(world, rows[2 * n:2 * n + 2]) for n in range(rounds)]
    result: dict[str, Any] = {"rounds": rounds, "busy": round(os.getloadavg()[0], 1)}
    for key in pairs[0][0]:
        result[key] = {state: round(statistics.median(pair[n][key] for pair in pairs), 2)
                       for n, state in enumerate(("cold", "warm"))}
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--store", action="store_true")
    parser.add_argument("--stored", action="store_true")
    given = parser.parse_args()
    if given.stored:
        print(stored(NAME))
        return
    result = measure(given.rounds)
    if given.store:
        store(NAME, result)
    print(json.dumps(result, sort_keys=True))


if __name__ == "__main__":
    main()
