"""Search a collection by words: a short task that runs between the steps of a long one."""

from __future__ import annotations

import streamlit as st

from explorer.jobs.tasks import EncodeText, SearchCollection
from explorer.records import Neighbour, from_json
from pages.components import live, state, widgets, work, works
from pages.components.texts import say


def draw(now: state.Here) -> None:
    """A search box; the newest search of this tab is shown below it, by its job."""
    st.header(say("search.title"), anchor=False)
    with st.form("text_search", border=False):
        words, send = st.columns([5, 1], vertical_alignment="bottom")
        text = words.text_input(say("search.words"), placeholder=say("search.hint"), key="search_words")
        sent = send.form_submit_button(say("search.go"), icon=":material/search:", width="stretch")
    if sent and text.strip():
        encode = work.submit(now, EncodeText(text.strip(), now.settings.clip))
        search = work.submit(now, SearchCollection(now.settings.collection), after=encode)
        state.remember(look=search)
    live.follow_job(_found, state.remembered("look"))


def _found() -> None:
    job_id = state.remembered("look")
    if not job_id:
        st.caption(say("search.idle"))
        return
    here = state.here()
    result = work.result_of(here, job_id)
    if result is None:
        live.one(here, job_id)
        return
    found = [from_json(Neighbour, n) for n in result["neighbours"]]
    if not found:
        widgets.empty("neighbours")
        return
    widgets.gallery([works.item(n) for n in found], key=f"found_{job_id}", label=say("works.label"))
    st.caption(say("search.scale"))
