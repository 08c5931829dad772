"""`kill -9` at random moments over a process that commits, one that exports, and a worker."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

from explorer.cases.case import Case
from explorer.cases.export import export_case
from explorer.cases.store import CaseStore
from explorer.cases.verify import verify_package
from explorer.jobs import launch, process
from explorer.jobs.queue import Queue
from explorer.settings import load_settings
from tests.benchmarks.faults_check import Losses, commit, fill
from tests.worker.plain_tasks import Count

A_CASE = 10  # kills a case, so that judging one stays quick
LONGEST_S = 0.25


def writers(count: int, folder: Path, dice: random.Random, losses: Losses) -> None:
    """Processes that commit replays one by one and say so after each."""
    store, case_id, said, first = CaseStore(folder), "", set(), 0
    for number in range(count):
        if number % A_CASE == 0:
            case_id, said = _new(store), set()
        first += 1000

        def work(tell: Callable[[int], None], case_id: str = case_id, first: int = first) -> None:
            case = Case(folder / case_id)
            for seed in range(first, first + 1000):
                commit(case, seed)
                tell(seed)
        said |= _killed(work, dice.uniform(0, LONGEST_S))
        said |= losses.judge(folder / case_id, said)


def exports(count: int, folder: Path, dice: random.Random, losses: Losses) -> None:
    """Processes that export a case: the package is whole or not there, and the case goes on."""
    case = fill(CaseStore(folder), replays=8)
    case.close()
    took = _duration(case.folder, folder / "first.zip")
    said = set(range(8))
    for number in range(count):
        target = folder / f"{number}.zip"

        def work(_: Callable[[int], None], target: Path = target) -> None:
            export_case(Case(case.folder), target)
        _killed(work, dice.uniform(0, 1.2 * took))
        losses.judge(case.folder, said)
        if target.exists() and verify_package(target).state != "consistent":
            losses.unopenable += 1


def workers(count: int, folder: Path, dice: random.Random, losses: Losses) -> None:
    """Real worker processes in the middle of a long task, resumed after each kill."""
    settings = load_settings(folder)
    queue, case_id, job = Queue(settings.database), "", ""
    for number in range(count):
        if number % A_CASE == 0:
            case_id, job = _new(CaseStore(settings.cases)), ""
        if job and queue.get(job).resumable:
            queue.resume(job)
        else:
            job = queue.submit(Count(case_id, n=100_000, pause_s=0.002))
        case = CaseStore(settings.cases).open(case_id)
        before = case.count_replays("s")
        while not queue.workers():
            launch.ensure_workers(settings, kinds=("desk",), also="tests.worker.plain_tasks")
            time.sleep(0.05)
        until = time.monotonic() + 20
        while case.count_replays("s") <= before and time.monotonic() < until:
            time.sleep(0.005)
        time.sleep(dice.uniform(0, LONGEST_S))
        said = {r.recipe.seed for r in case.replays("s", order_by="time", limit=-1)}
        for worker in queue.workers():
            os.kill(worker.pid, signal.SIGKILL)
            while process.is_alive(worker.pid, worker.born_s):
                time.sleep(0.01)
        case.close()
        queue.sweep()
        losses.judge(settings.cases / case_id, said)
    launch.stop_workers(settings)
    queue.close()


def _new(store: CaseStore) -> str:
    case = store.create("A case")
    case.close()
    return case.id


def _duration(case: Path, target: Path) -> float:
    begun = time.monotonic()
    _killed(lambda _: export_case(Case(case), target), 60.0)
    return time.monotonic() - begun


def _killed(work: Callable[[Callable[[int], None]], None], after_s: float) -> set[int]:
    """Runs `work` in a forked process and kills it after that long; returns the numbers that it told."""
    out, into = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(out)
        try:
            work(lambda number: os.write(into, b"%d\n" % number) and None)
        finally:
            os._exit(0)
    os.close(into)
    until = time.monotonic() + after_s
    while time.monotonic() < until and os.waitpid(child, os.WNOHANG)[0] == 0:
        time.sleep(min(0.002, max(0.0, until - time.monotonic())))
    try:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    except (ProcessLookupError, ChildProcessError):  # it had ended by itself
        pass
    with os.fdopen(out, "rb") as lines:
        return {int(line) for line in lines.read().split(b"\n")[:-1]}
