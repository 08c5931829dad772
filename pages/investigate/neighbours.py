"""Neighbours: the works of a collection nearest to the subject, or to words; similar is not derived."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from explorer.cases import marks
from explorer.closeness.catalogue import SCORES
from explorer.findings.series import Page, pages_of
from explorer.findings.shelf import Wish, WorkShelf, shelf_of_works
from explorer.jobs.tasks import CompareNeighbours, EmbedSubject, FindNeighbours
from explorer.records import Neighbour
from pages.components import begin, live, maps, marking, path, state, stories, textsearch, widgets, work, works
from pages.components.texts import say

now = path.head("neighbours")
TASKS = ("EmbedSubject", "FindNeighbours", "CompareNeighbours")
ORDERS = ("rank", "multiplicity", "creator")
SHOWS = ("all", "starred", "hidden")
PAGE = 48


def _start() -> None:
    k, button = st.columns([1, 3], vertical_alignment="bottom")
    wanted = k.number_input(say("neighbours.k"), 1, 200, 24, help=say("neighbours.k_help"), key="k")
    if button.button(say("neighbours.find"), type="primary", icon=":material/search:",
                     disabled=bool(work.active(now, *TASKS))):
        subject = (now.open_case.id, now.open_subject.id)
        embed = work.submit(now, EmbedSubject(*subject, now.settings.clip))
        find = work.submit(now, FindNeighbours(*subject, now.settings.collection, now.settings.clip, wanted),
                           after=embed)
        work.submit(now, CompareNeighbours(*subject), after=find)
        st.rerun()


def _found() -> None:
    here = state.here()
    live.panel(here, *TASKS)
    found = works.found_in(here.open_case, here.open_subject)
    if not found:
        if not work.active(here, *TASKS):
            widgets.empty("neighbours")
        return
    st.caption(say("neighbours.scale", n=len(found)))
    _compare(here, found)
    shown, several = _choose(here, found)
    st.caption(say("neighbours.count", shown=len(shown.works), total=shown.total))
    marking.left_out(shown.hidden, shown.copies)
    if shown.works:
        left, right = st.columns([1, 1], gap="large")
        with left.container(height=1040, border=False):
            picked = _gallery(here, shown.works, several=several)
        if picked is not None:
            with right:
                _one(here, picked)
    maps.draw(here, found)


def _choose(here: state.Here, found: list[Neighbour]) -> tuple[WorkShelf, bool]:
    """Draws the order, the filter and the page; returns what they select, and whether clicks select."""
    scores = [n for n in works.COMPARED if any(n in w.closeness for w in found)]
    order = st.segmented_control(say("neighbours.order"), (*ORDERS, *scores), default="rank", required=True,
                                 format_func=lambda o: SCORES[o].label if o in SCORES else say(f"order.{o}"),
                                 key="order")
    ordered = found if order == "rank" else sorted(found, key=lambda n: works.sort_key(n, order))
    wish = marking.filter_by(Wish(score=order), SHOWS)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        several = st.toggle(say("marks.several"), key="several_works", help=say("marks.several_help"))
        page = _page(len(found), wish)
    case = here.open_case
    return shelf_of_works(case, ordered, wish, Page(page, PAGE), mark_of=works.signature_of), several


def _page(total: int, wish: Wish) -> int:
    pages = pages_of(total, PAGE)
    if pages == 1:
        return 1
    return st.number_input(say("replay.page", n=pages), 1, pages, 1, key=f"works_page_{hash(wish)}", width=140)


def _gallery(here: state.Here, shown: Sequence[Neighbour], *, several: bool) -> Neighbour | None:
    case, subject_id = here.open_case, here.open_subject.id
    starred, hidden = (marks.of_works(m, subject_id) for m in (marks.STARRED, marks.HIDDEN))
    stars = marks.marked(case, starred)
    if not several:
        return works.gallery(shown, key=f"works_{subject_id}", starred=stars)
    place = st.container()
    items = {works.item_id(w): w for w in shown}
    chosen = widgets.gallery_of_several([works.item(w, starred=w.work_id in stars) for w in shown],
                                        key=marking.key(f"works_{subject_id}"), label=say("works.label"))
    with place:
        marking.bar(case, starred, hidden, [items[i].work_id for i in chosen])
    wanted = state.remembered("work")
    return items.get(chosen[-1] if chosen else wanted)


def _compare(here: state.Here, found: list[Neighbour]) -> None:
    """Offers to compare the pictures of neighbours that were found without."""
    if any(n.closeness for n in found):
        st.caption(say("neighbours.compared"))
        return
    possible = any(n.image_path for n in found) and not here.open_case.read_only
    if possible and st.button(say("neighbours.compare"), help=say("neighbours.compare_help"), key="compare",
                              disabled=bool(work.active(here, *TASKS))):
        work.submit(here, CompareNeighbours(here.open_case.id, here.open_subject.id))
        st.rerun()


def _one(here: state.Here, picked: Neighbour) -> None:
    works.beside(here.open_case, here.open_subject, picked)
    works.facts(picked)
    works.closeness(picked)
    st.info(say("works.not_proof"), icon=":material/info:")
    if picked.caption and not here.open_case.read_only and st.button(say("neighbours.use_caption"),
                                                                     key="use_caption"):
        here.open_case.choose_prompt(here.open_subject.id, picked.caption)
        st.toast(say("prompt.kept"), icon=":material/check_circle:")


if begin.needed(now, "neighbours"):
    if not stories.only_read(now):
        _start()
    live.follow(_found, *TASKS)
st.divider()
textsearch.draw(now)
