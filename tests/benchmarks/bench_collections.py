"""Collections at size: search, near copies, building, and a text search while replays are made.

--small is a quick look (20,000 works); the full size takes some 8 GB of memory and 4 GB of disk. Every part
runs in a process of its own, so that memory is counted cleanly and torch never meets faiss; parts for which
--minutes or the disk leave no room are named in `left_out`. The last line is JSON.

`overhead_over_faiss` is the share by which our search is slower than the bare faiss call on the same index,
`rss_share` what opening and searching adds to a process that has the libraries loaded, by the size of the
float32 vectors. `dup_growth` and `overhead_cpu` compare processor time, which other work on the computer
hardly changes; the other times are as a person waits, and mean little on a busy one.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.collections.measures import door, door_embed, drive, duplicates, embed, plant  # noqa: E402
from tests.collections.waiting import waiting  # noqa: E402

DIM, CLUSTER, QUERIES = 512, 50, 200
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
    parser.add_argument("--skip", default="", help="parts to leave out: search,backend,growth,door,copies,waiting")
    parser.add_argument("--keep-rates", action="store_true",
                        help="write the door's rates to where the check at the door quotes them from")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    args = parser.parse_args()
    base = args.folder or Path(tempfile.mkdtemp(prefix="bench-collections-"))
    if args.child:
        name, *rest = args.child.split(":")
        print(json.dumps(CHILDREN[name](base, *map(int, rest))), flush=True)
        return
    works, copies = (SMALL_WORKS, SMALL_COPIES) if args.small else (args.works, args.copies)
    try:
        bench = Bench(base, time.monotonic() + 60 * args.minutes, set(args.skip.split(",")))
        bench.run(works, copies)
        if args.keep_rates:
            keep_rates(bench.result)
        print(json.dumps({k: round(v, 5) if isinstance(v, float) else v for k, v in bench.result.items()}))
    finally:
        if args.folder is None:
            shutil.rmtree(base, ignore_errors=True)


class Bench:
    """The parts in order, until the time is up; a part that is left out has no keys."""

    def __init__(self, base: Path, until: float, skip: set[str]):
        self.base, self.until, self.skip = base, until, skip
        self.result: dict = {"left_out": {}}

    def run(self, works: int, copies: int) -> None:
        self.result |= {"works": works, "dim": DIM, "cpus": os.cpu_count(), "load": os.getloadavg()[0]}
        free = shutil.disk_usage(self.base).free
        if free < 2 * works * BYTES_A_WORK:
            self.result["left_out"]["search"] = f"{free / 1e9:.1f} GB of disk are free"
        elif "search" not in self.skip and self.part("build", works) and self.part("exact") and self.part("search"):
            self.result["speedup_over_exact"] = self.result["exact_ms"] / self.result["search_ms"]
            if "backend" not in self.skip and self.part("backend"):
                self.result["speedup_over_clip_retrieval"] = self.result["backend_ms"] / self.result["search_ms"]
        if "growth" not in self.skip and self.part("near", works // 10) and self.part("near", works):
            few, many = (self.result[f"near_{n}"] for n in (works // 10, works))
            self.result["dup_growth"] = many["cpu_us"] / few["cpu_us"]
        if "door" not in self.skip and self.part("door_embed", copies):
            self.part("door")
        if "copies" not in self.skip and self.part("plant", copies) and self.interrupted() and self.part("embed"):
            self.part("duplicates")
        if "waiting" not in self.skip:
            self.part("waiting", SEARCHES)

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


def clustered(count: int, seed: int, rng_seed: int) -> np.ndarray:
    """(count, DIM) float32 unit vectors about shared centres: like CLIP's, dense in places."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((20_000, DIM)).astype(np.float32)
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    rng = np.random.default_rng(rng_seed)
    rows = np.empty((count, DIM), np.float32)
    for at in range(0, count, 50_000):
        part = rows[at:at + 50_000]
        part[:] = centres[rng.integers(0, max(1, min(20_000, count // CLUSTER)), len(part))]
        part += rng.standard_normal(part.shape).astype(np.float32) * np.float32(0.6 / DIM ** 0.5)
        part /= np.linalg.norm(part, axis=1, keepdims=True)
    return rows


def build(base: Path, works: int) -> dict:
    """A clip-retrieval folder of seeded vectors, indexed as every large collection is."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from explorer.collections.build import index_folder

    folder = base / "large"
    (folder / "img_emb").mkdir(parents=True)
    (folder / "metadata").mkdir()
    rows = clustered(works, 0, 1)
    np.save(base / "queries.npy", clustered(QUERIES, 0, 2) if works >= 1_000_000 else _near(rows))
    for number, at in enumerate(range(0, works, 250_000)):
        part = rows[at:at + 250_000]
        ids = range(at, at + len(part))
        np.save(folder / "img_emb" / f"img_emb_{number:04d}.npy", part.astype(np.float16))
        pq.write_table(pa.table({"id": [f"w{i}" for i in ids], "title": [f"Title {i}" for i in ids],
                                 "creator": [f"creator{i % 999}" for i in ids],
                                 "caption": [f"A picture of thing {i}" for i in ids],
                                 "url": [f"https://example.org/{i}.jpg" for i in ids]}),
                       folder / "metadata" / f"metadata_{number:04d}.parquet", row_group_size=2_000)
    del rows
    report = drive(index_folder(folder, exact_works=min(50_000, works // 2)))
    return {"index": report.kinds["image"], "index_mb": report.size_bytes / 1e6, "index_s": report.elapsed_s,
            "recall_when_tuned": report.recall_at_10}


def _near(rows: np.ndarray) -> np.ndarray:
    """Queries for a small run: works, moved a little."""
    rng = np.random.default_rng(3)
    chosen = rows[rng.integers(0, len(rows), QUERIES)]
    moved = chosen + rng.standard_normal(chosen.shape).astype(np.float32) * np.float32(0.4 / DIM ** 0.5)
    return moved / np.linalg.norm(moved, axis=1, keepdims=True)


def exact(base: Path) -> dict:
    """faiss's exact search over the same vectors in memory, on the same cores."""
    import faiss

    index = faiss.IndexFlatIP(DIM)
    for path in sorted((base / "large" / "img_emb").glob("*.npy")):
        index.add(np.load(path).astype(np.float32))
    queries = np.load(base / "queries.npy")
    np.save(base / "truth.npy", index.search(queries, 10)[1])
    return {"exact_ms": _median_ms(lambda q: index.search(q[None], 10), queries[:60])}


def search(base: Path) -> dict:
    """Our search: opening, recall, latency beside the bare faiss call, memory."""
    import psutil
    import pyarrow.parquet  # noqa: F401

    from explorer.collections.open import open_collection

    process, queries, truth = psutil.Process(), np.load(base / "queries.npy"), np.load(base / "truth.npy")
    before, begun = process.memory_info().rss, time.monotonic()
    collection = open_collection(str(base / "large"))
    collection.search(queries[0], 10)
    opened = time.monotonic() - begun
    index = collection._indices["image"]
    wanted = collection.candidates() if index.lossy else 10
    for _ in range(2):  # the first round warms the caches of both
        hits, took = [], []
        for query, right in zip(queries, truth, strict=True):
            marks = [(time.perf_counter(), time.process_time())]
            index.faiss.search(query[None], wanted)
            marks.append((time.perf_counter(), time.process_time()))
            found = collection.search(query, 10)
            marks.append((time.perf_counter(), time.process_time()))
            took.append(np.diff(marks, axis=0).ravel())  # bare: wall, processor; ours: wall, processor
            hits.append(len({int(n.work_id[1:]) for n in found} & set(right.tolist())) / 10)
    added = process.memory_info().rss - before
    b, bare_cpu, a, our_cpu = (np.median(took, axis=0) * 1e3).tolist()
    return {"recall_at_10": float(np.mean(hits)), "search_ms": a, "faiss_ms": b, "overhead_over_faiss": a / b - 1,
            "search_cpu_ms": our_cpu, "faiss_cpu_ms": bare_cpu, "overhead_cpu": our_cpu / bare_cpu - 1,
            "open_1m_s": opened, "candidates": wanted, "rss_mb": added / 1e6,
            "rss_share": added / (collection.works * DIM * 4)}


def backend(base: Path) -> dict:
    """clip-retrieval's own service on the same folder, asked the same."""
    from explorer.collections.open import open_collection
    from explorer.collections.serve import start

    queries = np.load(base / "queries.npy")
    begun = time.monotonic()
    with drive(start({"large": str(base / "large")}, clip="world")) as served:
        ready = time.monotonic() - begun
        remote = open_collection(served.url)
        remote.search(queries[0], 10)
        return {"backend_ms": _median_ms(lambda q: remote.search(q, 10), queries[:100]), "backend_start_s": ready}


def near(base: Path, works: int) -> dict:
    """Near copies among vectors alone: time for each vector."""
    from explorer.collections.duplicates import CopyRule, near_copies

    rows = clustered(works, 0, 1)
    chosen = np.random.default_rng(5).choice(works // 2, works // 50, replace=False)
    noise = np.random.default_rng(6).standard_normal((len(chosen), DIM)).astype(np.float32)
    rows[works // 2 + chosen] = rows[chosen] + noise * np.float32(0.05 / DIM ** 0.5)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    begun, worked = time.monotonic(), time.process_time()
    found = drive(near_copies(rows, None, CopyRule(cosine_alone=0.98)))
    worked, elapsed = time.process_time() - worked, time.monotonic() - begun
    return {f"near_{works}": {
        "cpu_us": worked / works * 1e6, "us": elapsed / works * 1e6, "s": elapsed,
        "recall": float((found.group[works // 2 + chosen] == found.group[chosen]).mean())}}


def _median_ms(ask, queries: np.ndarray) -> float:
    times = []
    for query in queries:
        at = time.perf_counter()
        ask(query)
        times.append(time.perf_counter() - at)
    return statistics.median(times) * 1e3


CHILDREN = {f.__name__: f for f in (build, exact, search, backend, near, plant, embed, duplicates,
                                  door_embed, door, waiting)}

if __name__ == "__main__":
    main()
