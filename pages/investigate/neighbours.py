"""Neighbours: the works of a collection nearest to the subject, or to words; similar is not derived."""

from __future__ import annotations

import streamlit as st

from explorer.jobs.tasks import EmbedSubject, FindNeighbours
from explorer.records import Neighbour
from pages.components import begin, live, path, state, textsearch, widgets, work, works
from pages.components.texts import say

now = path.head("neighbours")
TASKS = ("EmbedSubject", "FindNeighbours")


def _start() -> None:
    k, button = st.columns([1, 3], vertical_alignment="bottom")
    wanted = k.number_input(say("neighbours.k"), 1, 200, 24, help=say("neighbours.k_help"), key="k")
    if button.button(say("neighbours.find"), type="primary", icon=":material/search:",
                     disabled=bool(work.active(now, *TASKS))):
        subject = (now.open_case.id, now.open_subject.id)
        embed = work.submit(now, EmbedSubject(*subject, now.settings.clip))
        work.submit(now, FindNeighbours(*subject, now.settings.collection, now.settings.clip, wanted),
                    after=embed)
        st.rerun()


def _found() -> None:
    here = state.here()
    live.panel(here, *TASKS)
    found = here.open_case.neighbours(here.open_subject.id)
    if not found:
        widgets.empty("neighbours")
        return
    st.caption(say("neighbours.scale", n=len(found)))
    order = st.segmented_control(say("neighbours.order"), ("rank", "multiplicity", "creator"), default="rank",
                                 required=True, format_func=lambda o: say(f"order.{o}"), key="order")
    ordered = found if order == "rank" else sorted(found, key=lambda n: works.sort_key(n, order))
    left, right = st.columns([1, 1], gap="large")
    with left.container(height=760, border=False):
        picked = works.gallery(ordered, key=f"works_{here.open_subject.id}")
    if picked is not None:
        with right:
            _one(here, picked)


def _one(here: state.Here, picked: Neighbour) -> None:
    works.beside(here.open_case, here.open_subject, picked)
    works.facts(picked)
    st.info(say("works.not_proof"), icon=":material/info:")
    if picked.caption and st.button(say("neighbours.use_caption"), key="use_caption"):
        here.open_case.choose_prompt(here.open_subject.id, picked.caption)
        st.toast(say("prompt.kept"), icon=":material/check_circle:")


if begin.needed(now, "neighbours"):
    _start()
    live.follow(_found, *TASKS)
st.divider()
textsearch.draw(now)
