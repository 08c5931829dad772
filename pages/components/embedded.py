"""What a file says of itself: generation settings, EXIF, XMP and C2PA, parsed and raw. Claims, not proof."""

from __future__ import annotations

import streamlit as st

from explorer.cases.case import Case
from explorer.images.metadata import Embedded, read_metadata
from explorer.records import Subject
from pages.components.texts import plain, say


def draw(case: Case, subject: Subject) -> None:
    """Draws the embedded metadata of a subject's original bytes."""
    st.caption(say("embedded.claims"))
    found = _read(case, subject)
    st.markdown(f"**{say('embedded.c2pa')}**: {say('c2pa.' + found.c2pa.state.replace(' ', '_'))} "
                f"{plain(found.c2pa.reason)}")
    if not (found.raw or found.generation or found.exif or found.xmp):
        st.markdown(say("embedded.none"))
    for generation in found.generation:
        st.markdown(f"**{say('embedded.generation', tool=plain(generation.tool))}**")
        facts = {k: v for k, v in vars(generation).items()
                 if v not in (None, "", {}) and k not in ("tool", "other")}
        st.markdown("\n".join(f"- {say(f'generation.{k}')}: {plain(str(v))}" for k, v in facts.items()))
    _pairs(say("embedded.exif"), found.exif)
    _pairs(say("embedded.xmp"), found.xmp_fields)
    for block in found.raw:
        st.markdown(say("embedded.raw", name=plain(block.name), size=block.size_bytes))
        st.code(block.text[:4000], language=None, wrap_lines=True, height=160)
    for note in found.notes:
        st.caption(plain(note))


def _pairs(title: str, values: dict[str, str]) -> None:
    if values:
        st.markdown(f"**{title}**\n\n" + "\n".join(f"- {plain(k)}: {plain(v)}" for k, v in values.items()))


def _read(case: Case, subject: Subject) -> Embedded:
    """Reads once a tab: the check runs in the image door's own process and takes a moment."""
    known = st.session_state.get("embedded")
    if known is None or known[0] != subject.sha256:
        known = (subject.sha256, read_metadata(case.blob(subject.sha256)))
        st.session_state["embedded"] = known
    return known[1]
