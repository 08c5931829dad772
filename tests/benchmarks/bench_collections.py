"""Collections at size: search, near copies, building. Run with --works 20000 for a quick look.

Every part runs in a process of its own, so that memory is counted cleanly and torch never meets faiss.
The last line is JSON. Needs some 8 GB of memory and 6 GB of disk at the full size.
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

DIM, CLUSTER, QUERIES = 512, 50, 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--works", type=int, default=1_000_000)
    parser.add_argument("--copies", type=int, default=2_000)
    parser.add_argument("--folder", type=Path, help="scratch folder; kept when given")
    parser.add_argument("--skip", default="", help="parts to leave out: search,backend,growth,door,copies")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    args = parser.parse_args()
    base = args.folder or Path(tempfile.mkdtemp(prefix="bench-collections-"))
    if args.child:
        name, *rest = args.child.split(":")
        print(json.dumps(CHILDREN[name](base, *map(int, rest))), flush=True)
        return
    try:
        print(json.dumps(run(base, args.works, args.copies, set(args.skip.split(",")))))
    finally:
        if args.folder is None:
            shutil.rmtree(base, ignore_errors=True)


def run(base: Path, works: int, copies: int, skip: set[str]) -> dict:
    """All parts; a part that is left out has no keys."""
    result: dict = {"works": works, "dim": DIM, "cpus": os.cpu_count(), "load": os.getloadavg()[0]}
    if "search" not in skip:
        result |= child(base, "build", works)
        result |= child(base, "exact")
        result |= child(base, "search")
        if "backend" not in skip:
            result |= child(base, "backend")
            result["speedup_over_clip_retrieval"] = result["backend_ms"] / result["search_ms"]
        result["speedup_over_exact"] = result["exact_ms"] / result["search_ms"]
    if "growth" not in skip:
        times = [child(base, "near", n)["near_us"] for n in (works // 10, works)]
        result |= {"dup_us_per_vector": times, "dup_growth": times[1] / times[0]}
    if "door" not in skip:
        child(base, "door_embed", copies)
        result |= child(base, "door")
    if "copies" not in skip:
        result |= child(base, "plant", copies)
        result |= resumed(base)
        result |= child(base, "duplicates")
    return {k: round(v, 5) if isinstance(v, float) else v for k, v in result.items()}


def child(base: Path, name: str, *numbers: int) -> dict:
    """One part in its own process; its last line is JSON."""
    command = [sys.executable, __file__, "--folder", str(base), "--child", ":".join([name, *map(str, numbers)])]
    begun = time.monotonic()
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True,
                          env={**os.environ, "OMP_WAIT_POLICY": "PASSIVE"})
    print(f"{name} {' '.join(map(str, numbers))}: {time.monotonic() - begun:.1f} s", file=sys.stderr)
    return json.loads(done.stdout.splitlines()[-1])


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

    from explorer.collections.open import CANDIDATES, open_collection

    process = psutil.Process()
    before = process.memory_info().rss
    begun = time.monotonic()
    collection = open_collection(str(base / "large"))
    collection.search(np.load(base / "queries.npy", mmap_mode="r")[0], 10)
    opened = time.monotonic() - begun
    queries, truth = np.load(base / "queries.npy"), np.load(base / "truth.npy")
    index = collection._indices["image"]
    wanted = CANDIDATES if index.lossy else 10
    hits, ours, bare = [], [], []
    for _ in range(2):  # the first round warms the caches of both
        hits, ours, bare = [], [], []
        for query, right in zip(queries, truth, strict=True):
            at = time.perf_counter()
            index.faiss.search(query[None], wanted)
            between = time.perf_counter()
            found = collection.search(query, 10)
            ours.append(time.perf_counter() - between)
            bare.append(between - at)
            hits.append(len({int(n.work_id[1:]) for n in found} & set(right.tolist())) / 10)
    resident = process.memory_info().rss
    a, b = statistics.median(ours) * 1e3, statistics.median(bare) * 1e3
    return {"recall_at_10": float(np.mean(hits)), "search_ms": a, "faiss_ms": b, "overhead_over_faiss": a / b - 1,
            "overhead_ms": a - b, "open_1m_s": opened, "rss_mb": (resident - before) / 1e6,
            "rss_share": (resident - before) / (collection.works * DIM * 4)}


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
    begun = time.monotonic()
    found = drive(near_copies(rows, None, CopyRule(cosine_alone=0.98)))
    elapsed = time.monotonic() - begun
    return {"near_us": elapsed / works * 1e6, "near_s": elapsed,
            "near_recall": float((found.group[works // 2 + chosen] == found.group[chosen]).mean())}


def resumed(base: Path) -> dict:
    """A build killed half-way, then run again to its end."""
    command = [sys.executable, __file__, "--folder", str(base), "--child", "embed"]
    first = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    total = sum(1 for _ in (base / "pictures").iterdir())
    while first.poll() is None and len(list((base / "built" / "metadata").glob("*.parquet"))) < total / 2 / 128:
        time.sleep(0.2)
    first.send_signal(signal.SIGKILL)
    first.wait()
    return child(base, "embed")


def _median_ms(ask, queries: np.ndarray) -> float:
    times = []
    for query in queries:
        at = time.perf_counter()
        ask(query)
        times.append(time.perf_counter() - at)
    return statistics.median(times) * 1e3


CHILDREN = {f.__name__: f for f in (build, exact, search, backend, near, plant, embed, duplicates,
                                  door_embed, door)}

if __name__ == "__main__":
    main()
