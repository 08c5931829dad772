"""Measures of a large collection of seeded vectors: each runs in a process of its own, for the benchmark."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

DIM, CLUSTER, QUERIES = 512, 50, 200
ROUNDS = 5  # over the queries; the first warms the caches and does not count


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
    """A clip-retrieval folder of seeded vectors, indexed as every large collection is; vectors that a run
    before wrote are taken as they are."""
    from explorer.collections.build import index_folder

    folder = base / "large"
    if not (base / "queries.npy").exists() or len(list((folder / "metadata").glob("*.parquet"))) * 250_000 < works:
        _write(folder, base / "queries.npy", works)
    report = index_folder(folder, exact_works=min(50_000, works // 2))
    return {"index": report.kinds["image"], "index_mb": report.size_bytes / 1e6, "index_s": report.elapsed_s,
            "recall_when_tuned": report.recall_at_10}


def _write(folder: Path, queries: Path, works: int) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    (folder / "img_emb").mkdir(parents=True, exist_ok=True)
    (folder / "metadata").mkdir(exist_ok=True)
    rows = clustered(works, 0, 1)
    np.save(queries, clustered(QUERIES, 0, 2) if works >= 1_000_000 else _near(rows))
    for number, at in enumerate(range(0, works, 250_000)):
        part = rows[at:at + 250_000]
        ids = range(at, at + len(part))
        np.save(folder / "img_emb" / f"img_emb_{number:04d}.npy", part.astype(np.float16))
        pq.write_table(pa.table({"id": [f"w{i}" for i in ids], "title": [f"Title {i}" for i in ids],
                                 "creator": [f"creator{i % 999}" for i in ids],
                                 "caption": [f"A picture of thing {i}" for i in ids],
                                 "url": [f"https://example.org/{i}.jpg" for i in ids]}),
                       folder / "metadata" / f"metadata_{number:04d}.parquet", row_group_size=2_000)


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
    return _in_turn({"exact": lambda q: index.search(q[None], 10)}, queries[:10], rounds=3)


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
    wanted = collection.candidates(10)
    found = [collection.search(query, 10) for query in queries]
    hits = [len({int(n.work_id[1:]) for n in f} & set(t.tolist())) for f, t in zip(found, truth, strict=True)]
    took = _in_turn({"faiss": lambda q: index.faiss.search(q[None], wanted),
                     "search": lambda q: collection.search(q, 10)}, queries)
    added = process.memory_info().rss - before
    ten = _in_turn({"faiss_10": lambda q: index.faiss.search(q[None], 10)}, queries, rounds=2)
    return {"recall_at_10": sum(hits) / (10 * len(queries)), **took, **ten,
            "overhead_over_faiss": took["search_ms"] / took["faiss_ms"] - 1,
            "overhead_cpu": took["search_cpu_ms"] / took["faiss_cpu_ms"] - 1,
            "open_1m_s": opened, "candidates": wanted, "rss_mb": added / 1e6,
            "rss_share": added / (collection.works * DIM * 4)}


def _in_turn(ways: dict, queries: np.ndarray, *, rounds: int = ROUNDS) -> dict[str, float]:
    """Median milliseconds of each way, wall clock and processor; in every second round the order is turned."""
    took: dict[str, list] = {name: [] for name in ways}
    for number in range(rounds):
        order = list(ways.items())[::-1 if number % 2 else 1]
        for query in queries:
            for name, ask in order:
                mark = time.perf_counter(), time.process_time()
                ask(query)
                if number:
                    took[name].append((time.perf_counter() - mark[0], time.process_time() - mark[1]))
    found = {}
    for name, times in took.items():
        found[f"{name}_ms"], found[f"{name}_cpu_ms"] = (np.median(times, axis=0) * 1e3).tolist()
    return found


def service(base: Path) -> dict:
    """clip-retrieval's own KnnService on the same folder, called as its backend calls it: Parquet metadata, the
    index mapped, all filters off."""
    import importlib

    clip_back = importlib.import_module("clip_retrieval.clip_back")  # the package has a function of that name

    folder, columns = str(base / "large"), ["id", "title", "creator", "caption", "url"]
    queries, truth = np.load(base / "queries.npy"), np.load(base / "truth.npy")
    index = clip_back.load_index(f"{folder}/image.index", True)
    metadata, _ = clip_back.load_metadata_provider(folder, False, False, index, columns, False)
    absent = ("model", "preprocess", "tokenizer", "model_txt_mclip", "safety_model", "violence_detector",
              "text_index", "ivf_old_to_new_mapping", "aesthetic_embeddings")
    made = clip_back.ClipResource(device="cpu", metadata_provider=metadata, image_index=index,
                                  columns_to_return=columns, metadata_is_ordered_by_ivf=False,
                                  **dict.fromkeys(absent))
    knn = clip_back.KnnService(clip_resources={"large": made})

    def ask(query: np.ndarray) -> list[dict]:
        return knn.query(embedding_input=query.tolist(), modality="image", num_images=10, num_result_ids=10,
                         indice_name="large", deduplicate=False)

    hits = [len({r["id"] for r in ask(q)} & set(t.tolist())) for q, t in zip(queries, truth, strict=True)]
    return {**_in_turn({"service": ask}, queries, rounds=3),
            "service_recall_at_10": sum(hits) / (10 * len(queries))}


def near(base: Path, works: int) -> dict:
    """Near copies among vectors alone: time for each vector."""
    from explorer.collections.duplicates import CopyRule, near_copies

    rows = clustered(works, 0, 1)
    chosen = np.random.default_rng(5).choice(works // 2, works // 50, replace=False)
    noise = np.random.default_rng(6).standard_normal((len(chosen), DIM)).astype(np.float32)
    rows[works // 2 + chosen] = rows[chosen] + noise * np.float32(0.05 / DIM ** 0.5)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    begun, worked = time.monotonic(), time.process_time()
    found = near_copies(rows, None, CopyRule(cosine_alone=0.98))
    worked, elapsed = time.process_time() - worked, time.monotonic() - begun
    return {f"near_{works}": {
        "cpu_us": worked / works * 1e6, "us": elapsed / works * 1e6, "s": elapsed,
        "recall": float((found.group[works // 2 + chosen] == found.group[chosen]).mean())}}
