"""Many works of one person, ranked by how far each exceeds its controls, with a false discovery rate."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from explorer.findings.control_fit import Fit, check_set, check_subject, control_distances, nearest
from explorer.findings.finding import ControlResults
from explorer.findings.ranking import comparable, excesses
from explorer.findings.wording import limits, number, percent, statement
from explorer.records import Effort
from explorer.statistics import benjamini_hochberg, rank_p_value, smallest_p
from explorer.texts import say

IN_KIND = 100  # controls that a work of a set of another kind is ranked among: the most like it


@dataclass(frozen=True)
class WorkResult:
    """One work of a portfolio after its search: its best closeness under the controls' score."""

    subject_id: str
    name: str
    value: float
    replay_id: str
    effort: Effort
    features: dict[str, float] = field(default_factory=dict)
    supplied: bool = False  # its best replay was given its own picture: left out of the ranking


@dataclass(frozen=True)
class PortfolioRow:
    """One work in the ranking. `p` and `q` are None where controls do not fit it."""

    rank: int
    work: WorkResult
    excess: float  # over the controls' median, in the score's units; positive is closer
    p: float | None = None
    q: float | None = None
    listed: bool = False
    why_no_p: str = ""


@dataclass(frozen=True)
class Portfolio:
    """A ranked portfolio with its statement and limits."""

    rows: tuple[PortfolioRow, ...]
    statement: str
    limits: tuple[str, ...]
    fit: Fit
    rate: float
    left_out: tuple[WorkResult, ...] = ()


def rank_portfolio(works: Sequence[WorkResult], controls: ControlResults, *, rate: float = 0.1) -> Portfolio:
    """Works ranked by excess over the controls; those under the false discovery `rate` are listed.

    A work whose controls do not fit gets no p-value. When the whole set can be told from the controls without any
    model, as most sets by one artist can, each work is ranked among the hundred controls most like it, which the
    first of the limits says; with fewer than two hundred, or where most of the works fit none, none gets a p-value.
    Where the set is too small to show that it is like them, each work's own check decides, and the first of the
    limits says so. Benjamini and Hochberg over the works that have one.
    """
    ranked = [w for w in works if not w.supplied]
    fit = _set_fit(ranked, controls)
    spread = control_distances(controls.features) if controls.features else ()
    if not fit.fits and _can_be_matched(ranked, controls, spread):
        fit = replace(fit, fits=True, shown=False, matched=True,
                      why=say("aside.set_matched", why=fit.why, count=IN_KIND))
    rows = sorted((_row(w, controls, fit, spread) for w in ranked), key=lambda r: (-r.excess, r.work.name))
    tested = [i for i, r in enumerate(rows) if r.p is not None]
    q = dict(zip(tested, benjamini_hochberg([rows[i].p for i in tested]).tolist(), strict=True))
    done = tuple(PortfolioRow(i + 1, r.work, r.excess, r.p, q.get(i), q.get(i, 1.0) <= rate, r.why_no_p)
                 for i, r in enumerate(rows))
    kind, statement = _statement(done, controls, fit, rate, tested=len(tested))
    said = limits(kind) if fit.shown or not tested else (f"{fit.why[0].upper()}{fit.why[1:]}.", *limits(kind))
    return Portfolio(done, statement, said, fit, rate, tuple(w for w in works if w.supplied))


def _set_fit(works: Sequence[WorkResult], controls: ControlResults) -> Fit:
    if len(works) < 2 or not controls.features or not all(w.features for w in works):
        return Fit(True, say("aside.one_work_no"))
    return check_set([w.features for w in works], controls.features)


def _row(work: WorkResult, controls: ControlResults, fit: Fit, spread: Sequence[float]) -> PortfolioRow:
    features: Mapping[str, float] | None = work.features or None
    mine, theirs = excesses(work.value, features, controls)
    excess = mine - float(np.median(theirs)) if theirs else 0.0
    if not fit.fits:
        return PortfolioRow(0, work, excess, why_no_p=fit.why)
    if features is not None and controls.features:
        own = check_subject(features, controls.features, distances=spread)
        if not own.fits:
            return PortfolioRow(0, work, excess, why_no_p=own.why)
        if fit.matched:
            mine, theirs = excesses(work.value, features, in_kind(features, controls))
    if not comparable(features, controls):
        return PortfolioRow(0, work, excess, why_no_p=say("aside.not_matched", controls=len(controls.values)))
    return PortfolioRow(0, work, excess, rank_p_value(mine, theirs))


def _can_be_matched(works: Sequence[WorkResult], controls: ControlResults, spread: Sequence[float]) -> bool:
    """Whether there are controls to choose from, and most of the works lie among them one by one."""
    if len(controls.values) < 2 * IN_KIND:
        return False
    fits = [check_subject(w.features, controls.features, distances=spread).fits for w in works]
    return 2 * sum(fits) > len(fits)


def in_kind(features: Mapping[str, float], controls: ControlResults) -> ControlResults:
    """The hundred controls most like a work, as controls of their own; what is taken off stays the same."""
    places = nearest(features, controls.features, count=IN_KIND)

    def of(values: Sequence) -> tuple:
        return tuple(values[i] for i in places) if values else ()

    return replace(controls, names=of(controls.names), values=of(controls.values), features=of(controls.features),
                   bits=of(controls.bits))


def _statement(rows: Sequence[PortfolioRow], controls: ControlResults, fit: Fit, rate: float, *,
               tested: int) -> tuple[str, str]:
    listed = sum(r.listed for r in rows)
    words = {"works": number(len(rows)), "tries": number(controls.effort_each.tries),
             "controls": number(len(controls.values))}
    if not fit.fits or not tested:
        why = fit.why if not fit.fits else say("aside.controls_fit_none")
        return "portfolio_does_not_fit", statement("portfolio_does_not_fit", why=why, **words)
    if not listed:
        least = max(1, math.ceil(tested * smallest_p(len(controls.values)) / rate - 1e-9))
        return "portfolio_none", statement("portfolio_none", rate=percent(rate), least=number(least), **words)
    return "portfolio", statement("portfolio", listed=number(listed), rate=percent(rate), **words)
