"""Cards that several pages share: a new case with its facts, recent cases, what is in use."""

from __future__ import annotations

import streamlit as st

from explorer.cases.store import CaseRow
from explorer.clip.known_clips import clips_here
from explorer.settings import WORLD
from pages.shared import state, widgets
from pages.shared.texts import plain, say
from pages.tasks import submit

COVER_PX = 320


def which_model() -> None:
    """The first choice: the model that comes with the program, or a real one."""
    with st.container(border=True, key="which_model"):
        question, bundled, real = st.columns([2, 2, 3], vertical_alignment="center")
        question.markdown(f"**{say('start.which')}**")
        with bundled:
            st.page_link("pages/library/examples_page.py", label=say("start.which_bundled"),
                         icon=":material/science:")
        with real:
            st.page_link("pages/setup/setup_page.py", label=say("start.which_real"), icon=":material/tune:")


def new_case(now: state.Here) -> None:
    """A form for a case with its number and question; opens the Subject page on it."""
    with st.form("new_case", border=False):
        title = st.text_input(say("case.title"), placeholder=say("case.title_hint"))
        number = st.text_input(say("case.number"))
        question = st.text_area(say("case.question"), placeholder=say("case.question_hint"), height=80)
        counsel = st.toggle(say("counsel.toggle"), help=say("counsel.toggle_help"))
        if st.form_submit_button(say("case.make")):
            case = now.store.create(title, question=question, case_number=number, counsel_only=counsel)
            state.go("subject", case_id=case.id)


def recent(now: state.Here, *, limit: int = 0) -> None:
    """Cases, the one changed last first, each with its cover; a click opens it."""
    rows = now.store.list()
    if not rows:
        widgets.empty("cases")
        return
    shown = rows[:limit] if limit else rows
    items = [_item(now, row) for row in shown]
    picked = widgets.gallery(items, key=f"cases_{limit}", label=say("case.list"), cell_px=190)
    row = next((r for r in shown if r.id == picked), None)
    if row is None:
        return
    if row.problem:
        st.error(plain(row.problem), icon=":material/error:")
    else:
        state.go("subject", case_id=row.id)


def _item(now: state.Here, row: CaseRow) -> widgets.GalleryItem:
    lines = (say("case.line", subjects=row.subjects, replays=row.replays),
             say("case.changed", day=row.changed[:10]), *((say("counsel.mark"),) if row.counsel_only else ()))
    if row.problem:
        return widgets.GalleryItem(row.id, "", row.title, (say("case.unreadable"),), alt=say("case.unreadable"))
    cover = b""
    if row.cover_sha256:
        case = now.store.open(row.id)
        cover = widgets.reduced(case, row.cover_sha256, COVER_PX)
        case.close()
    return widgets.GalleryItem(row.id, widgets.data_address(cover), row.title, lines,
                               alt=say("case.cover_alt", title=row.title) if cover else say("case.no_cover"))


def in_use(now: state.Here) -> None:
    """Which model, collection, CLIP and device the next task will use."""
    info, settings = submit.model_info(now), now.settings
    devices = [w.device for w in now.queue.workers() if w.kind == "device"]
    model, collection, device = st.columns(3)
    model.markdown(say("use.model", name=plain(info.name if info else settings.model)))
    bundled = settings.collection == "world" and WORLD.exists()
    clip = plain(clips_here(settings.home).get(settings.clip, "") or settings.clip)
    clip = say("use.world_clip") if settings.clip == "world" else clip
    name = say("use.world") if bundled else plain(settings.collection)
    collection.markdown(say("use.collection", name=name, clip=clip))
    device.markdown(say("use.device", device=plain(devices[0]) if devices else say("use.no_worker"),
                        wanted=plain(settings.device)))
