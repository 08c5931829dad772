"""Hostile inputs through the doors, in a process as the screens are one; its parent counts how it fares.

Run as a program this is that process: it takes inputs by number and prints one JSON line for each.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import queue
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from explorer.errors import ExplorerError  # noqa: E402

KINDS = (*["image"] * 9, *["metadata"] * 5, *["recipe"] * 4, *["package"] * 2, "manifest", "index",
         *["json"] * 2)  # input n is of kind n modulo 24
HANG_S = 10.0  # of processor time, so that a busy machine makes no hang; a minute of silence is one too
SANDBOX_MB, SCREEN_MB = 1536, 1024


class Doors:
    """Every door that a hostile file comes through, with a workspace of its own to work in."""

    def __init__(self, work: Path, seed: int) -> None:
        from tests.benchmarks.faults_check import fill
        from tests.collections.conftest import unit_rows, write_folder
        self.work, self.seed = work, seed
        from explorer.cases.export import export_case
        from explorer.cases.store import CaseStore
        case = fill(CaseStore(work / f"cases-{os.getpid()}"), replays=2)
        self.package = work / f"good-{os.getpid()}.zip"
        export_case(case, self.package)
        case.close()
        folder = write_folder(work / f"index-{os.getpid()}", unit_rows(20, 8), parts=1)
        self.index = {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
        self.scratch = work / f"scratch-{os.getpid()}"
        self.scratch.mkdir()

    def run(self, number: int) -> tuple[str, str]:
        """("taken" or "refused", the sentence); anything else that is raised is a crash."""
        dice = random.Random(f"{self.seed}:{number}")
        try:
            return "taken", getattr(self, "_" + KINDS[number % len(KINDS)])(dice) or ""
        except ExplorerError as error:
            return "refused", str(error)

    def _image(self, dice: random.Random) -> None:
        from explorer.images.door import open_image
        from tests.benchmarks.safety_inputs import HOSTILE_NAMES, image
        open_image(image(dice), name=dice.choice(HOSTILE_NAMES))

    def _metadata(self, dice: random.Random) -> None:
        from explorer.images.imported import recipe_from
        from explorer.images.metadata import read_metadata
        from tests.benchmarks.safety_inputs import image, metadata
        from tests.cases.made import make_recipe
        found = read_metadata(metadata(dice) if dice.random() < 0.8 else image(dice))
        for generation in found.generation:
            with contextlib.suppress(ExplorerError):
                recipe_from(generation, make_recipe().model)

    def _recipe(self, dice: random.Random) -> None:
        from explorer.cases.recipes_text import png_with_recipe, recipe_from_json, recipe_from_png
        from explorer.images.door import png_bytes
        from tests.benchmarks.safety_inputs import mutated, np, recipe_text
        from tests.cases.made import make_recipe
        if dice.random() < 0.7:
            recipe_from_json(recipe_text(dice))
        else:
            recipe_from_png(mutated(png_with_recipe(png_bytes(np.zeros((4, 4, 3), np.uint8)), make_recipe()), dice))

    def _take_in(self, data: bytes) -> None:
        from explorer.cases.importing import import_package
        from explorer.cases.store import CaseStore
        target = self.scratch / "case.zip"
        target.write_bytes(data)
        store = CaseStore(self.scratch / "cases")
        try:
            case = import_package(store, target)
            case.close()
            store.delete(case.id)
        finally:
            target.unlink(missing_ok=True)

    def _package(self, dice: random.Random) -> None:
        from tests.benchmarks.safety_inputs import package
        self._take_in(package(dice, self.package.read_bytes()))

    def _manifest(self, dice: random.Random) -> None:
        """A package whose ZIP and bag are sound and one of whose files is not."""
        from tests.benchmarks.safety_inputs import mutated
        from tests.cases.made import rebuild

        def forge(files: dict[str, bytes]) -> None:
            names = [n for n in sorted(files) if not n.startswith("data/blobs/")]
            name = dice.choice(names)
            files[name] = dice.choice((mutated(files[name], dice), b"[" * 50_000, b"", files[name] * 2))
        self._take_in(rebuild(self.package, self.scratch / "forged.zip", forge_files=forge).read_bytes())

    def _index(self, dice: random.Random) -> None:
        import shutil

        from explorer.collections.open import open_collection
        from tests.benchmarks.safety_inputs import index_files, np
        folder = self.scratch / "index"
        shutil.rmtree(folder, ignore_errors=True)
        for name, data in index_files(dice, self.index).items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
        found = open_collection(str(folder), cache=self.scratch / "cache")
        found.search(np.ones(found.dim, np.float32), 5)

    def _json(self, dice: random.Random) -> None:
        """What Hypothesis thinks of: any JSON as recipe, as task and as metadata's generation."""
        import hypothesis
        from hypothesis import strategies as st

        from explorer.cases.recipes_text import recipe_from_json
        from explorer.records import Recipe
        from tests.benchmarks.safety_inputs import json as text
        leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
        fields = st.sampled_from(sorted(Recipe.__dataclass_fields__)) | st.text(max_size=8)
        anything = st.recursive(leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
            fields, inner, max_size=6), max_leaves=12)

        @hypothesis.settings(max_examples=3, database=None, deadline=None,
                             suppress_health_check=list(hypothesis.HealthCheck))
        @hypothesis.seed(dice.randrange(2**32))
        @hypothesis.given(anything)
        def through(value: Any) -> None:
            with contextlib.suppress(ExplorerError):
                recipe_from_json(text.dumps(value))
        through()



def screen(first: int, last: int, step: int, work: Path, seed: int) -> None:
    """The process: takes inputs `first`, `first + step`, ... below `last`, says how each went."""
    escaped: list[str] = []
    allowed = str(work)

    def watch(event: str, given: tuple) -> None:
        """Notes every path outside the workspace that this process opens for writing, makes or renames."""
        path, writes = "", False
        if event == "open":
            path, writes = given[0], bool(given[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
        elif event in ("os.rename", "os.link", "os.symlink"):
            path, writes = given[1], True
        elif event in ("os.mkdir", "os.remove", "os.rmdir", "os.truncate", "os.chmod"):
            path, writes = given[0], given[-1] == -1  # else relative to an open folder: shutil's own way
        if writes and isinstance(path, (str, bytes, os.PathLike)):
            full = os.path.realpath(os.fsdecode(path))
            if not full.startswith((allowed, "/dev/null", "/dev/shm", "/proc/self")):
                escaped.append(full)

    doors = Doors(work, seed)
    for kind in sorted(set(KINDS)):  # imports and their caches come before the watch
        with contextlib.suppress(Exception):
            doors.run(KINDS.index(kind))
    sys.addaudithook(watch)
    print(json.dumps({"ready": True}), flush=True)
    for number in range(first, last, step):
        begun, spent, fault = time.monotonic(), _spent_s(), ""
        try:
            how, words = doors.run(number)
        except Exception as error:
            how, words, fault = "crash", "", f"{type(error).__name__}: {error}"[:300]
        print(json.dumps({"n": number, "how": how, "words": words[:400], "fault": fault, "escaped": escaped,
                          "s": round(time.monotonic() - begun, 3),
                          "busy_s": round(max(0.0, _spent_s() - spent), 3), "mb": _peak_mb("self"),
                          "sandbox_mb": _sandbox_mb()}), flush=True)
        escaped.clear()


def _spent_s() -> float:
    """Processor seconds so far of this process, its decoder, and the children that ended."""
    from explorer.images.sandbox import _used, shared_sandbox
    child, times = shared_sandbox()._child, os.times()
    return sum(times[:4]) + (_used(child.pid)[1] if child is not None else 0.0)


def _peak_mb(pid: int | str) -> float:
    """The most resident memory that a process has had."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/status") as lines:
        return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)
    return 0.0


def _sandbox_mb() -> float:
    from explorer.images.sandbox import shared_sandbox
    child = shared_sandbox()._child
    return _peak_mb(child.pid) if child is not None else 0.0


class Tally:
    """What the parent counts. A screen process that ends before its time is a crash of its last input."""

    def __init__(self) -> None:
        self.inputs = self.crashes = self.hangs = self.over_memory = self.escaped = self.unclear = 0
        self.refused, self.slowest_s, self.busiest_s, self.faults = 0, 0.0, 0.0, []
        self.most_mb = {"screen": 0.0, "sandbox": 0.0}

    def take(self, line: dict[str, Any]) -> None:
        self.inputs += 1
        self.crashes += line["how"] == "crash"
        self.hangs += line["busy_s"] > HANG_S
        self.over_memory += line["mb"] > SCREEN_MB or line["sandbox_mb"] > SANDBOX_MB
        self.escaped += len(line["escaped"])
        self.refused += line["how"] == "refused"
        if line["how"] == "refused" and not _clear(line["words"]):
            self.unclear += 1
            print("unclear:", repr(line["words"]), flush=True)
        self.slowest_s, self.busiest_s = max(self.slowest_s, line["s"]), max(self.busiest_s, line["busy_s"])
        self.most_mb = {"screen": max(self.most_mb["screen"], line["mb"]),
                        "sandbox": max(self.most_mb["sandbox"], line["sandbox_mb"])}
        if line["how"] == "crash" or line["escaped"] or line["busy_s"] > HANG_S:
            kind = KINDS[line["n"] % len(KINDS)]
            self.note({"kind": kind} | {k: line[k] for k in ("n", "fault", "escaped", "s", "busy_s")})

    def note(self, fault: dict[str, Any]) -> None:
        self.faults.append(fault)
        print("fault:", json.dumps(fault), flush=True)


def _clear(words: str) -> bool:
    """Whether a refusal is a sentence for a person: some words, a full stop, nothing of the machine's."""
    return len(words) > 15 and "Traceback" not in words and words.isprintable() and (
        words.rstrip().endswith((".", "…")) or len(words) >= 400)


def fuzz(count: int, folder: Path, *, seed: int, seconds: float) -> Tally:
    """Puts up to `count` inputs through the doors, stopping early after `seconds`."""
    tally, first, until = Tally(), 0, time.monotonic() + seconds
    work = folder / "outer" / "work"
    while first < count and time.monotonic() < until:
        first = _one_process(tally, first, count, work, seed, until)
    outside = [p for p in folder.rglob("*") if p.is_file() and work not in p.parents]
    tally.escaped += len(outside)
    return tally


def _one_process(tally: Tally, first: int, last: int, work: Path, seed: int, until: float) -> int:
    """Runs one screen process until it ends, hangs or time is up; returns the next input."""
    (work / "tmp").mkdir(parents=True, exist_ok=True)
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.safety_fuzz", str(first), str(last), str(work), str(seed)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        env={**os.environ, "TMPDIR": str(work / "tmp"), "HOME": str(work),
             "HYPOTHESIS_STORAGE_DIRECTORY": str(work / "tmp"), "OMP_NUM_THREADS": "1"})
    lines: queue.Queue = queue.Queue()
    threading.Thread(target=lambda: [*map(lines.put, child.stdout), lines.put("")], daemon=True).start()
    ready = False
    try:
        for line in _lines(lines, 120.0, lambda: 60.0):
            if line is None or line == "":
                if not ready:
                    raise RuntimeError("the screen process did not start")
                tally.inputs += 1
                tally.hangs, tally.crashes = tally.hangs + (line is None), tally.crashes + (line == "")
                how = "hung" if line is None else "died"
                tally.note({"n": first, "kind": KINDS[first % len(KINDS)], "fault": how})
                return first + 1
            found = json.loads(line)
            if "n" in found:
                tally.take(found)
                first = found["n"] + 1
                if found["n"] % 500 == 499:
                    print(f"{found['n'] + 1} inputs, {tally.crashes} crashes, {tally.hangs} hangs", flush=True)
            ready = True
            if time.monotonic() > until or first >= last:
                return first
        return first
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
    screen(given.first, given.last, 1, given.work.resolve(), given.seed)
