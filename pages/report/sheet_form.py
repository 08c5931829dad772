"""One replay as an A4 sheet: which, and the button."""

from __future__ import annotations

import streamlit as st

from explorer.cases.case import Case
from explorer.findings.series import distinct, in_rank
from explorer.jobs.tasks import WriteReport
from explorer.records import Replay, Start
from explorer.records.scores import SCORES, shown
from pages.replay import replay_cards
from pages.shared import speech, state
from pages.shared.texts import bare, say
from pages.tasks import submit

SCORE = "tiled_l2"
MOST = 40


def draw(now: state.Here, prepared_by: str) -> None:
    """The choice among this case's exhibits (its closest replays where there are none), and the button."""
    case = now.open_case
    offered = offered_replays(case)
    if not offered:
        st.caption(say("sheet_form.none"))
        return
    chosen = st.selectbox(say("sheet_form.which"), list(offered), key="sheet_of",
                          format_func=lambda i: _named(case, offered[i]))
    if st.button(say("sheet_form.go"), icon=":material/article:"):
        submit.submit(now, WriteReport(case.id, "pdf", "short", prepared_by.strip(), replay_id=chosen,
                                       language=speech.written()))
        st.rerun()


def offered_replays(case: Case) -> dict[str, Replay]:
    """Replays to choose from, by id: exhibits, or the closest of each subject; by closeness, from noise first."""
    subjects = {s.id: s for s in case.subjects()}
    found = distinct(case.exhibits()) or [
        r for s in subjects for r in case.noise_first(s, order_by=SCORE, limit=MOST)]
    given = {r.id: r.recipe.start(subjects[r.subject_id]) is not Start.NOISE for r in found}
    return {r.id: r for r in sorted(in_rank(found, SCORE), key=lambda r: given[r.id])[:MOST]}


def _named(case: Case, replay: Replay) -> str:
    subject, value = case.subject(replay.subject_id), replay.closeness.get(SCORE)
    close = "–" if value is None else shown(SCORE, value)
    return say("sheet_form.one", name=bare(subject.name), seed=replay.recipe.seed, value=close,
               start=replay_cards.began(replay.recipe, subject, "share"), label=SCORES[SCORE].label)
