"""A case's measured tests together: its works ranked by excess over the controls that they share."""

from __future__ import annotations

from collections import Counter

from explorer.cases.case import Case
from explorer.findings.finding import ControlResults, Measured
from explorer.findings.portfolio import Portfolio, WorkResult, rank_portfolio


def portfolio_of(case: Case, *, rate: float = 0.1) -> Portfolio | None:
    """The ranking of the case's works under their commonest policy and controls; None before there is one.

    A work's first test counts: later ones were chosen after a look. Works without controls are left out.
    """
    tests = [t for t in case.records(Measured) if t.controls_id and not t.earlier_tests]
    if not tests:
        return None
    chosen = Counter(t.controls_id for t in tests).most_common(1)[0][0]
    controls = case.record(ControlResults, chosen)
    names = {s.id: s.name for s in case.subjects()}
    first: dict[str, Measured] = {}
    for test in tests:
        if test.controls_id == chosen:
            first.setdefault(test.subject_id, test)
    works = [WorkResult(t.subject_id, names[t.subject_id], t.value, t.replay_id, t.effort, t.features)
             for t in first.values()]
    return rank_portfolio(works, controls, rate=rate)
