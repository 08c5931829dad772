"""What is searched for in a collection, and how close the neighbours' pictures are; needs CLIP or a network."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from explorer.closeness.learned import Learned, load_learned
from explorer.collections.queries import crop, mix
from explorer.collections.rerank_works import rerank
from explorer.errors import ExplorerError
from explorer.images.decode import read_png
from explorer.images.prepare import fit_square
from explorer.jobs.tasks import CompareNeighbours, EmbedSubject, EncodeQuery
from explorer.worker.context import Context
from explorer.worker.runners import loading, run_subjects

LEARNED_BYTES = 20 * 2**20  # the network's weights
RANKED_BY = "tiled_l2"


def encode(task: EncodeQuery, context: Context) -> Any:
    """The query's embedding as the job's result; the log says what was asked.

    The whole picture's embedding is written to the case too.
    """
    case, encoder = context.case(), loading.encoder(context, task.clip)
    subject_id = task.subject_id or context.result_before().get("subject_id", "")
    if not subject_id:
        raise ExplorerError("worker.queries_no_image_search")
    if task.box:
        region = crop(read_png(case.blob(case.subject(subject_id).pixels_sha256)), _box(task.box))
        vector = encoder.encode_images([fit_square(region, max(region.shape[:2]))])[0]  # (d,)
    else:
        run_subjects.embed(EmbedSubject(task.case_id, subject_id, task.clip), context)
        stored = case.embedding(subject_id, encoder.fingerprint)
        vector = np.frombuffer(case.blob(stored.blob), "<f4")
    if task.text:
        vector = mix(vector, encoder.encode_texts([task.text])[0], text_weight=task.text_weight)
    if (task.box or task.text) and not case.read_only:
        case.note("collection asked", {"subject_id": subject_id, "box": list(task.box), "text": task.text,
                                       "text_weight": task.text_weight}, job_id=context.job.id)
    return {"embedding": [float(v) for v in vector], "clip_fingerprint": encoder.fingerprint,
            "side": "mixed" if task.text else "image", "subject_id": subject_id}


def compare(task: CompareNeighbours, context: Context) -> Any:
    """Writes the closeness of each stored neighbour's picture into its record; ranks stay CLIP's."""
    case = context.case()
    found = case.neighbours(task.subject_id)
    if not found:
        raise ExplorerError("worker.queries_no_neighbours_compare")
    subject = read_png(case.blob(case.subject(task.subject_id).pixels_sha256))
    ranked = rerank(subject, found, by=RANKED_BY, learned=_learned(context).compare, run=context.run)
    compared = [dataclasses.replace(c.neighbour, rank=c.clip_rank, closeness=c.closeness) for c in ranked]
    context.commit(*(n for n in compared if n.closeness))
    return {"compared": sum(bool(n.closeness) for n in compared), "works": len(found)}


def _learned(context: Context) -> Learned:
    place = loading.device(context)
    return context.table.get(f"learned {place}", lambda: load_learned(place), size_of=lambda _: LEARNED_BYTES)


def _box(values: tuple[float, ...]) -> tuple[float, float, float, float]:
    if len(values) != 4:
        raise ExplorerError("worker.queries_region_four_edges", values_count=len(values))
    left, top, right, bottom = values
    return left, top, right, bottom
