"""Collections at size: search, near copies, building, and a text search while replays are made.

--small is a quick look (20,000 works); the full size takes some 8 GB of memory and 4 GB of disk. Every part
runs in a process of its own, so that memory is counted cleanly and torch never meets faiss; parts for which
--minutes or the disk leave no room are named in `left_out`. With a --folder that is kept, --only runs some parts
and the last line joins their figures to those measured there before; `measured` says when. It is JSON.

`overhead_over_faiss` is the share by which our whole search (the query's length, the faiss call, the order by the
stored embeddings, names and sources, percentiles) takes longer than the bare faiss call on the same open index for
as many candidates: medians over the same queries, one after the other in one process, each of the two first in
every second round, the first round left out; `overhead_cpu` is the same in processor time. `faiss_10_ms` is the
bare call for ten works only. `speedup_over_exact` is against faiss's flat index in memory, and
`speedup_over_clip_retrieval` against the `query` of clip-retrieval's own KnnService, in its process and without
the web server around it, on the same folder with the same columns. Both, and `dup_growth`, are ratios of
processor time: each search runs on one core, and other work on the computer hardly changes them; the other times
are as a person waits, and mean little on a busy computer. `rss_share` is what opening and searching adds to a
process that has the libraries loaded, by the size of the float32 vectors.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.collections.large import DIM, build, exact, near, search, service  # noqa: E402
from tests.collections.measures import door, door_embed, duplicates, embed, plant  # noqa: E402
from tests.collections.waiting import waiting  # noqa: E402

PARTS = ("build", "exact", "search", "service", "growth", "door", "copies", "waiting")
SMALL_WORKS, SMALL_COPIES = 20_000, 200
BYTES_A_WORK = 2 * DIM + DIM // 8 + 600  # embeddings, codes, metadata twice
SEARCHES = 15  # for words, while replays are made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--works", type=int, default=1_000_000)
    parser.add_argument("--copies", type=int, default=2_000)
    parser.add_argument("--small", action="store_true", help=f"{SMALL_WORKS:,} works and {SMALL_COPIES} copies")
    parser.add_argument("--minutes", type=float, default=90.0, help="no part goes on after this time")
    parser.add_argument("--folder", type=Path, help="scratch folder; kept when given")
    parser.add_argument("--only", default="", help=f"parts to run, with commas between: {','.join(PARTS)}")
    parser.add_argument("--skip", default="", help="parts to leave out")
    parser.add_argument("--keep-rates", action="store_true",
                        help="write the door's rates to where the check at the door quotes them from")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    args = parser.parse_args()
    base = args.folder or Path(tempfile.mkdtemp(prefix="bench-collections-"))
    base.mkdir(parents=True, exist_ok=True)
    if args.child:
        name, *rest = args.child.split(":")
        print(json.dumps(CHILDREN[name](base, *map(int, rest))), flush=True)
        return
    works, copies = (SMALL_WORKS, SMALL_COPIES) if args.small else (args.works, args.copies)
    try:
        wanted = (set(args.only.split(",")) if args.only else set(PARTS)) - set(args.skip.split(","))
        bench = Bench(base, time.monotonic() + 60 * args.minutes, wanted)
        bench.run(works, copies)
        if args.keep_rates:
            keep_rates(bench.result)
        print(json.dumps({k: round(v, 5) if isinstance(v, float) else v for k, v in bench.result.items()}))
    finally:
        if args.folder is None:
            shutil.rmtree(base, ignore_errors=True)


class Bench:
    """The parts in order, until the time is up; one that was never run in this folder has no keys."""

    def __init__(self, base: Path, until: float, wanted: set[str]):
        self.base, self.until, self.wanted = base, until, wanted
        self.kept = base / "figures.json"
        before = json.loads(self.kept.read_text()) if self.kept.exists() else {}
        self.result: dict = {"measured": {}, **before, "left_out": {}}

    def run(self, works: int, copies: int) -> None:
        if self.result.setdefault("works", works) != works:
            raise SystemExit(f"{self.base} is of {self.result['works']:,} works; choose another --folder")
        self.result |= {"dim": DIM, "cpus": os.cpu_count()}
        free = shutil.disk_usage(self.base).free
        if "build" in self.wanted and free < 2 * works * BYTES_A_WORK:
            self.result["left_out"]["build"] = f"{free / 1e9:.1f} GB of disk are free"
        elif "build" in self.wanted:
            self.part("build", works)
        for name in ("exact", "search", "service"):
            if name in self.wanted and (self.base / "large" / "image.index").exists():
                self.part(name)
        if "growth" in self.wanted and self.part("near", works // 10):
            self.part("near", works)
        if "door" in self.wanted and self.part("door_embed", copies):
            self.part("door")
        if "copies" in self.wanted and self.part("plant", copies) and self.interrupted() and self.part("embed"):
            self.part("duplicates")
        if "waiting" in self.wanted:
            self.part("waiting", SEARCHES)
        self.compare(works)

    def compare(self, works: int) -> None:
        """The figures that follow from two parts, where both were measured."""
        found = self.result
        for key, slow in (("speedup_over_exact", "exact"), ("speedup_over_clip_retrieval", "service")):
            if f"{slow}_cpu_ms" in found and "search_cpu_ms" in found:
                found[key] = found[f"{slow}_cpu_ms"] / found["search_cpu_ms"]
        few, many = (found.get(f"near_{n}") for n in (works // 10, works))
        if few and many:
            found["dup_growth"] = many["cpu_us"] / few["cpu_us"]

    def part(self, name: str, *numbers: int) -> bool:
        """One part in its own process; its last line is JSON. False where the time does not suffice."""
        begun = time.monotonic()
        try:
            done = subprocess.run(self.command(name, *numbers), stdout=subprocess.PIPE, text=True, check=True,
                                  timeout=max(0.1, self.until - begun), env=ENVIRONMENT)
        except subprocess.TimeoutExpired:
            self.result["left_out"][name] = "the time was up"
            return False
        print(f"{name} {' '.join(map(str, numbers))}: {time.monotonic() - begun:.1f} s", file=sys.stderr)
        self.result |= json.loads(done.stdout.splitlines()[-1])
        self.result["measured"][name] = time.strftime("%Y-%m-%d %H:%M", time.gmtime())
        self.kept.write_text(json.dumps(self.result))
        return True

    def command(self, name: str, *numbers: int) -> list[str]:
        child = ":".join([name, *map(str, numbers)])
        return [sys.executable, __file__, "--folder", str(self.base), "--child", child]

    def interrupted(self) -> bool:
        """A build that is killed half-way; the next one has to go on from there."""
        first = subprocess.Popen(self.command("embed"), stdout=subprocess.DEVNULL, env=ENVIRONMENT)
        total = sum(1 for _ in (self.base / "pictures").iterdir())
        parts = self.base / "built" / "metadata"
        while first.poll() is None and len(list(parts.glob("*.parquet"))) < total / 2 / 128:
            if time.monotonic() > self.until:
                break
            time.sleep(0.2)
        first.send_signal(signal.SIGKILL)
        first.wait()
        return time.monotonic() < self.until


ENVIRONMENT = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE"}  # threads that wait sleep


def keep_rates(result: dict) -> None:
    """Writes the door's rates beside the code that quotes them, with what they were measured on."""
    from explorer.collections.copycheck import RATES, DoorRule
    from explorer.collections.open import open_collection

    value = {"likeness": DoorRule().likeness, "collection": open_collection("world").info.fingerprint,
             "found": result["door_flagged"], "copies": result["door_copies"],
             "false": result["door_false_alarms"], "others": result["door_others"]}
    RATES.write_text(json.dumps(value, indent=1) + "\n")


CHILDREN = {f.__name__: f for f in (build, exact, search, service, near, plant, embed, duplicates,
                                  door_embed, door, waiting)}

if __name__ == "__main__":
    main()
