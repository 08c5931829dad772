"""Marks and filters that galleries share: star, hide, what to show, and how many are left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from explorer.cases import marks
from explorer.cases.case import Case
from explorer.findings.gallery import LOOKED_AT, SIMILARITY, Wish
from explorer.records.scores import SCORES
from pages.replay import replay_cards
from pages.shared.texts import say


def filter_by(wish: Wish, shows: Sequence[str]) -> Wish:
    """Draws what can be filtered; returns the wish with it. Without a score in it no limit is offered."""
    left, middle, right = st.columns([3, 2, 2], vertical_alignment="bottom")
    show = left.segmented_control(say("marks.show"), shows, default="all", required=True, key=f"show_{shows}",
                                  format_func=lambda s: say(f"marks.show_{s}"))
    limit = None
    if wish.score in SCORES or wish.score == SIMILARITY:
        label = SCORES[wish.score].label if wish.score in SCORES else say("order.rank")
        better = SCORES[wish.score].better if wish.score in SCORES else "higher"
        limit = middle.number_input(say(f"marks.limit_{better}", label=label), value=None, format="%.3f",
                                    key=f"limit_{shows}_{wish.score}", placeholder=say("marks.limit_none"),
                                    help=replay_cards.reading(wish.score) if wish.score in SCORES else None)
    fold = right.toggle(say("marks.fold"), key=f"fold_{shows}", help=say("marks.fold_help", n=LOOKED_AT))
    return replace(wish, show=show, limit=limit, fold=fold)


def bar(case: Case, starred: str, hidden: str, chosen: Sequence[str]) -> None:
    """Star, take the star off, hide and show again, for all that are selected."""
    st.markdown(say("marks.selected", n=len(chosen)))
    acts = (("marks.star", marks.put, starred, "star"), ("marks.unstar", marks.take_off, starred, "star_border"),
            ("marks.hide", marks.put, hidden, "visibility_off"),
            ("marks.unhide", marks.take_off, hidden, "visibility"))
    with st.container(horizontal=True, gap="small"):
        for name, act, mark, icon in acts:
            if st.button(say(name), icon=f":material/{icon}:", key=f"{name}_{mark}",
                         disabled=case.read_only or not chosen):
                act(case, mark, chosen)
                done()
    if case.read_only:
        st.caption(say("marks.read_only"))


def key(name: str) -> str:
    """A key for a gallery of several that lets go of its selection once something was done with it."""
    return f"{name}_many_{st.session_state.get('marked', 0)}"


def done() -> None:
    """Draws the page again with nothing selected."""
    st.session_state["marked"] = st.session_state.get("marked", 0) + 1
    st.rerun(scope="app")


def left_out(hidden: int, copies: int) -> None:
    """What is not shown and why; nothing is ever removed."""
    told = [say("marks.hidden_count", n=hidden)] if hidden else []
    told += [say("marks.copies_count", n=copies)] if copies else []
    if told:
        st.caption(" ".join(told))
