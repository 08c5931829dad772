"""How a subject and its controls are put on one scale before they are ranked: the only definition there is.

What features predict is taken off the mean; the spread is made alike too, for simple pictures scatter twice as much
as busy ones, and a rank among all of them would flag the simple ones too often. Each work's excess is measured by
that of the controls nearest to it in complexity, itself left out (Papadopoulos et al. 2011, normalised conformal
prediction): no work's own result makes its own scale.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence

import numpy as np

from explorer.findings.finding import ControlResults
from explorer.records.scores import SCORES

COMPLEXITY = "size"  # log2 of the bytes that the picture compresses to
NEAR = 40  # fewest controls that a scale is of; with more, a fifth of them
MANY = 100  # controls from which on they need not be matched
MATCHED = 0.5  # in complexity: controls within a factor of √2 in bytes are about as complex
ONE_SPREAD_SINCE = "2026-11-30"  # findings and rates from before were ranked without it
FEWEST_MATCHED = 19  # with fewer no p-value of 0.05 is possible


def excesses(value: float, features: Mapping[str, float] | None, controls: ControlResults, *,
             one_spread: bool = True) -> tuple[float, list[float]]:
    """The subject's and the controls' closeness over what their features predict; higher is closer.

    The controls' are brought to the subject's spread, so that both mean the same. Without an expectation closeness
    itself is ranked, signed so that higher is closer, of few controls only those about as complex as the subject.
    Without features all are ranked as they are, and of few that gives no p-value (see `comparable`). Findings from
    before ONE_SPREAD_SINCE were ranked without `one_spread`.
    """
    better, expected = SCORES[controls.score].better, controls.expectation
    sign = 1.0 if better == "higher" else -1.0
    if features is None or len(controls.features) != len(controls.values):
        return sign * value, [sign * v for v in controls.values]
    if expected is None:
        return sign * value, [sign * v for v in ranked_values(features, controls)]
    theirs = [expected.excess(v, f, better=better) for v, f in zip(controls.values, controls.features, strict=True)]
    mine = expected.excess(value, features, better=better)
    return mine, _of_one_spread(theirs, features, controls) if one_spread else theirs


def position(mine: float, theirs: Sequence[float]) -> float:
    """How far a work stands from the controls' middle, in mean distances from it; positive is closer."""
    values = np.asarray(theirs, float)
    middle = float(np.median(values))
    return (mine - middle) / max(1e-6, float(np.abs(values - middle).mean()))


def comparable(features: Mapping[str, float] | None, controls: ControlResults) -> bool:
    """Whether a rank among these controls may give a p-value: something is taken off, or enough are matched."""
    if controls.expectation is not None or len(controls.values) >= MANY:
        return True
    return features is not None and len(matched(features, controls)) >= FEWEST_MATCHED


def matched(features: Mapping[str, float], controls: ControlResults) -> list[int]:
    """Positions of the controls that are about as complex as a picture with these features."""
    mine = features.get(COMPLEXITY)
    return [] if mine is None else [i for i, f in enumerate(controls.features)
                                    if COMPLEXITY in f and abs(f[COMPLEXITY] - mine) <= MATCHED]


def ranked_values(features: Mapping[str, float] | None, controls: ControlResults) -> tuple[float, ...]:
    """The closeness of the controls that are ranked as they are: of few the matched ones, without features all."""
    if features is None or len(controls.values) >= MANY or len(controls.features) != len(controls.values):
        return controls.values
    return tuple(controls.values[i] for i in matched(features, controls))


def _of_one_spread(excess: Sequence[float], features: Mapping[str, float], controls: ControlResults) -> list[float]:
    """The controls' excesses as they would be with the subject's spread; unchanged with fewer than 2 · NEAR."""
    if len(excess) < 2 * NEAR or not all(COMPLEXITY in f for f in (features, *controls.features)):
        return list(excess)
    values = np.asarray(excess, float)
    order = np.argsort([f[COMPLEXITY] for f in controls.features], kind="stable")
    ranked = [controls.features[i][COMPLEXITY] for i in order]
    middle = float(np.median(values))
    off = np.abs(values - middle)[order]  # (n,) by complexity
    near = max(NEAR, len(off) // 5)
    mine = _mean_near(off, bisect_left(ranked, features[COMPLEXITY]), near, own=False)
    scales = np.empty(len(off))
    scales[order] = [_mean_near(off, i, near, own=True) for i in range(len(off))]
    return (middle + (values - middle) * mine / scales).tolist()


def _mean_near(off: np.ndarray, place: int, near: int, *, own: bool) -> float:
    """Mean of the `near` entries about a place, at the ends the outermost; `own`: without the place's own."""
    count = near + own
    first = min(max(0, place - count // 2), len(off) - count)
    window = off[first:first + count]
    return max(1e-6, (window.sum() - (off[place] if own else 0.0)) / near)
