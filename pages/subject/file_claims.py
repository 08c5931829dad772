"""What a file says of itself: generation settings, EXIF, XMP and C2PA, parsed and raw. Claims, not proof."""

from __future__ import annotations

import streamlit as st

from explorer.cases.case import Case
from explorer.errors import ExplorerError
from explorer.images.imported import recipe_from
from explorer.images.metadata import Embedded, Generation, read_metadata
from explorer.jobs.flows import new_search_id
from explorer.jobs.tasks import RunSearch
from explorer.records import ModelRef, Subject
from explorer.records.program_samplers import PROGRAM_LABELS, PROGRAMS
from explorer.records.replay_settings import taken_over
from pages.shared import state
from pages.shared.texts import plain, retold, say
from pages.subject import named_files_panel, settings_panel
from pages.tasks import submit


def draw(now: state.Here, case: Case, subject: Subject) -> None:
    """Draws the embedded metadata of a subject's original bytes, and a button that replays what it claims."""
    st.caption(say("embedded.claims"))
    found = _read(case, subject)
    why = "" if found.c2pa.state == "absent" else f" ({plain(found.c2pa.reason)})"  # absent says it all
    st.markdown(f"**{say('embedded.c2pa')}**: {say('c2pa.' + found.c2pa.state.replace(' ', '_'))}{why}")
    if not (found.raw or found.generation or found.exif or found.xmp):
        st.markdown(say("embedded.none"))
    for generation in found.generation:
        st.markdown(f"**{say('embedded.generation', tool=plain(generation.tool))}**")
        st.markdown("\n".join(f"- {say(f'generation.{k}')}: {plain(str(v))}"
                              for k, v in generation.facts().items()))
        _take(now, generation)
    if found.generation:
        named_files_panel.draw(now, found.generation[0])
        settings_panel.draw(case, subject, found.generation[0])
    _pairs(say("embedded.exif"), found.exif)
    _pairs(say("embedded.xmp"), found.xmp_fields)
    for block in found.raw:
        st.markdown(say("embedded.raw", name=plain(block.name), size=block.size_bytes))
        st.code(block.text[:4000], language=None, wrap_lines=True, height=160)
    for note in found.notes:
        st.caption(plain(retold(note)))


def _take(now: state.Here, generation: Generation) -> None:
    """The claimed recipe as one replay by the model in use, with what of it cannot be repeated named first."""
    info = submit.model_info(now)
    if info is None:
        return
    program = st.selectbox(say("embedded.take_as"), ("", *PROGRAMS), key=f"as_{generation.tool}_{generation.seed}",
                           format_func=lambda p: PROGRAM_LABELS.get(p, say("embedded.take_as_told")),
                           help=say("embedded.take_as_help"))
    try:
        model = ModelRef(info.source, info.fingerprint, info.family, info.adapters)
        recipe = recipe_from(generation, model, program=program)
    except ExplorerError as error:
        st.caption(str(error))
        return
    if recipe.not_replayable:
        st.caption(say("embedded.take_open", parts="; ".join(plain(retold(p)) for p in recipe.not_replayable)))
    if st.button(say("embedded.take"), key=f"take_{generation.tool}_{recipe.seed}", icon=":material/replay:",
                 help=say("embedded.take_help"), disabled=now.open_case.read_only):
        search = new_search_id()
        submit.submit(now, RunSearch(now.open_case.id, now.open_subject.id, search, taken_over(recipe),
                                     now.settings.model, now.settings.clip))
        state.go("replay", search=search, replay="")


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
