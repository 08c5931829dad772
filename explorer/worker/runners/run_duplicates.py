"""The duplicates report on a collection; runs in the desk worker, without torch."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from explorer.collections.duplicates import (
    DuplicateReport,
    deduplicated,
    find_duplicates,
    largest_groups,
    store_multiplicity,
)
from explorer.collections.open import Collection
from explorer.errors import ExplorerError
from explorer.jobs.tasks import FindDuplicates
from explorer.texts import say
from explorer.worker.context import Context
from explorer.worker.runners.run_neighbours import opened

GROUPS = 24  # shown, the largest first
MEMBERS = 8  # shown of each


def report(task: FindDuplicates, context: Context) -> Any:
    """Writes the list without duplicates (CSV), and each work's multiplicity into the collection if asked."""
    begun = time.monotonic()
    context.report(0, 1, say("progress.opening_collection"))
    collection = opened(context, task.collection)
    if not isinstance(collection, Collection):
        raise ExplorerError("worker.duplicates_works_collection_another")
    if task.store and not collection.own:
        raise ExplorerError("worker.duplicates_not_built_here", folder=collection.layout.folder)
    _room(collection)
    found = find_duplicates(collection, cache=context.settings.cache, run=context.run)
    path = Path(task.out) if task.out else _place(context, collection)
    deduplicated(collection, found, path)
    if task.store:
        store_multiplicity(collection, found)
        context.table.clear()  # what is open has the metadata of before
    return {"name": collection.info.name, **_told(collection, found), "path": str(path),
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "stored": task.store,
            "elapsed_s": time.monotonic() - begun}


def _told(collection: Collection, found: DuplicateReport) -> dict[str, Any]:
    groups = largest_groups(found)
    return {"works": collection.works, "distinct": found.distinct, "pairs": found.pairs, "groups": len(groups),
            "by_multiplicity": [list(pair) for pair in found.by_multiplicity.items()],
            "checked": found.checked, "unread": found.unread, "cosine_alone": found.rule.cosine_alone,
            "largest": [{"size": len(g), "works": _named(collection, g[:MEMBERS])} for g in groups[:GROUPS]]}


def _named(collection: Collection, ids: np.ndarray) -> list[dict[str, str]]:
    return [{"work_id": w.work_id, "title": w.title, "creator": w.creator, "source": w.source,
             "image_path": w.image_path} for w in collection.rows(ids)]


def _place(context: Context, collection: Collection) -> Path:
    safe = "".join(c if c.isalnum() or c in "-_" else "_" for c in collection.info.name)[:60]
    return context.settings.home / "duplicates" / f"{safe}-{collection.info.fingerprint[:12]}.csv"


def _room(collection: Collection) -> None:
    """Near copies are looked for with all embeddings in memory."""
    needed, free = 2 * 4 * collection.works * collection.dim, psutil.virtual_memory().available
    if needed > free:
        raise ExplorerError("worker.duplicates_collection_works", works=collection.works, needed=needed / 1e9,
                            free=free / 1e9)
