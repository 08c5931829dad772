"""Beside the picture: its answers once there are any, what is under way, and the button that runs everything."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from explorer.findings.controls import world_policies
from explorer.settings import WORLD
from pages.findings import answers, verdict_card
from pages.library import stories
from pages.shared import frame, state
from pages.shared.texts import plain, say
from pages.tasks import live, submit


def draw() -> None:
    """Draws the panel; redraws itself while the loop runs, so that the answer is there as soon as it is known."""
    live.follow(_draw, *live.LOOP)


def _draw() -> None:
    here = state.here()
    if here.case is None or here.subject is None:
        return
    mine, _ = verdict_card.in_use(here)
    if mine:
        answers.draw(here, stacked=True)
        st.page_link(frame.script("findings"), label=say("verdict.findings"), icon=":material/arrow_forward:",
                     query_params=here.address)
    live.panel(here, *live.LOOP)
    if not stories.only_read(here):
        _run(here, tested=bool(mine))


def _run(here: state.Here, *, tested: bool) -> None:
    """The button, and beforehand that it spends the one measured test, with the way to set that first."""
    case, subject = here.open_case, here.open_subject
    st.markdown(say("subject.run_text", seeds=submit.TRY_SEEDS, strengths=len(submit.TRY_STRENGTHS)))
    st.markdown(say("subject.run_tested") if tested else _what_test(here))
    busy = bool(submit.active(here, *live.LOOP))
    with st.container(horizontal=True):
        if st.button(say("subject.run"), type="secondary" if tested else "primary", icon=":material/play_arrow:",
                     disabled=busy, help=say("subject.run_help")):
            submit.run_all(here, case.id, subject.id, submit.default_replays())
            st.rerun(scope="app")
        if not tested and st.button(say("subject.set_first"), icon=":material/tune:", disabled=busy):
            state.go("findings", case_id=case.id, subject_id=subject.id)


def _what_test(here: state.Here) -> str:
    test = submit.test_of(here, here.open_subject.caption)
    if test.policy is None:
        return say("subject.run_no_test")
    if test.controls != "world":
        return say("subject.run_test_folder", seeds=test.policy.seeds, folder=plain(Path(test.controls).name))
    return say("subject.run_test", seeds=test.policy.seeds, controls=world_policies(WORLD).get(test.policy.id, 0))
