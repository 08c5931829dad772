"""Exact statistics for findings: ranks among controls, intervals of shares, false discoveries, ROC.

Nothing here assumes a distribution. Sources: Davison and Hinkley 1997 (Monte Carlo p-value),
Clopper and Pearson 1934, Benjamini and Hochberg 1995, Hanley and McNeil 1982.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Interval:
    """A share or an area with its exact or approximate 95 % limits."""

    value: float
    low: float
    high: float


def rank_p_value(value: float, controls: Sequence[float], *, better: str = "higher") -> float:
    """Chance that a control's value would be at least as good, in [1/(n+1), 1].

    (1 + number of controls at least as good) / (n + 1). Ties count against the subject, so the test
    stays exact with ties. ValueError without controls or for values that are not numbers.
    """
    values = np.asarray(controls, float)
    if not len(values) or not np.isfinite(values).all() or not math.isfinite(value):
        raise ValueError("a rank needs finite values and at least one control")
    good = values >= value if better == "higher" else values <= value
    return (1 + int(good.sum())) / (len(values) + 1)


def smallest_p(controls: int) -> float:
    """The smallest p-value that this many controls can give: 1 / (n + 1)."""
    return 1 / (controls + 1)


def controls_needed(level: float) -> int:
    """How many controls it takes before a p-value of `level` is possible at all."""
    if not 0 < level < 1:
        raise ValueError(f"a level lies between 0 and 1, got {level}")
    return math.ceil(1 / level - 1 - 1e-9)


def benjamini_hochberg(p_values: Sequence[float]) -> np.ndarray:
    """(n,) q-values in the given order: the smallest false discovery rate at which each is still listed."""
    p = np.asarray(p_values, float)
    order = np.argsort(p, kind="stable")
    scaled = p[order] * len(p) / np.arange(1, len(p) + 1)
    q = np.empty(len(p))
    q[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return q


def clopper_pearson(hits: int, total: int, *, confidence: float = 0.95) -> Interval:
    """Exact interval of a share of `hits` in `total`; (0, 0, 1) when nothing was counted."""
    from scipy.special import betaincinv
    if not 0 <= hits <= total:
        raise ValueError(f"{hits} of {total} is no share")
    if total == 0:
        return Interval(0.0, 0.0, 1.0)
    tail = (1 - confidence) / 2
    low = float(betaincinv(hits, total - hits + 1, tail)) if hits else 0.0
    high = float(betaincinv(hits + 1, total - hits, 1 - tail)) if hits < total else 1.0
    return Interval(hits / total, low, high)


def auc(positives: Sequence[float], negatives: Sequence[float]) -> float:
    """Chance that a positive is higher than a negative, ties counting half; in [0, 1]."""
    pos, neg = np.asarray(positives, float), np.sort(np.asarray(negatives, float))
    below = np.searchsorted(neg, pos, side="left")
    ties = np.searchsorted(neg, pos, side="right") - below
    return float((below + ties / 2).mean() / len(neg))


def auc_interval(positives: Sequence[float], negatives: Sequence[float]) -> Interval:
    """AUC with approximate 95 % limits (Hanley and McNeil's standard error), cut at [0, 1]."""
    return auc_limits(auc(positives, negatives), positives=len(positives), negatives=len(negatives))


def auc_limits(area: float, *, positives: int, negatives: int) -> Interval:
    """The limits of `auc_interval` for an AUC in [0, 1] that so many positives and negatives gave."""
    m, n = positives, negatives
    q1, q2 = area / (2 - area), 2 * area * area / (1 + area)
    variance = (area * (1 - area) + (m - 1) * (q1 - area ** 2) + (n - 1) * (q2 - area ** 2)) / (m * n)
    reach = 1.96 * math.sqrt(max(variance, 0.25 / (m * n) if area in (0.0, 1.0) else 0.0))
    return Interval(area, max(0.0, area - reach), min(1.0, area + reach))


def tpr_at_fpr(positives: Sequence[float], negatives: Sequence[float], *, fpr: float = 0.01) -> float:
    """Share of positives above the threshold that at most `fpr` of the negatives exceed; in [0, 1]."""
    neg = np.sort(np.asarray(negatives, float))[::-1]
    threshold = neg[min(len(neg) - 1, math.floor(fpr * len(neg) + 1e-9))]
    return float((np.asarray(positives, float) > threshold).mean())


def paired_bootstrap(one: tuple[Sequence[float], Sequence[float]],
                     other: tuple[Sequence[float], Sequence[float]], *, draws: int = 2000,
                     seed: int = 0) -> Interval:
    """Difference in AUC of two methods on the same works, with its 95 % bootstrap interval.

    Each method is (positives, negatives) in the same order of works; works are drawn, not scores, so
    that a work counts alike for both.
    """
    a, b = ([np.asarray(part, float) for part in method] for method in (one, other))
    if len(a[0]) != len(b[0]) or len(a[1]) != len(b[1]):
        raise ValueError("both methods must have scored the same works")
    draw = np.random.default_rng(seed)
    differences = []
    for _ in range(draws):
        i, j = (draw.integers(0, len(part), len(part)) for part in a)
        differences.append(auc(a[0][i], a[1][j]) - auc(b[0][i], b[1][j]))
    low, high = np.quantile(differences, [0.025, 0.975])
    return Interval(auc(*a) - auc(*b), float(low), float(high))
