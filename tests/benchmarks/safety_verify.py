"""Honest packages checked while this computer lacks something: none may be called changed.

Memory runs out at any line of the checking, reading or opening fails at any call, SQLite gets too little
memory, and whole processes get too little of everything.
"""

from __future__ import annotations

import builtins
import contextlib
import errno
import io
import json
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from explorer.cases.export import export_case
from explorer.cases.store import CaseStore
from explorer.cases.verify import PackageReport, verify_package
from tests.benchmarks.faults_check import fill

ROOT = Path(__file__).resolve().parents[2]
ERRNOS = (errno.EIO, errno.ENOSPC, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EACCES, errno.EDQUOT)
TRACED = ("explorer/cases/", "explorer/records", "zipfile", "json/")
CHILD = """
import resource, sqlite3, sys
from pathlib import Path
from explorer.cases import verify
import explorer.cases.seals, explorer.texts, rfc3161_client
explorer.texts.catalogue()
what, value, path = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
if what == "RLIMIT_AS":
    with open("/proc/self/statm") as file:
        value += int(file.read().split()[0]) * resource.getpagesize()
if what == "SQLITE":
    keep = sqlite3.connect(":memory:")
    keep.execute(f"PRAGMA hard_heap_limit={value}")
else:
    resource.setrlimit(getattr(resource, what), (value, resource.getrlimit(getattr(resource, what))[1]))
report = verify.verify_package(path)
print(report.state, report.sentence)
"""


def honest(folder: Path, *, replays: int = 6) -> Path:
    """A package of a small case, sound in every part."""
    case = fill(CaseStore(folder / "cases"), replays=replays)
    target = folder / "honest.zip"
    export_case(case, target, reports={"report.html": b"<p>report</p>" * 5000})
    case.close()
    assert verify_package(target).state == "consistent"
    return target


def short_of_memory(package: Path, dice: random.Random) -> PackageReport:
    """MemoryError at one of the lines that a check runs through."""
    at = dice.randrange(_lines(package))
    with _traced(at):
        return verify_package(package)


def unreadable(package: Path, dice: random.Random) -> PackageReport:
    """OSError at one of the times that a file is opened or read."""
    calls = _Calls(-1, errno.EIO)
    with calls.patched():
        verify_package(package)
    with _Calls(dice.randrange(calls.seen), dice.choice(ERRNOS)).patched():
        return verify_package(package)


WAYS: tuple[Callable[[Path, random.Random], PackageReport], ...] = (short_of_memory, unreadable)


def attack(count: int, folder: Path, *, seed: int = 1) -> dict[str, Any]:
    """`count` faults while honest packages are checked, every eighth a whole process; what they were called."""
    folder.mkdir(parents=True, exist_ok=True)
    package, dice, states = honest(folder), random.Random(seed), Counter()
    for number in range(count):
        if number % 8 == 7:
            states[_in_a_process(package, number // 8)] += 1
            continue
        try:
            states[WAYS[number % len(WAYS)](package, dice).state] += 1
        except Exception as error:
            states["raised"] += 1
            print(f"raised: {type(error).__name__}: {error}"[:300], flush=True)
    print("verify under faults:", dict(states), flush=True)
    return {"verify_faults": states.total(), "verify_told": states["uncheckable"],
            "honest_called_changed": states["changed"], "verify_raised": states["raised"] + states["ended"]}


def _in_a_process(package: Path, number: int) -> str:
    """The state by a process with little address space, few open files, no space to write, or a small SQLite."""
    if sys.platform != "linux":
        return "not tried"
    value = 2**15 * (1 + number % 40)
    what, value = (("RLIMIT_AS", 4 * value), ("RLIMIT_NOFILE", 3 + number % 3), ("RLIMIT_FSIZE", 0),
                   ("SQLITE", value))[number % 4]
    surroundings = {**os.environ, "TMPDIR": "/nowhere", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", CHILD, what, str(value), str(package)], cwd=ROOT, env=surroundings,
                          capture_output=True, text=True, timeout=120)
    if done.returncode:
        print("process ended:", what, value, done.stderr[-300:], flush=True)
    return "ended" if done.returncode else done.stdout.split(" ")[0]


class _Calls:
    """Counts openings and readings of files; the call of number `at` fails."""

    def __init__(self, at: int, number: int) -> None:
        self.at, self.number, self.seen, self._open = at, number, 0, builtins.open

    def count(self) -> None:
        self.seen += 1
        if self.seen - 1 == self.at:
            raise OSError(self.number, os.strerror(self.number))

    def open(self, file: Any, mode: str = "r", *rest: Any, **more: Any) -> Any:
        if mode != "rb":
            return self._open(file, mode, *rest, **more)
        self.count()
        calls = self

        class Read(io.FileIO):
            def readinto(self, buffer: Any) -> int:
                calls.count()
                return super().readinto(buffer)

            def readall(self) -> bytes:
                calls.count()
                return super().readall()
        return io.BufferedReader(Read(file), 512)

    @contextlib.contextmanager
    def patched(self) -> Iterator[None]:
        with mock.patch.object(builtins, "open", self.open), mock.patch.object(io, "open", self.open):
            yield


@contextlib.contextmanager
def _traced(at: int, seen: list[int] | None = None) -> Iterator[None]:
    """Memory runs out at the traced line of number `at`; `seen` counts the lines."""
    counted = seen if seen is not None else [0]

    def line(frame: Any, event: str, given: Any) -> Any:
        if event == "line":
            counted[0] += 1
            if counted[0] - 1 == at:
                raise MemoryError
        return line

    def call(frame: Any, event: str, given: Any) -> Any:
        name = frame.f_code.co_filename
        return line if any(part in name for part in TRACED) and frame.f_code.co_name != "own_fault" else None
    before = sys.gettrace()
    sys.settrace(call)
    try:
        yield
    finally:
        sys.settrace(before)


_counted: dict[str, int] = {}


def _lines(package: Path) -> int:
    key = str(package)
    if key not in _counted:
        seen = [0]
        with _traced(-1, seen):
            verify_package(package)
        _counted[key] = seen[0]
    return _counted[key]


if __name__ == "__main__":
    import tempfile
    with tempfile.TemporaryDirectory() as home:
        print(json.dumps(attack(int(sys.argv[1]) if len(sys.argv) > 1 else 200, Path(home))))
