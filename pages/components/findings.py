"""The findings of a case on the screen: statement, closest replays, effort, bits supplied."""

from __future__ import annotations

import streamlit as st

from explorer.cases.case import Case
from explorer.closeness.catalogue import SCORES, shown
from explorer.findings.series import best, total_effort
from explorer.records import Replay, Subject
from pages.components import replays
from pages.components.texts import say

SCORE = "tiled_l2"
MOST = 2000


def _bests(case: Case, subject: Subject) -> tuple[Replay | None, Replay | None]:
    found = case.replays(subject.id, order_by=SCORE, limit=MOST)
    return best(found, given=False), best(found, given=True)


def statement(case: Case, subject: Subject) -> None:
    """One sentence on what was reached with which effort; never that something was copied."""
    noise, given = _bests(case, subject)
    spent = total_effort(case.replays(subject.id, order_by="time", limit=-1))
    if noise is not None:
        st.subheader(say("findings.reached", value=shown(SCORE, noise.closeness[SCORE]),
                         label=SCORES[SCORE].label.lower(), tries=spent.tries), anchor=False)
        st.markdown(say("findings.read", plain=SCORES[SCORE].plain))
    if given is not None:
        st.markdown(say("findings.given", value=shown(SCORE, given.closeness[SCORE]),
                        strength=f"{given.recipe.strength:g}"))
    st.markdown(say("findings.uncalibrated"))


def pair(case: Case, subject: Subject) -> None:
    """The closest replay from noise, and the closest that was given the subject, each beside the subject."""
    found = zip(("noise", "subject"), _bests(case, subject), strict=True)
    named = [(name, replay) for name, replay in found if replay is not None]
    if not named:
        return
    for column, (name, replay) in zip(st.columns(len(named), gap="large"), named, strict=True):
        with column:
            st.subheader(say(f"findings.best_{name}"), anchor=False)
            replays.beside(case, subject, replay, key=f"best_{name}_{subject.id}", widest_px=400)
            st.caption(replays.how_made(replay))
            replays.score_list(replay)


def effort(case: Case, subject: Subject) -> None:
    """Tries, network evaluations and seconds, and what not finding anything would mean."""
    spent = total_effort(case.replays(subject.id, order_by="time", limit=-1))
    st.subheader(say("findings.effort"), anchor=False)
    st.markdown(say("findings.effort_line", tries=spent.tries, evaluations=f"{spent.unet_evaluations:,}",
                    seconds=f"{spent.elapsed_s:.0f}", searches=len(case.plans(subject.id))))
    st.caption(say("findings.not_absent"))


def supplied(case: Case, subject: Subject) -> None:
    """The ledger of the newest search that has ended."""
    st.subheader(say("findings.ledger"), anchor=False)
    st.markdown(say("replay.bits_text"))
    ended = case.searches(subject.id)
    replays.ledger_table(ended[-1].ledger if ended else ())


