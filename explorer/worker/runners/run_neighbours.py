"""Nearest works of a collection; runs in the desk worker, without torch."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from explorer.cases.case import Case
from explorer.collections.copycheck import Door, DoorCheck, DoorRates, DoorRule, read_rates
from explorer.collections.open import Collection, open_collection
from explorer.collections.remote import RemoteCollection
from explorer.collections.stored_signatures import read_signatures, stored_signatures
from explorer.errors import ExplorerError
from explorer.images.decode import read_png
from explorer.jobs.tasks import CheckCopy, FindNeighbours, SearchCollection
from explorer.records import CopyCheck, Embedding, Neighbour, to_json
from explorer.texts import say
from explorer.worker.context import Context
from explorer.worker.runners.remote_service import ask

INDEX_BYTES = 64 * 1024 * 1024  # taken as the size of an open collection
READ_AT_MOST = 20_000  # pictures that are read for the sake of one check, where no signatures are stored


def find(task: FindNeighbours, context: Context) -> Any:
    """Writes the subject's nearest works to its case."""
    context.report(0, 1, say("progress.opening_collection"))
    case, collection = context.case(), opened(context, task.collection)
    vector = _embedding(task, context)
    context.report(0, 1, say("progress.searching"))
    found = _store(case, collection, task.subject_id, vector, k=task.k, job_id=context.job.id)
    context.report(1, 1, say("progress.found"))
    return {"neighbours": len(found), "works": collection.info.works}


def ahead(task: FindNeighbours | CheckCopy | SearchCollection, context: Context) -> None:
    """Opens the collection while the embedding is still being made."""
    opened(context, task.collection)


def check(task: CheckCopy, context: Context) -> Any:
    """Writes a subject's nearest works and the check at the door to its case."""
    context.report(0, 1, say("progress.opening_collection"))
    before = context.result_before()
    subject_id, vector = before.get("subject_id", ""), np.asarray(before.get("embedding", ()), np.float32)
    if not subject_id or not vector.size:
        raise ExplorerError("worker.neighbours_no_image_check")
    case, collection = context.case(), opened(context, task.collection)
    _store(case, collection, subject_id, vector, k=task.k, job_id=context.job.id)
    rule, seen, rates = DoorRule(), DoorCheck(False, note=say("note.worker.pictures_elsewhere")), None
    if isinstance(collection, Collection):
        door = _door(task.collection, collection, context, rule)
        seen = door.check(read_png(case.blob(case.subject(subject_id).pixels_sha256)), vector)
        rates = _rates(context, rule)
    made = _record(seen, rates, subject_id=subject_id, collection=collection.info.name, limit=rule.likeness)
    case.commit(made, key=f"{subject_id}/{made.collection}", job_id=context.job.id)
    context.report(1, 1, say("progress.checked"))
    return to_json(made)


def search(task: SearchCollection, context: Context) -> Any:
    """The works nearest to an embedding as the job's result; nothing is written to a case."""
    before = context.result_before()
    embedding = task.embedding or before.get("embedding", ())
    if not len(embedding):
        raise ExplorerError("worker.neighbours_nothing_search")
    side, vector = before.get("side", "text") if before else "image", np.asarray(embedding, np.float32)
    collection = opened(context, task.collection)
    if isinstance(collection, RemoteCollection):
        asked = context.queue.get(context.job.after).task if context.job.after else None
        return {**ask(task, collection, context, asked=asked, embedding=vector), "side": side}
    return {"neighbours": [to_json(n) for n in collection.search(vector, task.k, query=side)], "side": side}


def _store(case: Case, collection: Any, subject_id: str, vector: np.ndarray, *, k: int,
           job_id: str) -> list[Neighbour]:
    """Commits the nearest works; what was measured between pictures before stays with its work."""
    info = collection.info
    known = {n.work_id: n.closeness for n in case.neighbours(subject_id, collection=info.name)}
    found = [dataclasses.replace(n, subject_id=subject_id, closeness=known.get(n.work_id, {}))
             for n in collection.search(vector, k)]
    case.commit(info, key=f"{subject_id}/{info.name}", job_id=job_id)
    case.commit_all(found, job_id=job_id)
    return found


def _door(source: str, collection: Collection, context: Context, rule: DoorRule) -> Door:
    """The door of a collection, kept open; reads its pictures once where they are few enough."""
    cache = context.settings.cache
    marks = stored_signatures(collection, cache=cache)
    if marks is None and collection.works <= READ_AT_MOST:
        marks = read_signatures(collection, cache=cache, run=context.run)
    return context.table.get(f"door {source}", lambda: Door(collection, marks, rule=rule),
                             size_of=lambda _: 0 if marks is None else marks.nbytes)


def _record(seen: DoorCheck, rates: DoorRates | None, *, subject_id: str, collection: str,
            limit: float) -> CopyCheck:
    return CopyCheck(subject_id=subject_id, collection=collection, limit=limit,
                     found_rate=rates.found if rates else None, false_rate=rates.false if rates else None,
                     **vars(seen))


def _rates(context: Context, rule: DoorRule) -> DoorRates | None:
    """How well the rule does on the bundled collection, where that was measured and is at hand."""
    try:
        return read_rates(rule, collection=opened(context, "world").info.fingerprint)
    except ExplorerError:
        return None


def opened(context: Context, source: str) -> Any:
    """The collection, kept open from job to job."""
    settings = context.settings
    return context.table.get(
        f"collection {source}",
        lambda: open_collection(source, cache=settings.cache / "collections", offline=settings.offline),
        size_of=lambda _: INDEX_BYTES)


def _embedding(task: FindNeighbours, context: Context) -> np.ndarray:
    """(d,) float32: the embedding that the step before made, else the newest one of the subject."""
    case = context.case()
    before = context.result_before()
    found = None
    if before.get("clip_fingerprint"):
        found = case.embedding(task.subject_id, before["clip_fingerprint"])
    if found is None:
        made = case.records(Embedding, subject_id=task.subject_id)
        if not made:
            raise ExplorerError("worker.neighbours_subject_not_read")
        found = made[-1]
    return np.frombuffer(case.blob(found.blob), "<f4")
