"""Likelihood ratios of the newest test with a p-value: numbers first, then words, then the reader's own prior."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from explorer.cases.case import Case
from explorer.evidence import ratio_words
from explorer.evidence.finding_ratio import FindingRatios, finding_ratios
from explorer.findings.finding import ControlResults, Finding, Measured
from explorer.records import Subject
from explorer.settings import WORLD
from pages.shared import plots, state
from pages.shared.texts import plain, say


def has(case: Case, subject: Subject) -> bool:
    """Whether a test of the subject has a p-value."""
    return _newest(case, subject) is not None


def panel(case: Case, subject: Subject) -> None:
    """The table, what it means and what not, a prior of the reader's own, and how good the ratios are."""
    test = _newest(case, subject)
    if test is None:
        return
    found = state.kept("likelihood", case, subject, lambda: finding_ratios(
        WORLD, test, case.record(Finding, test.id), case.record(ControlResults, test.controls_id)))
    if found is None:
        st.markdown(say("likelihood.none"))
        return
    table(found, key=subject.id)
    _plots(found, subject)


def table(found: FindingRatios, *, key: str) -> None:
    """What is compared, the ratios, what they mean and what not, and a prior of the reader's own."""
    first, *others = ratio_words.sentences(found)
    st.markdown(plain(first))
    head = ratio_words.head(found)
    st.markdown("\n".join(_row(r) for r in (head, ("---",) * len(head), *ratio_words.rows(found))))
    for sentence in others:
        st.markdown(plain(sentence))
    _prior(found, key)


def _newest(case: Case, subject: Subject) -> Measured | None:
    given = [t for t in case.records(Measured, subject_id=subject.id)
             if (f := case.record(Finding, t.id)) and "p" in f.numbers]
    return given[-1] if given else None


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _prior(found: FindingRatios, key: str) -> None:
    """What follows from a prior that the reader enters; nothing is filled in."""
    percent = st.number_input(say("likelihood.prior"), min_value=0.0001, max_value=99.9999, value=None,
                              help=say("likelihood.prior_help"), key=f"prior_{key}")
    if percent is None:
        return
    for copies, kinds in found.ratios.items():
        st.markdown(ratio_words.posterior_words(percent / 100, kinds.values(), copies))


def _plots(found: FindingRatios, subject: Subject) -> None:
    if not found.scores:
        return
    with st.expander(say("likelihood.plots"), icon=":material/monitoring:"):
        for copies, one in found.scores.items():
            st.markdown(ratio_words.cost_words(one, copies))
            name = ratio_words.copies_words(copies)
            _lines(one.fitted.tippett, ("tippett_seen", "tippett_unseen"), "tippett_axis", "share_axis",
                   title=say("likelihood.tippett", copies=name), key=f"tippett_{copies}_{subject.id}")
            _lines(one.fitted.ece, ("ece_these", "ece_best", "ece_without"), "ece_axis", "bits_axis",
                   title=say("likelihood.ece", copies=name), key=f"ece_{copies}_{subject.id}")


def _lines(rows: Sequence[Sequence[float]], names: Sequence[str], across: str, up: str, *, title: str,
           key: str) -> None:
    colours = (plots.WARM, plots.INK, plots.GREY)
    traces = [{"type": "scatter", "mode": "lines", "name": say(f"likelihood.{name}"), "x": [r[0] for r in rows],
               "y": [r[column] for r in rows], "line": {"color": colour}}
              for column, (name, colour) in enumerate(zip(names, colours, strict=False), start=1)]
    st.caption(title)
    plots.draw(traces, {"height": 280, "margin": {"l": 8, "r": 8, "t": 24, "b": 40},
                        "xaxis": {"title": {"text": say(f"likelihood.{across}")}},
                        "yaxis": {"title": {"text": say(f"likelihood.{up}")}}}, key=key, alt=title)
