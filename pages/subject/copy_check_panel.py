"""The check at the door, on the screen: is a picture that the model made a near copy of a known work?"""

from __future__ import annotations

import streamlit as st

from explorer.jobs.tasks import CheckCopy, EncodeQuery
from explorer.records import CopyCheck
from pages.neighbours import work_cards
from pages.report import share
from pages.shared import state
from pages.shared.texts import plain, retold, say
from pages.tasks import live, submit

_TASKS = ("EncodeQuery", "CheckCopy")
_BY = {"hash": "door.by_hash", "embedding": "door.by_embedding", "both": "door.by_both"}


def start(now: state.Here, case_id: str, *, subject_id: str = "", after: str | None = None) -> str:
    """Puts the check on the queue, of a subject or of the one that the job `after` makes."""
    query = submit.submit(now, EncodeQuery(case_id, subject_id, clip=now.settings.clip), after=after)
    return submit.submit(now, CheckCopy(case_id, now.settings.collection), after=query)


def draw() -> None:
    """Draws what is known of a subject that the model made; nothing for others, or without a collection."""
    here = state.here()
    made = here.case is not None and here.subject is not None and here.subject.origin == "generated"
    if made and here.settings.neighbours_from:
        live.follow(_panel, *_TASKS)


def _panel() -> None:
    here = state.here()
    case, subject = here.open_case, here.open_subject
    found = case.records(CopyCheck, subject_id=subject.id)
    with st.container(border=True):
        st.markdown(f"**{say('door.title')}**")
        if submit.active(here, *_TASKS):
            st.markdown(say("door.waiting"))
            live.panel(here, *_TASKS)
        elif found:
            _result(found[-1])
            share.draw_found(case, subject, found[-1])
        else:
            st.markdown(say("door.open"))
            live.panel(here, *_TASKS)
            if not case.read_only and st.button(say("door.start"), key="door_start"):
                start(here, case.id, subject_id=subject.id)
                st.rerun()


def _result(seen: CopyCheck) -> None:
    if not seen.compared:
        st.info(say("door.unknown", note=plain(retold(seen.note))), icon=":material/help:")
        return
    facts = {"title": plain(seen.title), "creator": plain(seen.creator) or say("works.no_creator"),
             "likeness": f"{seen.likeness:.3f}", "limit": f"{seen.limit:.2f}", "n": f"{seen.compared:,}"}
    picture, words = st.columns([1, 5])
    with picture:
        work_cards.small(seen.image_path, title=seen.title, creator=seen.creator)
    with words:
        if seen.is_near_copy:
            st.warning(say("door.flagged", **facts), icon=":material/content_copy:")
        else:
            st.markdown(say("door.clear", **facts))
        st.caption(say("door.how", bits=seen.bits, by=say(_BY[seen.by])))
        if seen.found_rate is not None and seen.false_rate is not None:
            st.caption(say("door.rates", found=f"{seen.found_rate:.1%}", false=f"{seen.false_rate:.1%}"))
