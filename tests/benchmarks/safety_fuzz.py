"""Hostile inputs through the doors, in a process as the screens are one; its parent counts how it fares.

Run as a program this is that process: it takes inputs by number and prints one JSON line for each.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.benchmarks.safety_doors import KINDS, Doors  # noqa: E402

HANG_S = 10.0  # of processor time, so that a busy machine makes no hang; a minute of silence is one too
SANDBOX_MB, SCREEN_MB = 1536, 1024


def watch_writes(work: Path) -> list[str]:
    """From now on, every path outside `work` that this process opens for writing, makes, renames or removes."""
    escaped: list[str] = []
    allowed = (str(work) + os.sep, "/dev/null", "/dev/shm/", "/proc/self/")

    def watch(event: str, given: tuple) -> None:
        path, writes = "", False
        if event == "open":
            path, writes = given[0], bool(given[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
        elif event in ("os.rename", "os.link", "os.symlink"):
            path, writes = given[1], True
        elif event in ("os.mkdir", "os.remove", "os.rmdir", "os.truncate", "os.chmod"):
            path, writes = given[0], given[-1] == -1  # else relative to an open folder: shutil's own way
        if writes and isinstance(path, (str, bytes, os.PathLike)):
            full = os.path.realpath(os.fsdecode(path))
            if full != str(work) and not full.startswith(allowed):
                escaped.append(full)

    sys.addaudithook(watch)
    return escaped


def screen(first: int, last: int, work: Path, *, kinds: Sequence[str], doors: Any) -> None:
    """The process: takes inputs `first` up to before `last` to the doors, says how each went."""
    told = os.fdopen(os.dup(1), "w")  # what libraries print must not pass for an answer
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    doors.warm()
    peak = _peak_reset()
    escaped = watch_writes(work)
    print(json.dumps({"ready": True}), file=told, flush=True)
    for number in range(first, last):
        begun, spent, fault = time.monotonic(), _spent_s(), ""
        peak()
        try:
            how, words = doors.run(number)
        except Exception as error:
            how, words, fault = "crash", "", f"{type(error).__name__}: {error}"[:300]
        print(json.dumps({
            "n": number, "kind": kinds[number % len(kinds)], "how": how, "words": words[:400], "fault": fault,
            "escaped": escaped, "s": round(time.monotonic() - begun, 3), "mb": peak_mb("self"),
            "busy_s": round(max(0.0, _spent_s() - spent), 3), "sandbox_mb": _sandbox_mb()}), file=told, flush=True)
        escaped.clear()


def _peak_reset() -> Callable[[], None]:
    """A way to count this process's most memory anew, where the platform has one."""
    try:
        refs = os.open("/proc/self/clear_refs", os.O_WRONLY)
    except OSError:
        return lambda: None
    return lambda: (os.write(refs, b"5"), None)[1]


def _spent_s() -> float:
    """Processor seconds so far of this process, its sandboxes, and the children that ended."""
    from explorer.images.sandbox import _used
    return sum(os.times()[:4]) + sum(_used(pid)[1] for pid in _sandboxes())


def _sandboxes() -> list[int]:
    """The processes that read foreign files for this one."""
    from explorer.images import sandbox
    return [box._child.pid for box in sandbox._shared.values() if box._child is not None]


def peak_mb(pid: int | str) -> float:
    """The most resident memory that a process has had."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/status") as lines:
        return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)
    return 0.0


def _sandbox_mb() -> float:
    return max(map(peak_mb, _sandboxes()), default=0.0)


class Tally:
    """What the parent counts. A screen process that ends before its time is a crash of its last input.

    With a `file` it goes on from what an earlier part counted, and is written there now and then.
    """

    def __init__(self, file: Path | None = None) -> None:
        self.next = 0
        self.inputs = self.crashes = self.hangs = self.over_memory = self.escaped = self.unclear = 0
        self.shown, self.refused, self.slowest_s, self.busiest_s, self.faults = 0, 0, 0.0, 0.0, []
        self.most_mb = {"screen": 0.0, "sandbox": 0.0}
        if file is not None and file.exists():
            vars(self).update(json.loads(file.read_text("utf-8")))

    def save(self, file: Path | None) -> None:
        if file is not None:
            file.with_suffix(".new").write_text(json.dumps(vars(self)), "utf-8")
            file.with_suffix(".new").replace(file)

    def lose(self, kind: str, *, hung: bool) -> None:
        """Counts the input at which the screen process fell silent or died."""
        self.hangs, self.crashes = self.hangs + hung, self.crashes + (not hung)
        self.note({"n": self.next, "kind": kind, "fault": "hung" if hung else "died"})
        self.inputs, self.next = self.inputs + 1, self.next + 1

    def take(self, line: dict[str, Any]) -> None:
        self.inputs, self.next = self.inputs + 1, line["n"] + 1
        self.crashes += line["how"] == "crash"
        self.hangs += line["busy_s"] > HANG_S
        self.over_memory += line["mb"] > SCREEN_MB or line["sandbox_mb"] > SANDBOX_MB
        self.escaped += len(line["escaped"])
        self.shown += line["how"] == "shown"
        self.refused += line["how"] == "refused"
        if line["how"] == "refused" and not _clear(line["words"]):
            self.unclear += 1
            print("unclear:", repr(line["words"]), flush=True)
        self.slowest_s, self.busiest_s = max(self.slowest_s, line["s"]), max(self.busiest_s, line["busy_s"])
        self.most_mb = {"screen": max(self.most_mb["screen"], line["mb"]),
                        "sandbox": max(self.most_mb["sandbox"], line["sandbox_mb"])}
        bad = line["how"] in ("crash", "shown") or line["escaped"]
        if bad or line["busy_s"] > HANG_S or line["mb"] > SCREEN_MB:
            self.note({k: line[k] for k in ("n", "kind", "fault", "escaped", "s", "busy_s", "mb")})

    def note(self, fault: dict[str, Any]) -> None:
        self.faults.append(fault)
        print("fault:", json.dumps(fault), flush=True)


def _clear(words: str) -> bool:
    """Whether a refusal is a sentence for a person: some words, a full stop, nothing of the machine's."""
    return len(words) > 15 and "Traceback" not in words and words.isprintable() and (
        words.rstrip().endswith((".", "…")) or len(words) >= 400)


def fuzz(count: int, folder: Path, *, seed: int, seconds: float, keep: Path | None = None) -> Tally:
    """Puts up to `count` inputs through the doors, stopping early after `seconds`; goes on from `keep`."""
    return in_processes("tests.benchmarks.safety_fuzz", count, folder, seed=seed, seconds=seconds, keep=keep)


def in_processes(program: str, count: int, folder: Path, *, seed: int, seconds: float, keep: Path | None) -> Tally:
    """`count` inputs through a program that takes them by number, started anew wherever one ends it."""
    tally, until = Tally(keep), time.monotonic() + seconds
    work = folder / "outer" / "work"
    while tally.next < count and time.monotonic() < until:
        command = ["-m", program, str(tally.next), str(count), str(work), str(seed)]
        _one_process(tally, count, command, work=work, until=until, keep=keep)
        tally.save(keep)
    tally.escaped += len([p for p in work.parent.rglob("*") if p.is_file() and work not in p.parents])
    return tally


def guided(count: int, folder: Path, *, seed: int, seconds: float, keep: Path | None = None) -> Tally:
    """`count` inputs by atheris, a third for each parser; stops early after `seconds`, goes on from `keep`."""
    from tests.benchmarks.safety_atheris import TARGETS
    tally, until, work = Tally(keep), time.monotonic() + seconds, folder / "guided" / "work"
    while tally.next < count and time.monotonic() < until:
        at = tally.next * len(TARGETS) // count
        last = -(-count * (at + 1) // len(TARGETS))
        command = ["-m", "tests.benchmarks.safety_atheris", TARGETS[at], str(tally.next), str(last), str(work),
                   str(seed)]
        _one_process(tally, last, command, work=work, until=until, keep=keep)
        tally.save(keep)
    tally.escaped += len([p for p in work.parent.rglob("*") if p.is_file() and work not in p.parents])
    return tally


def _one_process(tally: Tally, last: int, command: list[str], *, work: Path, until: float,
                 keep: Path | None) -> None:
    """Runs one parsing process until it ends, hangs or time is up; `tally.next` is then the next input."""
    (work / "tmp").mkdir(parents=True, exist_ok=True)
    child = subprocess.Popen(
        [sys.executable, *command], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        env={**os.environ, "TMPDIR": str(work / "tmp"), "HOME": str(work),
             "HYPOTHESIS_STORAGE_DIRECTORY": str(work / "tmp"), "OMP_NUM_THREADS": "1"})
    lines: queue.Queue = queue.Queue()
    threading.Thread(target=lambda: [*map(lines.put, child.stdout), lines.put("")], daemon=True).start()
    ready = False
    try:
        for line in _lines(lines, 120.0, lambda: 60.0):
            if not line:
                if not ready:
                    raise RuntimeError(f"{command[1]} did not start")
                tally.lose(command[1], hung=line is None)
                return
            if ready:
                tally.take(json.loads(line))
                if tally.next % 200 == 0:
                    tally.save(keep)
                    print(f"{tally.next} of {last}: {tally.crashes} crashes, {tally.hangs} hangs", flush=True)
            ready = True
            if time.monotonic() > until or tally.next >= last:
                return
    finally:
        child.kill()
        child.wait()


def _lines(lines: queue.Queue, first_s: float, later_s: Callable[[], float]) -> Iterator[str | None]:
    """Lines as they come; "" when the process has ended, None when it says nothing for too long."""
    wait = first_s
    while True:
        try:
            yield lines.get(timeout=wait)
        except queue.Empty:
            yield None
        wait = later_s()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("first", type=int)
    parser.add_argument("last", type=int)
    parser.add_argument("work", type=Path)
    parser.add_argument("seed", type=int)
    given = parser.parse_args()
    screen(given.first, given.last, given.work.resolve(), kinds=KINDS,
           doors=Doors(given.work.resolve(), given.seed))
