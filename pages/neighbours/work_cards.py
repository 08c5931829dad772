"""Works of a collection on the screen: gallery items and one work's facts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import streamlit as st

from explorer.cases.case import Case
from explorer.collections.signatures import signature
from explorer.errors import ExplorerError
from explorer.findings.wording import above
from explorer.images.decode import open_image, png_bytes, read_png
from explorer.images.formats import MAX_BYTES
from explorer.images.prepare import fit_square
from explorer.records import Neighbour, Subject
from explorer.records.scores import SCORES, shown
from explorer.records.scores import sort_key as score_key
from explorer.settings import load_settings
from pages.replay import replay_cards
from pages.shared import model_names, state, widgets
from pages.shared.texts import plain, say

COMPARED = ("tiled_l2", "ssim", "efficientnet", "copy_cosine")  # closeness that a person can sort by


def item(work: Neighbour, *, starred: bool = False) -> widgets.GalleryItem:
    """A neighbour as a picture of a gallery: title, artist, licence, similarity."""
    lines = [work.creator or say("works.no_creator"), say("works.similarity", value=f"{work.similarity:.3f}")]
    if copies(work):
        lines.append(copies(work))
    if "tiled_l2" in work.closeness:
        lines.append(say("works.distance", value=shown("tiled_l2", work.closeness["tiled_l2"])))
    picture = widgets.file_address(work.image_path) if work.image_path else ""
    title = work.title or say("works.no_title")
    return widgets.GalleryItem(item_id(work), picture, title, tuple(lines),
                               mark=f"{'★ ' if starred else ''}{work.rank}",
                               alt=alt(title, work.creator) if picture else say("works.no_picture"))


def alt(title: str, creator: str) -> str:
    """A work's picture in words; its creator only where one is named."""
    return say("works.alt", title=title, creator=creator) if creator else title


def copies(work: Neighbour) -> str:
    """How often a work is in the training of the model under test, or as a near copy in its collection, in words.

    "" where that is not known: what the bundled model was trained on says nothing of another one.
    """
    if work.multiplicity is None or (work.collection == "world" and not training_known()):
        return ""
    times = work.multiplicity
    if work.collection != "world":
        return say("works.copies_here", n=times) if times > 1 else say("works.once_here")
    if times < 1:
        return say("works.never")
    return say("works.once") if times == 1 else say("works.copies", n=times)


def training_known() -> bool:
    """Whether the model under test is the bundled one, whose training is on record."""
    return load_settings().model == model_names.WORLD


def found_in(case: Case, subject: Subject) -> list[Neighbour]:
    """The subject's neighbours by rank, read once a tab since they may be many."""
    return state.kept("works_found", case, subject, lambda: case.neighbours(subject.id))


def signature_of(work: Neighbour) -> np.ndarray | None:
    """(3072,) uint8 of a work's picture on this computer; None where there is none."""
    return _signature(work.image_path) if work.image_path else None


@lru_cache(maxsize=4096)
def _signature(path: str) -> np.ndarray | None:
    data = widgets.file_bytes(path, most=MAX_BYTES)
    try:
        return signature(open_image(data, name=path).rgb) if data else None
    except ExplorerError:
        return None


def gallery(works: Sequence[Neighbour], *, key: str, starred: Sequence[str] = ()) -> Neighbour | None:
    """Draws works as a grid; returns the one that the address names, the first one before a choice."""
    items = [item(w, starred=w.work_id in starred) for w in works]
    wanted = state.remembered("work")
    known = wanted if wanted in {i.id for i in items} else items[0].id
    picked = widgets.gallery(items, key=key, label=say("works.label"), chosen=known)
    if picked != wanted:
        state.remember(work=picked)
    return next((w for w in works if item_id(w) == picked), None)


def item_id(work: Neighbour) -> str:
    """A neighbour's name within its gallery."""
    return f"{work.rank}:{work.work_id}"


def small(path: str, *, title: str, creator: str) -> None:
    """One work's picture, small; nothing where its file is gone."""
    data = widgets.file_bytes(path, most=MAX_BYTES) if path else b""
    if data:
        widgets.picture(data, alt=alt(title, creator), width_px=120)
    else:
        st.caption(say("works.no_picture"))


def closeness(work: Neighbour) -> None:
    """How close the work's picture is to the subject, score by score, each with range and direction."""
    rows = [f"| {SCORES[n].label} | **{shown(n, work.closeness[n])}** | {replay_cards.reading(n)} |"
            for n in COMPARED if n in work.closeness]
    if rows:
        st.markdown("\n".join([say("scores.short_head"), "|---|---:|---|", *rows]))


def facts(work: Neighbour) -> None:
    """Title, artist, licence, source, caption and standing of one work."""
    st.header(plain(work.title) or say("works.no_title"))
    rows = [(say("works.creator"), plain(work.creator) or say("works.no_creator")),
            (say("works.licence"), plain(work.licence) or say("works.no_licence")),
            (say("works.similarity_label"), f"{work.similarity:.3f}")]
    if work.percentile is not None:
        rows.append((say("works.percentile"), say("works.percentile_value", value=above(work.percentile))))
    if copies(work):
        rows.append((say("works.multiplicity"), copies(work)))
    rows += [(say("works.caption"), plain(work.caption) or "–"),
             (say("works.source"), plain(work.source) or "–")]
    st.markdown("\n".join(f"- **{name}**: {value}" for name, value in rows))


def sort_key(work: Neighbour, order: str) -> tuple:
    """A key that sorts works by "multiplicity" (most copies first), by "creator", or by a closeness score
    (closest first, those that were not compared last)."""
    if order == "creator":
        return (work.creator.casefold(), work.rank)
    if order in SCORES:
        value = work.closeness.get(order)
        return (value is None, 0.0 if value is None else score_key(order)(value), work.rank)
    return (-(work.multiplicity or 0), work.rank)


def beside(case: Case, subject: Subject, work: Neighbour) -> None:
    """The subject and the work in the compare slider, both laid on squares of the same size."""
    data = widgets.file_bytes(work.image_path, most=MAX_BYTES) if work.image_path else b""
    if not data:
        st.caption(say("works.no_picture"))
        return
    picture = open_image(data, name=work.title)
    size = max(picture.width_px, picture.height_px)
    laid = fit_square(read_png(case.blob(subject.pixels_sha256)), size)
    widgets.compare((say("replay.subject_label"), png_bytes(laid)),
                    (say("works.work_label"), png_bytes(fit_square(picture.rgb, size))),
                    key=f"beside_{subject.id}_{work.work_id}", widest_px=480)
