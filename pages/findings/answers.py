"""The plain answers that stand first, side by side: each question has its own card.

A further answer is one more row of ANSWERS: a function that draws its card from what the page works on, and
nothing where there is nothing to say.
"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from pages.findings import familiarity_panel, known_card, verdict_card
from pages.shared import model_names, state
from pages.shared.texts import plain, say
from pages.tasks import live, submit

# what brings an answer, and is followed until it is there
TASKS = ("MeasureSubject", "MeasureControls", *familiarity_panel.TASKS)


def comes_back(here: state.Here) -> None:
    """Does the picture come back? The measured test's answer for the model in use, or that there is none."""
    case, subject = here.open_case, here.open_subject
    mine, others = verdict_card.in_use(here)
    for one in mine:
        verdict_card.draw(case, subject, one)
    if not mine:
        _none(here)
    if others:
        with st.expander(say("verdict.others", n=len(others)), icon=":material/deployed_code:"):
            for number, one in enumerate(others):
                st.markdown(f"**{plain(model_names.of(one.model))}**")
                verdict_card.draw(case, subject, one, key=f"other_{number}")


ANSWERS: tuple[Callable[[state.Here], None], ...] = (comes_back, known_card.is_known)


def panel() -> None:
    """All answers, side by side on a wide screen; redrawn while a test is under way."""
    live.follow(_draw, *TASKS)


def _draw() -> None:
    here = state.here()
    if here.case is None or here.subject is None:
        return
    live.panel(here, *TASKS)
    draw(here)


def draw(here: state.Here, *, stacked: bool = False) -> None:
    """The cards as they stand now: side by side, or one below the other in a narrow place."""
    places = [st.container() for _ in ANSWERS] if stacked else st.columns(len(ANSWERS), gap="medium")
    for place, answer in zip(places, ANSWERS, strict=True):
        with place:
            answer(here)


def _none(here: state.Here) -> None:
    with st.container(border=True, key="verdict_none_answer", gap="xsmall"):
        st.caption(say("verdict.question"))
        running = bool(submit.active(here, *TASKS))
        st.subheader(say("verdict.under_way" if running else "verdict.none"), anchor=False)
        if not running and not here.open_case.read_only:
            st.markdown(say("verdict.none_text"))
