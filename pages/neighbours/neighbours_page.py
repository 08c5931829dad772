"""Neighbours: the works of a collection nearest to the subject, or to words; similar is not derived."""

from __future__ import annotations

import streamlit as st

from explorer.findings.gallery import GalleryPage
from explorer.jobs.tasks import CompareNeighbours, EmbedSubject, FindNeighbours
from explorer.records import Neighbour
from pages.library import stories
from pages.neighbours import text_search, work_cards, work_gallery
from pages.shared import loop_path, marking, state, upload, widgets
from pages.shared.texts import say
from pages.tasks import live, submit

now = loop_path.head("neighbours")
TASKS = ("EmbedSubject", "FindNeighbours", "CompareNeighbours")


def _start() -> None:
    k, button = st.columns([1, 3], vertical_alignment="bottom")
    wanted = k.number_input(say("neighbours.k"), 1, 200, 24, help=say("neighbours.k_help"), key="k")
    if button.button(say("neighbours.find"), type="primary", icon=":material/search:",
                     disabled=bool(submit.active(now, *TASKS))):
        subject = (now.open_case.id, now.open_subject.id)
        embed = submit.submit(now, EmbedSubject(*subject, now.settings.clip))
        find = submit.submit(now, FindNeighbours(*subject, now.settings.neighbours_from, now.settings.clip, wanted),
                             after=embed)
        submit.submit(now, CompareNeighbours(*subject), after=find)
        st.rerun()


def _found() -> None:
    here = state.here()
    live.panel(here, *TASKS)
    found = work_cards.found_in(here.open_case, here.open_subject)
    if not found:
        if not submit.active(here, *TASKS):
            widgets.empty("neighbours")
        return
    st.caption(say("neighbours.scale", n=len(found)))
    pictures, tools = st.container(), st.container()
    with tools.expander(say("replay.tools"), icon=":material/tune:"):
        shown, several = work_gallery.choose(here, found)
        _compare(here, found)
    with pictures:
        _pictures(here, shown, several=several)


def _pictures(here: state.Here, shown: GalleryPage[Neighbour], *, several: bool) -> None:
    """The works of the choice, and one of them beside the subject."""
    st.caption(say("neighbours.count", shown=len(shown.items), total=shown.total))
    marking.left_out(shown.hidden, shown.copies)
    if shown.items:
        left, right = st.columns([1, 1], gap="large")
        with left.container(height=1040, border=False, key="pictures"):
            picked = work_gallery.gallery(here, shown.items, several=several)
        if picked is not None:
            with right:
                _one(here, picked)


def _compare(here: state.Here, found: list[Neighbour]) -> None:
    """Offers to compare the pictures of neighbours that were found without."""
    if any(n.closeness for n in found):
        st.caption(say("neighbours.compared"))
        return
    possible = any(n.image_path for n in found) and not here.open_case.read_only
    if possible and st.button(say("neighbours.compare"), help=say("neighbours.compare_help"), key="compare",
                              disabled=bool(submit.active(here, *TASKS))):
        submit.submit(here, CompareNeighbours(here.open_case.id, here.open_subject.id))
        st.rerun()


def _one(here: state.Here, picked: Neighbour) -> None:
    work_cards.beside(here.open_case, here.open_subject, picked)
    work_cards.facts(picked)
    work_cards.closeness(picked)
    if picked.caption and not here.open_case.read_only and st.button(say("neighbours.use_caption"),
                                                                     key="use_caption"):
        here.open_case.choose_prompt(here.open_subject.id, picked.caption)
        st.toast(say("prompt.kept"), icon=":material/check_circle:")


def _none() -> None:
    """That another model's neighbours are nowhere yet, and where a collection is chosen."""
    st.info(say("neighbours.none_for_model"), icon=":material/collections_bookmark:")
    st.page_link("pages/library/collections_page.py", label=say("neighbours.choose_collection"),
                 icon=":material/arrow_forward:")


if upload.needed(now, "neighbours"):
    if not now.settings.neighbours_from:
        _none()
    elif not stories.only_read(now):
        _start()
    live.follow(_found, *TASKS)
if now.settings.neighbours_from:
    st.divider()
    text_search.draw(now)
st.caption(say("works.not_proof"))
