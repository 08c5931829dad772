"""The answer to "does the model know it?": one sentence, one number, the picture among its controls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from explorer.cases.case import Case
from explorer.familiarity.records import FamiliarityTest, KnownControls
from explorer.findings.finding import Finding, Measured
from explorer.records import Subject
from explorer.settings import WORLD
from pages.findings import answer_parts
from pages.neighbours import work_cards
from pages.shared import model_names, state
from pages.shared.texts import known, plain, retold, say

if TYPE_CHECKING:  # scipy comes with it: only where there is an answer to draw
    from explorer.familiarity.known_among import KnownAmong


def is_known(here: state.Here) -> None:
    """The card beside "does it come back?": the newest answer of the subject, or that there is none."""
    case, subject = here.open_case, here.open_subject
    tests = case.records(FamiliarityTest, subject_id=subject.id)
    with st.container(border=True, key="familiar_card"):
        with st.container(key="familiar_answer", gap="xsmall"):
            st.caption(say("familiar.question"))
            st.subheader(title(tests[-1].finding) if tests else say("familiar.none"), anchor=False)
        if tests:
            _answer(case, subject, tests[-1])
        else:
            st.markdown(say("familiar.text"))


def title(finding: Finding) -> str:
    """The finding in a few words; its sentence for a kind of another version's."""
    key = f"familiar.{finding.kind}"
    return say(key) if known(key) else plain(retold(finding.statement))


def words(source: str) -> str:
    """Where the words of a test came from."""
    key = f"familiar.words_{source}"
    return say(key) if known(key) else plain(source)


def _answer(case: Case, subject: Subject, test: FamiliarityTest) -> None:
    found = _among(case, test)
    if found is not None:
        key = "familiar.line" if found.adjusted else "familiar.line_plain"
        answer_parts.count(test.finding.numbers["p"], say(key, at_least=found.at_least, controls=len(found.theirs)),
                           tip=say("familiar.p_help"))
    elif known(key := f"familiar.{test.finding.kind}_text"):
        st.markdown(say(key))
    else:
        st.markdown(plain(retold(test.finding.statement)))
    st.markdown(say("familiar.what"))
    if found is not None:
        answer_parts.dots(found.mine, found.theirs, axis=say("familiar.axis"), key=f"known_dots_{test.id}",
                          alt=say("familiar.dots_alt", at_least=found.at_least, controls=len(found.theirs)))
    _both(_measured(case, subject), test)
    _one_like_it(case, subject, test)
    limit = f"familiar.{test.finding.kind}_limit"
    how = say("familiar.tested", model=plain(model_names.of(test.model)), words=words(test.words))
    st.caption(" ".join([how, say(limit)] if known(limit) else [how]))


def _one_like_it(case: Case, subject: Subject, test: FamiliarityTest) -> None:
    """Of a known picture: its nearest works by name, and how pictures made after known ones did."""
    from explorer.evidence.known_ratio import one_like_it  # scipy comes with it: only where there is an answer
    controls = case.record(KnownControls, test.controls_id) if test.controls_id else None
    if like := one_like_it(WORLD, test, controls, work_cards.found_in(case, subject)):
        st.markdown(plain(like))


def _among(case: Case, test: FamiliarityTest) -> KnownAmong | None:
    """Where the test lies among its controls; None where no p-value was given."""
    if "p" not in test.finding.numbers:
        return None
    controls = case.record(KnownControls, test.controls_id)
    if controls is None:
        return None
    from explorer.familiarity.known_among import among
    return among(test, controls)


def _measured(case: Case, subject: Subject) -> Finding | None:
    """The finding of the newest measured test."""
    tests = case.records(Measured, subject_id=subject.id)
    return case.record(Finding, tests[-1].id) if tests else None


def _both(measured: Finding | None, test: FamiliarityTest) -> None:
    """One p-value of the two answers, by the rule that was fixed beforehand."""
    if measured is not None and "p" in measured.numbers and "p" in test.finding.numbers:
        from explorer.familiarity.judge import both
        st.markdown(say("familiar.both", p=f"{both(measured.numbers['p'], test.finding.numbers['p']):.3g}"))
