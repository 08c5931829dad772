"""The one answer that is shown first: a subject's measured test under a model, with its own closest replay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from explorer.cases.view import CaseView
from explorer.errors import ExplorerError
from explorer.findings.case_tests import portfolio_of
from explorer.findings.finding import ControlResults, Finding, Measured
from explorer.findings.portfolio import Portfolio, PortfolioRow
from explorer.records import ModelRef, Replay, SearchPlan
from explorer.records.policy import PROMPTS, TIERS, Policy

SET_DOES_NOT_FIT = "set_does_not_fit"  # the case's works, taken together, are not like the controls


@dataclass(frozen=True)
class Verdict:
    """A subject's answer under one model.

    `kind` is the finding's, or SET_DOES_NOT_FIT; `p` None where it gives none. `why` is what went on record, in
    English: the statement, or why the set does not fit. `replay` is the test's own closest, None where the case
    does not hold it. `works` were tested together and give the false discovery rate `q`.
    """

    test: Measured
    model: ModelRef
    kind: str
    why: str
    replay: Replay | None = None
    controls: ControlResults | None = None
    p: float | None = None
    q: float | None = None
    works: int = 1


def verdicts(case: CaseView, subject_id: str) -> tuple[Verdict, ...]:
    """One answer a model, the model tested last first; () before a test has ended.

    Of several tests of a model the first one counts, as later ones were chosen after a look; one that was given a
    p-value goes before one that was not.
    """
    said = {f.id: f for f in case.records(Finding, subject_id=subject_id)}
    by_model: dict[ModelRef, list[Measured]] = {}
    for test in case.records(Measured, subject_id=subject_id):
        if test.id in said:
            by_model.setdefault(tested_model(case, test), []).append(test)
    if not by_model:
        return ()
    together = portfolio_of(case)
    found = [_verdict(case, model, tests, said, together) for model, tests in by_model.items()]
    return tuple(reversed(found))


def tested_model(case: CaseView, test: Measured) -> ModelRef:
    """The model of a test by its replay, else by its plan; a nameless one where the case holds neither."""
    replay = _replay(case, test)
    plan = case.record(SearchPlan, test.id) if replay is None else None
    return replay.recipe.model if replay else plan.model if plan else ModelRef("", "", "")


def _replay(case: CaseView, test: Measured) -> Replay | None:
    try:
        return case.replay(test.replay_id)
    except ExplorerError:  # a package may lack it
        return None


def _verdict(case: CaseView, model: ModelRef, tests: Sequence[Measured], said: dict[str, Finding],
             together: Portfolio | None) -> Verdict:
    test = min(tests, key=lambda one: (one.earlier_tests > 0, "p" not in said[one.id].numbers))
    finding = said[test.id]
    controls = case.record(ControlResults, test.controls_id) if test.controls_id else None
    row = _row(test, together)
    works = len(together.rows) if together and row else 1
    p, kind, why = finding.numbers.get("p"), finding.kind, finding.statement
    if p is not None and works > 1 and row is not None and row.p is None:
        p, kind, why = None, SET_DOES_NOT_FIT, row.why_no_p
    q = row.q if row is not None and works > 1 and p is not None else None
    return Verdict(test, model, kind, why, _replay(case, test), controls, p, q, works)


def _row(test: Measured, together: Portfolio | None) -> PortfolioRow | None:
    """The test's place among the case's works; None where they were ranked by another test of the subject."""
    rows = together.rows if together else ()
    return next((r for r in rows if r.work.subject_id == test.subject_id and r.work.replay_id == test.replay_id),
                None)


def policy_of(test: Measured) -> Policy | None:
    """The settings behind a test's policy id, where they are of those that are offered; else None."""
    offered = (Policy(prompt_from, seeds=seeds) for prompt_from in PROMPTS for seeds in TIERS)
    return next((policy for policy in offered if policy.id == test.policy), None)


def models_of(case: CaseView, subject_id: str) -> dict[str, ModelRef]:
    """Search id → the model that it used, of every search of a subject, oldest first."""
    return {plan.id: plan.model for plan in case.plans(subject_id)}
