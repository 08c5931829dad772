"""A case's measured tests: its works ranked together, and each that has a p-value with its controls."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from explorer.cases.view import CaseView
from explorer.findings.finding import ControlResults, Finding, Measured
from explorer.findings.portfolio import Portfolio, WorkResult, rank_portfolio


@dataclass(frozen=True)
class Ranked:
    """A measured test to which a p-value was given, with the controls that it was ranked among."""

    test: Measured
    controls: ControlResults
    p: float | None = None  # as it went on record


def portfolio_of(case: CaseView, *, rate: float = 0.1) -> Portfolio | None:
    """The ranking of the case's works under their commonest policy and controls; None before there is one.

    A work's first test counts: later ones were chosen after a look. Works without controls are left out, and so are
    pictures that the model may have made.
    """
    names = {s.id: s.name for s in case.subjects()}
    made = {f.id for f in case.records(Finding) if f.kind == "familiarity_made"}
    tests = [t for t in case.records(Measured) if t.controls_id and t.subject_id in names
             and not (t.earlier_tests or t.caption_late) and t.id not in made]
    chosen = Counter(t.controls_id for t in tests).most_common(1)[0][0] if tests else ""
    controls = case.record(ControlResults, chosen)
    if controls is None:
        return None
    first: dict[str, Measured] = {}
    for test in tests:
        if test.controls_id == chosen:
            first.setdefault(test.subject_id, test)
    works = [WorkResult(t.subject_id, names[t.subject_id], t.value, t.replay_id, t.effort, t.features)
             for t in first.values()]
    return rank_portfolio(works, controls, rate=rate)


def without_p(together: Portfolio | None) -> frozenset[str]:
    """Subjects to which a case's works, taken as a set, leave no p-value."""
    rows = together.rows if together else ()
    return frozenset(r.work.subject_id for r in rows if r.p is None) if len(rows) > 1 else frozenset()


def ranked_tests(case: CaseView, subject_id: str, *, score: str) -> list[Ranked]:
    """The newest test under each set of controls of this score, where its finding has a p-value; oldest first."""
    controls = {c.id: c for c in case.records(ControlResults) if c.score == score}
    with_p = {f.id: f.numbers["p"] for f in case.records(Finding, subject_id=subject_id) if "p" in f.numbers}
    newest: dict[str, Measured] = {}
    for test in case.records(Measured, subject_id=subject_id):
        if test.id in with_p and test.controls_id in controls and not (test.earlier_tests or test.caption_late):
            newest.pop(test.controls_id, None)
            newest[test.controls_id] = test
    return [Ranked(t, controls[t.controls_id], with_p[t.id]) for t in newest.values()]
