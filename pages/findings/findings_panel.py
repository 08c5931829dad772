"""The findings of a case on the screen: statement, closest replays, effort, bits supplied."""

from __future__ import annotations

import streamlit as st

from explorer.cases.case import Case
from explorer.findings.series import Closest, case_effort, closest
from explorer.records import Effort, LedgerEntry, Replay, SearchPlan, Start, Subject
from pages.prompt import prompts_panel
from pages.replay import replay_cards
from pages.shared import state
from pages.shared.texts import plain, retold, say

SCORE = "tiled_l2"


def _found(case: Case, subject: Subject) -> tuple[Closest, Effort, Effort]:
    """The closest replays, everything spent, and of it that from plain noise; kept while it holds."""
    return state.kept("findings", case, subject, lambda: (
        closest(case, subject, SCORE), case_effort(case, subject), case_effort(case, subject, start=Start.NOISE)))


def _pair(found: Closest, subject: Subject) -> list[tuple[Start, Replay]]:
    return [(r.recipe.start(subject), r) for r in (found.noise, found.given) if r is not None]


def tried(case: Case, subject: Subject) -> None:
    """All searches together: the closest from noise, the closest that was given more, and the effort."""
    st.caption(say("findings.all_text"))
    found = _pair(_found(case, subject)[0], subject)
    for column, (start, replay) in zip(st.columns(len(found), gap="large"), found, strict=True):
        with column:
            _closest(case, subject, start, replay)
    effort(case, subject)


def _closest(case: Case, subject: Subject, start: Start, replay: Replay) -> None:
    """One of the two beside the subject, and what it says by itself; only a measured test ranks among controls."""
    from explorer.findings.closeness_finding import judge
    _, spent, from_noise = _found(case, subject)
    says = judge(subject.id, replay, from_noise if start is Start.NOISE else spent, score=SCORE,
                 ledger=ledger(case, replay))
    st.markdown(f"**{say(f'findings.best_{start}')}**")
    replay_cards.beside(case, subject, replay, key=f"best_{start}_{subject.id}", widest_px=400)
    st.caption(replay_cards.how_made(replay, subject))
    st.markdown(plain(retold(says.statement)))
    replay_cards.score_list(replay.closeness)
    replay_cards.ledger_table(ledger(case, replay))


def brought(case: Case, subject: Subject) -> None:
    """Which words brought the closest replay back."""
    nearest = _found(case, subject)[0].noise
    if nearest is not None:
        prompts_panel.words(case, subject, nearest.recipe.prompt)


def effort(case: Case, subject: Subject) -> None:
    """Tries, network evaluations and seconds, and what not finding anything would mean."""
    spent = _found(case, subject)[1]
    st.markdown(f"**{say('findings.effort')}**")
    st.markdown(say("findings.effort_line", tries=spent.tries, evaluations=f"{spent.unet_evaluations:,}",
                    seconds=f"{spent.elapsed_s:.0f}", searches=len(case.plans(subject.id))))
    st.caption(say("findings.not_absent"))


def ledger(case: Case, replay: Replay) -> tuple[LedgerEntry, ...]:
    """The bits that were supplied for one replay, from its plan and the case's prompts."""
    from explorer.findings.case_ledger import replay_ledger
    return replay_ledger(case, replay) if case.record(SearchPlan, replay.search_id) is not None else ()
