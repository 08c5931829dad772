"""What CLIP says of a subject: its embedding, prompts for it, and embeddings of texts."""

from __future__ import annotations

from typing import Any

import numpy as np

from explorer.cases.case import Case
from explorer.clip.interrogate import Caption
from explorer.clip.interrogate import interrogate as interrogate_image
from explorer.clip.terms import choose_lists
from explorer.collections.layout import find_layout
from explorer.collections.rows import open_rows
from explorer.collections.works import collect_terms, column_names
from explorer.errors import ExplorerError
from explorer.images.decode import read_png
from explorer.images.prepare import fit_square
from explorer.jobs.tasks import EmbedSubject, EncodeText, Interrogate
from explorer.records import Embedding, to_json
from explorer.texts import say
from explorer.worker.context import Context
from explorer.worker.runners import judge_prompts, loading


def embed(task: EmbedSubject, context: Context) -> Any:
    """Writes the subject's embedding to its case; nothing to do where it is there."""
    context.report(0, 1, say("progress.loading_clip"))
    case, encoder = context.case(), loading.encoder(context, task.clip)
    subject = case.subject(task.subject_id)
    if case.embedding(subject.id, encoder.fingerprint) is None:
        context.report(0, 1, say("progress.reading_subject"))
        square = _square(read_png(case.blob(subject.pixels_sha256)))
        vector = encoder.encode_images([square])[0].astype("<f4")  # (d,)
        blob = case.put_blob(vector.tobytes())
        context.commit(Embedding(subject.id, encoder.fingerprint, blob, int(vector.size)),
                       blobs={blob: vector.tobytes()})
    context.report(1, 1, say("progress.read"))
    return {"clip_fingerprint": encoder.fingerprint}


def interrogate(task: Interrogate, context: Context) -> Any:
    """Writes ranked prompts for the subject to its case."""
    context.report(0, 0, say("progress.loading_clip"))
    case, encoder = context.case(), loading.encoder(context, task.clip)
    subject = case.subject(task.subject_id)
    lists, words = _terms(task)
    vector = case.embedding(subject.id, encoder.fingerprint)
    embedding = None if vector is None else np.frombuffer(case.blob(vector.blob), "<f4")
    rgb = read_png(case.blob(subject.pixels_sha256))
    picture = _square(rgb) if vector is None else None
    own, captioner = _captions(task, case), ""
    if task.mode != "negative":
        context.report(0, 0, say("progress.looking_caption"))
        own, captioner = _with_caption_model(own, rgb, context)
    found = interrogate_image(
        encoder, picture, subject_id=subject.id, mode=task.mode,
        terms=choose_lists(lists, collection=words, own=task.own_terms),
        captions=own, banned=task.banned, locked=task.locked,
        cache=context.settings.cache / "terms", embedding=embedding, run=context.run)
    if not found:
        raise ExplorerError("worker.subjects_no_prompt_found")
    known = {(p.mode, p.source, p.text) for p in case.prompts(subject.id)}
    # What is new is kept before the model is asked, so that nothing found hangs on that.
    new = context.commit(*(p for p in found if (p.mode, p.source, p.text) not in known))
    judged = judge_prompts.JudgedPrompts(found)
    if task.rerank:
        judged = judge_prompts.judge(found, rgb, task, context)
    if context.commit(*judged.candidates) or new:
        case.note("prompts searched", {"settings": to_json(task), "clip": encoder.fingerprint,
                                       "prompts": len(found), "caption_model": captioner,
                                       "judged_by": judged.model, "unet_evaluations": judged.unet_evaluations},
                  job_id=context.job.id)
    return {"prompt": judged.candidates[0].text, "prompts": len(found), "caption_model": captioner,
            "judged": judged.count, "not_judged": judged.why_not}


def _terms(task: Interrogate) -> tuple[tuple[str, ...], dict[str, tuple[str, ...]]]:
    """The lists to use and the collection's words; one without words gives way to the shipped lists."""
    words = {}
    if "collection" in task.lists and task.collection and not task.collection.startswith(("http://", "https://")):
        rows = open_rows(find_layout(task.collection))
        found = collect_terms(rows, column_names(rows.columns))
        words = {"creators": found.creators, "titles": found.titles, "keywords": found.keywords}
    if any(words.values()):
        return task.lists, words
    return tuple(dict.fromkeys("shipped" if n == "collection" else n for n in task.lists)), {}


def _captions(task: Interrogate, case: Case) -> list[Caption]:
    own = case.subject(task.subject_id).caption
    near = case.neighbours(task.subject_id) if task.neighbour_captions else []
    return [*([Caption(own, "person")] if own else []),
            *(Caption(text, "neighbour caption") for text in dict.fromkeys(n.caption for n in near) if text)]


def _with_caption_model(own: list[Caption], rgb: np.ndarray, context: Context) -> tuple[list[Caption], str]:
    """The captions with the caption model's, and which model that was; "" where none is at hand."""
    captioner = loading.captioner(context)
    said = captioner.caption(rgb) if captioner else ""
    return ([*own, Caption(said, "caption model")], captioner.name) if said else (own, "")


def encode_text(task: EncodeText, context: Context) -> Any:
    """The text's embedding as the job's result."""
    encoder = loading.encoder(context, task.clip)
    vector = encoder.encode_texts([task.text])[0]  # (d,)
    return {"embedding": [float(v) for v in vector], "clip_fingerprint": encoder.fingerprint}


def _square(rgb: np.ndarray) -> np.ndarray:
    """The whole picture as a square of its longer side, so that CLIP's own crop leaves nothing out."""
    return fit_square(rgb, max(rgb.shape[:2]))
