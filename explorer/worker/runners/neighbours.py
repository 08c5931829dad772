"""Nearest works of a collection; runs in the desk worker, without torch."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np

from explorer.collections.open import open_collection
from explorer.errors import ExplorerError
from explorer.jobs.tasks import FindNeighbours, SearchCollection
from explorer.records import Embedding, Progress, Tick, to_json
from explorer.worker.context import Context

INDEX_BYTES = 64 * 1024 * 1024  # taken as the size of an open collection


def find(task: FindNeighbours, context: Context) -> Iterator[Progress | Tick]:
    """Writes the subject's nearest works to its case."""
    yield Progress(0, 1, "opening the collection")
    case, collection = context.case(), _collection(context, task.collection)
    vector = _embedding(task, context)
    yield Progress(0, 1, "searching")
    found = collection.search(vector, task.k)
    named = [dataclasses.replace(n, subject_id=task.subject_id) for n in found]
    case.commit(collection.info, key=f"{task.subject_id}/{collection.info.name}", job_id=context.job.id)
    case.commit_all(named, job_id=context.job.id)
    yield Progress(1, 1, "found")
    return {"neighbours": len(named), "works": collection.info.works}


def search(task: SearchCollection, context: Context) -> Iterator[Tick]:
    """The works nearest to an embedding as the job's result; nothing is written to a case."""
    embedding: tuple[float, ...] = task.embedding
    if not embedding and context.job.after:
        embedding = tuple((context.queue.get(context.job.after).result or {}).get("embedding", ()))
    if not embedding:
        raise ExplorerError("There is nothing to search for. Type a text or choose a subject.")
    yield Tick()
    found = _collection(context, task.collection).search(np.asarray(embedding, np.float32), task.k,
                                                          query="text" if context.job.after else "image")
    return {"neighbours": [to_json(n) for n in found]}


def _collection(context: Context, source: str) -> Any:
    settings = context.settings
    return context.table.get(
        f"collection {source}",
        lambda: open_collection(source, cache=settings.cache / "collections", offline=settings.offline),
        size_of=lambda _: INDEX_BYTES)


def _embedding(task: FindNeighbours, context: Context) -> np.ndarray:
    """(d,) float32: the embedding that the step before made, else the newest one of the subject."""
    case = context.case()
    before = context.queue.get(context.job.after).result if context.job.after else None
    found = None
    if before and before.get("clip_fingerprint"):
        found = case.embedding(task.subject_id, before["clip_fingerprint"])
    if found is None:
        made = case.records(Embedding, subject_id=task.subject_id)
        if not made:
            raise ExplorerError("The subject has not been read by CLIP yet. Start the search for neighbours "
                                "from the subject's page.")
        found = made[-1]
    return np.frombuffer(case.blob(found.blob), "<f4")
