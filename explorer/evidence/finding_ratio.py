"""The likelihood ratios of one finding, from reference rates that were measured on works whose truth is known.

ENFSI 2015 (Guideline for evaluative reporting): the result under two propositions, "was in training so many times"
and "was not in training". The rates come with the world; for other models there are none but what was measured.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from explorer.evidence.likelihood import (
    Ratio,
    ScoreRatio,
    cost,
    empirical_cross_entropy,
    fit_score_ratio,
    ratio_of_shares,
    tippett,
)
from explorer.findings.finding import WORLD_SOURCE, ControlResults, Finding, Measured
from explorer.findings.ranking import excesses, position
from explorer.records import from_json, to_json
from explorer.statistics import rank_p_value

FILE = "likelihood.json"  # beside the world's manifest, written by the findings benchmark
LEVEL = 0.05
FEWEST_TO_JUDGE = 5  # works of a kind, not used to fit, from which a cost is told


@dataclass(frozen=True)
class FlagCount:
    """Of so many works tested, how many were flagged at p <= .05; one without a p-value was not."""

    works: int
    flagged: int


@dataclass(frozen=True)
class FittedRatio:
    """A score ratio with what it cost on works that it was not fitted on, and the two plots of them.

    `tippett` rows are (log10 LR, share of seen works at or above it, of unseen ones); `ece` rows are (log10 prior
    odds, bits with these ratios, calibrated perfectly, without any).
    """

    ratio: ScoreRatio
    cllr: float
    cllr_min: float
    seen_works: int
    unseen_works: int
    tippett: tuple[tuple[float, ...], ...] = ()
    ece: tuple[tuple[float, ...], ...] = ()


@dataclass(frozen=True)
class ReferenceRates:
    """What one policy did to works of known truth with one model: by copies in training, by kind of unseen work.

    `derived` are pictures made from works that were seen: neither seen themselves nor without anything seen.
    """

    policy: str
    model_fingerprint: str
    date: str  # ISO 8601
    seen: dict[str, FlagCount]
    unseen: dict[str, FlagCount]
    derived: dict[str, FlagCount] = field(default_factory=dict)
    scores: dict[str, FittedRatio] = field(default_factory=dict)


@dataclass(frozen=True)
class ScoreReading:
    """The continuous ratio of one finding for one count of copies; `capped` where the data support no more."""

    log10: float
    capped: bool
    fitted: FittedRatio


@dataclass(frozen=True)
class FindingRatios:
    """All ratios of one finding: `flagged` says which of the two results it is (p <= .05 or not).

    `ratios` go by copies in training, then by kind of unseen work; a kind without such results is left out.
    `against_derived` go by kind of picture made from seen works, then by copies.
    """

    flagged: bool
    rates: ReferenceRates
    ratios: dict[str, dict[str, Ratio]]
    scores: dict[str, ScoreReading]
    against_derived: dict[str, dict[str, Ratio]]


def stored_rates(root: Path, policy: str, *, model_fingerprint: str) -> ReferenceRates | None:
    """The rates that come with the world at `root`; None for another model or policy, or a damaged file."""
    try:
        found = [from_json(ReferenceRates, one) for one in json.loads((root / FILE).read_text("utf-8"))["rates"]]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return next((r for r in found if (r.policy, r.model_fingerprint) == (policy, model_fingerprint)), None)


def as_file(rates: Sequence[ReferenceRates], *, world: str) -> dict:
    """The file's content; `world` is the fingerprint of the world that they were measured on."""
    return {"world": world, "rates": [to_json(r) for r in rates]}


def ratios_of(rates: ReferenceRates, *, p: float, position: float) -> FindingRatios:
    """The ratios of a finding with this p-value and position (see findings.ranking)."""
    flagged = p <= LEVEL
    ratios: dict[str, dict[str, Ratio]] = {}
    derived: dict[str, dict[str, Ratio]] = {}
    for copies, seen in rates.seen.items():
        for kind, unseen in (*rates.unseen.items(), *rates.derived.items()):
            counts = [c.flagged if flagged else c.works - c.flagged for c in (seen, unseen)]
            if any(counts):
                found = ratio_of_shares(counts[0], seen.works, counts[1], unseen.works)
                into, *place = (ratios, copies, kind) if kind in rates.unseen else (derived, kind, copies)
                into.setdefault(place[0], {})[place[1]] = found
    scores = {copies: _reading(one, position) for copies, one in rates.scores.items()}
    return FindingRatios(flagged, rates, ratios, scores, derived)


def _reading(fitted: FittedRatio, position: float) -> ScoreReading:
    free = fitted.ratio.intercept + fitted.ratio.slope * position
    found = fitted.ratio.log10(position)
    return ScoreReading(found, found != free, fitted)


def fit_and_judge(seen: Sequence[float], unseen: Sequence[float]) -> FittedRatio | None:
    """A score ratio of all works, and its cost where each half is told by a fit on the other half (two-fold).

    `seen` and `unseen` are positions. None for fewer than 20 works of a kind: nothing could be fitted.
    """
    if min(len(seen), len(unseen)) < 20:
        return None
    told: tuple[list[float], list[float]] = ([], [])
    for half in (0, 1):
        parts = [np.asarray(one, float) for one in (seen, unseen)]
        fitted = fit_score_ratio(*(p[half::2] for p in parts), fewest=FEWEST_TO_JUDGE)
        for into, part in zip(told, parts, strict=True):
            into += [fitted.log10(float(v)) for v in part[1 - half::2]]
    price = cost(*told)
    return FittedRatio(fit_score_ratio(seen, unseen), price.cllr, price.minimum, len(seen), len(unseen),
                       tuple(tippett(*told)), tuple(empirical_cross_entropy(*told)))


def finding_ratios(root: Path, test: Measured, finding: Finding | None,
                   controls: ControlResults | None) -> FindingRatios | None:
    """The ratios of a measured test of a case; None without a p-value, or without rates for its ranking."""
    if finding is None or controls is None or "p" not in finding.numbers:
        return None
    rates = stored_rates(root, test.policy, model_fingerprint=controls.model_fingerprint)
    if rates is None or controls.source != WORLD_SOURCE:
        return None
    mine, theirs = excesses(test.value, test.features, controls)
    if (rank_p_value(mine, theirs) <= LEVEL) != (finding.numbers["p"] <= LEVEL):
        return None  # a finding from before: the ranking that these rates were measured with says otherwise
    return ratios_of(rates, p=finding.numbers["p"], position=position(mine, theirs))
