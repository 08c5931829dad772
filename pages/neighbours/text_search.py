"""Search a collection by words, by the subject or a part of it, or by both: a short task that runs between
the steps of a long one."""

from __future__ import annotations

import streamlit as st

from explorer.jobs.tasks import EncodeQuery, EncodeText, SearchCollection
from explorer.records import Neighbour, from_json
from pages.neighbours import remote_panel, work_cards
from pages.shared import state, widgets
from pages.shared.texts import say
from pages.subject import region
from pages.tasks import live, submit

_WAYS = {"words": "search.by_words", "image": "search.by_image"}
_SCALES = {"text": "search.scale", "image": "search.scale_image", "mixed": "search.scale_mixed"}


def draw(now: state.Here) -> None:
    """A search box; the newest search of this tab is shown below it, by its job."""
    st.header(say("search.title"), anchor=False)
    way = "words"
    if now.subject is not None:
        way = st.segmented_control(say("search.by"), list(_WAYS), default="words", required=True,
                                   format_func=lambda w: say(_WAYS[w]), key="search_by")
    box = region.choose(now) if way == "image" else ()
    more = remote_panel.options(now)
    with st.form("text_search", border=False):
        words, send = st.columns([5, 1], vertical_alignment="bottom")
        label = say("search.words" if way == "words" else "search.words_too")
        text = words.text_input(label, placeholder=say("search.hint"), key="search_words")
        weight = st.slider(say("search.weight"), 0.0, 1.0, 0.5, 0.05, key="search_weight",
                           help=say("search.weight_help")) if way == "image" else 0.0
        sent = send.form_submit_button(say("search.go"), icon=":material/search:", width="stretch")
    if sent and (text.strip() or way == "image"):
        query = EncodeText(text.strip(), now.settings.clip) if way == "words" else EncodeQuery(
            now.open_case.id, now.open_subject.id, box, text.strip(), weight, now.settings.clip)
        encode = submit.submit(now, query)
        state.remember(look=submit.submit(now, SearchCollection(now.settings.collection, **more), after=encode))
    live.follow_job(_found, state.remembered("look"))


def _found() -> None:
    job_id = state.remembered("look")
    if not job_id:
        st.caption(say("search.idle"))
        return
    here = state.here()
    result = submit.result_of(here, job_id)
    if result is None:
        live.one(here, job_id)
        return
    found = [from_json(Neighbour, n) for n in result["neighbours"]]
    remote_panel.told(result)
    if not found:
        widgets.empty("neighbours")
        return
    widgets.gallery([work_cards.item(n) for n in found], key=f"found_{job_id}", label=say("works.label"))
    st.caption(say(_SCALES[result.get("side", "text")]))
    remote_panel.pictures(here, found, key=job_id)
