"""The gallery of works: ordered and filtered by any score, marks, near copies left out, pages."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from explorer.cases import marks
from explorer.findings.gallery import GalleryPage, Wish, works_page
from explorer.findings.series import Page, pages_of
from explorer.records import Neighbour
from explorer.records.scores import SCORES
from pages.neighbours import work_cards
from pages.shared import marking, state, widgets
from pages.shared.texts import say

ORDERS = ("rank", "multiplicity", "creator")
SHOWS = ("all", "starred", "hidden")
PAGE = 48


def choose(here: state.Here, found: list[Neighbour]) -> tuple[GalleryPage[Neighbour], bool]:
    """Draws the order, the filter and the page; returns what they select, and whether clicks select."""
    scores = [n for n in work_cards.COMPARED if any(n in w.closeness for w in found)]
    order = st.segmented_control(say("neighbours.order"), (*_orders(found), *scores), default="rank", required=True,
                                 format_func=lambda o: SCORES[o].label if o in SCORES else say(f"order.{o}"),
                                 key="order")
    ordered = found if order == "rank" else sorted(found, key=lambda n: work_cards.sort_key(n, order))
    wish = marking.filter_by(Wish(score=order), SHOWS)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        several = st.toggle(say("marks.several"), key="several_works", help=say("marks.several_help"))
        page = _page(len(found), wish)
    case = here.open_case
    return works_page(case, ordered, wish, Page(page, PAGE), mark_of=work_cards.signature_of), several


def _orders(found: Sequence[Neighbour]) -> list[str]:
    """What these works can be put in order by: copies and artists only where they are known."""
    known = {"rank": True, "multiplicity": any(work_cards.copies(n) for n in found),
             "creator": any(n.creator for n in found)}
    return [order for order in ORDERS if known[order]]


def _page(total: int, wish: Wish) -> int:
    pages = pages_of(total, PAGE)
    if pages == 1:
        return 1
    return st.number_input(say("replay.page", n=pages), 1, pages, 1, key=f"works_page_{hash(wish)}", width=140)


def gallery(here: state.Here, shown: Sequence[Neighbour], *, several: bool) -> Neighbour | None:
    """Draws a page of works; returns the chosen one, None where none is."""
    case, subject_id = here.open_case, here.open_subject.id
    starred, hidden = (marks.of_works(m, subject_id) for m in (marks.STARRED, marks.HIDDEN))
    stars = marks.marked(case, starred)
    if not several:
        return work_cards.gallery(shown, key=f"works_{subject_id}", starred=stars)
    place = st.container()
    items = {work_cards.item_id(w): w for w in shown}
    chosen = widgets.gallery_of_several([work_cards.item(w, starred=w.work_id in stars) for w in shown],
                                        key=marking.key(f"works_{subject_id}"), label=say("works.label"))
    with place:
        marking.bar(case, starred, hidden, [items[i].work_id for i in chosen])
    wanted = state.remembered("work")
    return items.get(chosen[-1] if chosen else wanted)
