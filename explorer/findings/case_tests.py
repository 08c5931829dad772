"""A case's measured tests together: its works ranked by excess over the controls that they share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from explorer.cases.case import Case
from explorer.findings.finding import ControlResults, Measured
from explorer.findings.portfolio import Portfolio, WorkResult, rank_portfolio


def portfolio_of(case: Case, *, rate: float = 0.1) -> Portfolio | None:
    """The ranking of the case's works under their commonest policy and controls; None before there is one.

    A work's first test counts: later ones were chosen after a look. Works without controls are left out.
    """
    names = {s.id: s.name for s in case.subjects()}
    return ranking_of(case.records(Measured), case.records(ControlResults), names, rate=rate)


def ranking_of(measured: Sequence[Measured], known: Sequence[ControlResults], names: Mapping[str, str], *,
               rate: float = 0.1) -> Portfolio | None:
    """The same from records: tests, controls, and each subject's name by its id."""
    tests = [t for t in measured if t.controls_id and not t.earlier_tests and t.subject_id in names]
    chosen = Counter(t.controls_id for t in tests).most_common(1)[0][0] if tests else ""
    controls = next((c for c in known if c.id == chosen), None)
    if controls is None:
        return None
    first: dict[str, Measured] = {}
    for test in tests:
        if test.controls_id == chosen:
            first.setdefault(test.subject_id, test)
    works = [WorkResult(t.subject_id, names[t.subject_id], t.value, t.replay_id, t.effort, t.features)
             for t in first.values()]
    return rank_portfolio(works, controls, rate=rate)
