"""The index half of a build: faiss indices over embedding files, chosen by size; runs without torch.

The embedding half is explorer.collections.embed, which runs where the encoder is.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import faiss
import numpy as np

from explorer.collections.embeddings import EmbeddingRows
from explorer.collections.layout import CARD, MODALITIES
from explorer.collections.parts import FOLDERS, read_card, write_card
from explorer.collections.quantise import quantise
from explorer.collections.rows import PLAIN_ROWS, store_arrow
from explorer.errors import ExplorerError
from explorer.records import Progress
from explorer.run import QUIET, Run
from explorer.texts import say

EXACT_WORKS = 50_000  # up to here every query is compared with every work
CODE_SHARE = 32  # codes of a large index are so small a part of its float32 vectors
LEAST_CODE = 8  # bytes
SAMPLED = 96  # works whose exact neighbours set how far a search looks
TARGET_RECALL = 0.99
PROBES = (4, 8, 16, 32, 64, 128, 256)
MARGIN = 4  # a subject is less like the works than they are like each other: look so much further
LEAST_PROBES = 64
CANDIDATES = 100  # of the index, of which those that may be among the nearest are put in order
SLACK = 0.005  # recall that may be lost by looking at fewer of them


@dataclass(frozen=True)
class IndexReport:
    """What was built. `recall_at_10` is against exact search, 1.0 for an exact index."""

    works: int
    dim: int
    kinds: dict[str, str]  # modality -> faiss index
    recall_at_10: float
    size_bytes: int
    elapsed_s: float


def index_folder(out: Path, *, exact_works: int = EXACT_WORKS, run: Run = QUIET) -> IndexReport:
    """Writes image.index (and text.index) over the embeddings below `out`.

    Up to `exact_works` the index is exact; beyond, autofaiss makes cells with product-quantised codes,
    and a search looks at as many cells as reach TARGET_RECALL once the stored embeddings have put the
    candidates in order. Each index is whole before it replaces the one before.
    """
    begun = time.monotonic()
    kinds, indexed, margins, recall, works, dim = {}, {}, {}, 1.0, 0, 0
    card = read_card(out)
    for modality in MODALITIES:
        paths = sorted((out / FOLDERS[modality]).glob("*.npy"))
        if not paths:
            (out / f"{modality}.index").unlink(missing_ok=True)
            continue
        run.report(Progress(len(kinds), 2, say("progress.indexing", modality=modality)))
        rows = EmbeddingRows(paths)
        works, dim = rows.count, rows.dim
        path, parts = out / f"{modality}.index", [[p.name, len(np.load(p, mmap_mode="r"))] for p in paths]
        if works <= exact_works:
            kinds[modality] = _exact(rows, path)
        else:
            index = _grown(path, rows, parts, card) or _large(rows, out, modality, run)
            kinds[modality] = index_key(works, dim)
            run.report(Progress(len(kinds), 3, say("progress.measuring_recall")))
            reached, margins[modality] = tune(index, rows)
            recall = min(recall, reached)
            _replace(index, path)
        indexed[modality] = parts
    if "image" not in kinds:
        raise ExplorerError("collections.build_holds_no_embeddings", out=out)
    if works > PLAIN_ROWS:
        store_arrow(out)
    write_card(out, {**card, "works": works, "dim": dim, "index": kinds, "recall_at_10": recall,
                     "indexed": indexed, "margins": margins})
    size = sum((out / f"{m}.index").stat().st_size for m in kinds)
    run.report(Progress(2, 2, say("progress.indexed")))
    return IndexReport(works, dim, kinds, recall, size, time.monotonic() - begun)


def index_key(works: int, dim: int) -> str:
    """autofaiss's key: some 2 √works cells with a graph over them, and short codes."""
    cells = 2 ** int(np.clip(np.round(np.log2(2 * works ** 0.5)), 6, 16))
    code = max(c for c in range(1, dim + 1) if dim % c == 0 and c <= max(LEAST_CODE, 4 * dim / CODE_SHARE))
    return f"Pad{dim},IVF{cells}_HNSW32,PQ{code}x8"


def _exact(rows: EmbeddingRows, path: Path) -> str:
    index = faiss.IndexFlatIP(rows.dim)
    for _, block in rows.blocks():
        index.add(unit_rows(block))
    _replace(index, path)
    return "Flat"


def _grown(path: Path, rows: EmbeddingRows, parts: list, card: dict) -> faiss.Index | None:
    """The index of before with the works of new parts added; None where parts changed or went, or the
    collection has since grown to more than twice what its cells were made for."""
    before = card.get("indexed", {}).get(path.stem, [])
    count = sum(n for _, n in before)
    if not path.exists() or not before or parts[:len(before)] != before:
        return None
    if card.get("index", {}).get(path.stem) != index_key(rows.count, rows.dim):
        return None
    index = faiss.read_index(str(path))
    for start, block in rows.blocks():
        if start + len(block) > count:
            index.add(unit_rows(block[max(0, count - start):]))
    return index if index.ntotal == rows.count else None


def _large(rows: EmbeddingRows, out: Path, modality: str, run: Run) -> faiss.Index:
    """A quantised index, in a folder of its own until it is whole."""
    scratch = Path(tempfile.mkdtemp(prefix="index-", dir=out))
    try:
        quantise(out / FOLDERS[modality], scratch / "made.index", index_key(rows.count, rows.dim), run=run)
        return faiss.read_index(str(scratch / "made.index"))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def tune(index: faiss.Index, rows: EmbeddingRows) -> tuple[float, float]:
    """Sets how many cells a search looks at: MARGIN times the least of PROBES that reaches TARGET_RECALL,
    and LEAST_PROBES at least. Returns the recall@10 so reached, and the margin.

    The margin says which of the index's CANDIDATES a search puts in order by their stored embeddings: those
    that are less similar than the tenth, by the index's codes, by no more than that. Both are measured on
    works drawn from the collection, against exact search.
    """
    ids = np.sort(np.random.default_rng(0).choice(rows.count, min(SAMPLED, rows.count), replace=False))
    queries, k = unit_rows(rows.get(ids)), min(10, rows.count)
    wanted = exact_neighbours(rows, queries, k)
    inner = faiss.extract_index_ivf(index)

    def behind(probes: int) -> np.ndarray:
        """By how much each true neighbour lies behind the k-th, infinite for those that were not proposed."""
        inner.nprobe = min(probes, inner.nlist)
        values, found = index.search(queries, CANDIDATES)
        place = found[:, None, :] == wanted[:, :, None]  # (queries, k, candidates)
        lag = values[:, None, k - 1, None] - values[:, None, :]
        return np.where(place, lag, np.inf).min(axis=2).ravel()

    least = next((p for p in PROBES if np.isfinite(behind(p)).mean() >= TARGET_RECALL), PROBES[-1])
    lags = np.sort(behind(max(LEAST_PROBES, MARGIN * least)))
    reached = int(np.isfinite(lags).sum())
    kept = max(1, reached - int(SLACK * len(lags)))
    margin = max(0.0, float(lags[kept - 1])) if reached else 0.0
    return float((lags <= margin).mean()), margin


def exact_neighbours(rows: EmbeddingRows, queries: np.ndarray, k: int) -> np.ndarray:
    """(m, k) int64 ids of the true nearest works, by one pass over all embeddings."""
    heap = faiss.ResultHeap(len(queries), k, keep_max=True)
    for start, block in rows.blocks():
        values, ids = faiss.knn(queries, unit_rows(block), k, metric=faiss.METRIC_INNER_PRODUCT)
        heap.add_result(values, ids + start)
        rows.release()
    heap.finalize()
    return heap.I


def unit_rows(block: np.ndarray) -> np.ndarray:
    """(n, d) float32 rows of length 1; half precision leaves them a little off."""
    block = np.asarray(block, np.float32)
    return block / np.maximum(np.linalg.norm(block, axis=1, keepdims=True), 1e-12)


def _replace(index: faiss.Index, path: Path) -> None:
    draft = path.with_name(path.name + ".partial")
    try:
        faiss.write_index(index, str(draft))
        os.replace(draft, path)
    except (RuntimeError, OSError) as error:
        draft.unlink(missing_ok=True)
        raise ExplorerError("collections.build_cannot_written", path=path, error=error) from error


__all__ = ["CARD", "IndexReport", "index_folder", "index_key", "tune"]
