"""Exact statistics: ranks among controls, intervals of shares and areas, false discoveries, trends.

Sources: Davison and Hinkley 1997 (Monte Carlo p-value), Clopper and Pearson 1934, Wilson 1927, Benjamini and
Hochberg 1995, Hanley and McNeil 1982, Newcombe 2006, Vovk 2012, Cochran 1954 and Armitage 1955. What scipy has is
scipy's; it is imported where it is used, since screens read this module too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Interval:
    """A share or an area with its 95 % limits."""

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
    from scipy.stats import false_discovery_control
    return false_discovery_control(p_values) if len(p_values) else np.empty(0)


def share_interval(hits: int, total: int, *, method: str = "exact", confidence: float = 0.95) -> Interval:
    """A share of `hits` in `total` with its limits: "exact" (Clopper and Pearson) or "wilson"; 0 to 1 of none."""
    from scipy.stats import binomtest
    if not 0 <= hits <= total:
        raise ValueError(f"{hits} of {total} is no share")
    if total == 0:
        return Interval(0.0, 0.0, 1.0)
    found = binomtest(hits, total).proportion_ci(confidence, method=method)
    return Interval(hits / total, float(found.low), float(found.high))


def auc(positives: Sequence[float], negatives: Sequence[float]) -> float:
    """Chance that a positive is higher than a negative, ties counting half; in [0, 1]."""
    from scipy.stats import rankdata
    pos = np.asarray(positives, float)
    ranks = rankdata(np.concatenate([pos, np.asarray(negatives, float)]))[:len(pos)]
    return float((ranks.mean() - (len(pos) + 1) / 2) / len(negatives))


def auc_interval(positives: Sequence[float], negatives: Sequence[float]) -> Interval:
    """AUC with approximate 95 % limits: Hanley and McNeil's standard error, on the logit scale."""
    return auc_limits(auc(positives, negatives), positives=len(positives), negatives=len(negatives))


def auc_limits(area: float, *, positives: int, negatives: int) -> Interval:
    """The limits of `auc_interval` for an AUC in [0, 1] that so many positives and negatives gave.

    Near 0 and 1, where the logit's error runs away, those of `_score_limits`, and no narrower than the limit of a
    share of which none was seen, of the smaller group.
    """
    m, n = positives, negatives
    edge = 0.025 ** (1 / min(m, n))
    if not min(0.1, 1 - edge) <= area <= max(0.9, edge):
        low, high = _score_limits(area, m, n)
        return Interval(area, min(low, edge), max(high, 1 - edge))
    q1, q2 = area / (2 - area), 2 * area * area / (1 + area)
    variance = (area * (1 - area) + (m - 1) * (q1 - area ** 2) + (n - 1) * (q2 - area ** 2)) / (m * n)
    middle, reach = math.log(area / (1 - area)), 1.96 * math.sqrt(variance) / (area * (1 - area))
    low, high = (1 / (1 + math.exp(-(middle + side * reach))) for side in (-1, 1))
    return Interval(area, low, high)


def _score_limits(area: float, m: int, n: int) -> tuple[float, float]:
    """Areas that a score test leaves: Hanley and McNeil's variance at the area that is tried (Newcombe 2006,
    "Confidence intervals for an effect size measure based on the Mann-Whitney statistic", part 2, method 5)."""
    from scipy.optimize import brentq

    def beyond(tried: float) -> float:
        spread = 1 + ((m + n) / 2 - 1) * ((1 - tried) / (2 - tried) + tried / (1 + tried))
        return (area - tried) ** 2 - 1.96 ** 2 * tried * (1 - tried) * spread / (m * n)

    low = brentq(beyond, 0.0, area - 1e-12) if area > 1e-12 else 0.0
    return low, brentq(beyond, area + 1e-12, 1.0) if area < 1 - 1e-12 else 1.0


def tpr_at_fpr(positives: Sequence[float], negatives: Sequence[float], *, fpr: float = 0.01) -> float:
    """Share of positives above the threshold that at most `fpr` of the negatives exceed; in [0, 1]."""
    neg = np.sort(np.asarray(negatives, float))[::-1]
    threshold = neg[min(len(neg) - 1, math.floor(fpr * len(neg) + 1e-9))]
    return float((np.asarray(positives, float) > threshold).mean())


def tpr_interval(positives: Sequence[float], negatives: Sequence[float], *, fpr: float = 0.01,
                 seed: int = 0, rounds: int = 1000) -> Interval:
    """`tpr_at_fpr` with 95 % limits by the percentile bootstrap over both groups: the threshold is drawn too."""
    def of(pos: np.ndarray, neg: np.ndarray) -> np.ndarray:
        place = min(neg.shape[1] - 1, math.floor(fpr * neg.shape[1] + 1e-9))
        return (pos > np.sort(neg, 1)[:, ::-1][:, place, None]).mean(1)

    low, high = bootstrap(of, np.asarray(positives, float), np.asarray(negatives, float), seed=seed, rounds=rounds)
    return Interval(tpr_at_fpr(positives, negatives, fpr=fpr), low, high)


def bank_rate(controls: int, level: float) -> Interval:
    """What one bank of shared controls truly flags at p <= `level`: Beta-distributed, with its central 95 %.

    k = floor(level · (n + 1)) of n controls lie beyond the edge, so that the rate is Beta(k, n + 1 - k): right on
    average over banks, never quite for one (Vovk 2012, conditional validity). ValueError where no p is so small.
    """
    from scipy.stats import beta
    k = math.floor(level * (controls + 1) + 1e-9)
    if k < 1:
        raise ValueError(f"{controls} controls give no p of {level}")
    spread = beta(k, controls + 1 - k)
    return Interval(k / (controls + 1), *map(float, spread.ppf((0.025, 0.975))))


def flags_chance(flagged: int, works: int, *, controls: int, level: float) -> float:
    """Chance of so many wrong flags or more among `works` ranked in one bank, if all is right: beta-binomial."""
    from scipy.stats import betabinom
    k = math.floor(level * (controls + 1) + 1e-9)
    return float(betabinom.sf(flagged - 1, works, k, controls + 1 - k))


def bootstrap(of: Callable[..., np.ndarray], *samples: np.ndarray, seed: int = 0,
              rounds: int = 1000) -> tuple[float, float]:
    """95% interval of a figure by the percentile bootstrap; `of` takes (rounds, n) draws of each sample."""
    rng = np.random.default_rng(seed)
    drawn = of(*(s[rng.integers(len(s), size=(rounds, len(s)))] for s in samples))
    low, high = np.quantile(drawn, (0.025, 0.975))
    return float(low), float(high)


def trend_p(hits: Sequence[int], trials: Sequence[int], doses: Sequence[float]) -> float:
    """One-sided p of the Cochran-Armitage test that the share rises with the dose."""
    r, n, d = (np.asarray(v, float) for v in (hits, trials, doses))
    p = r.sum() / n.sum()
    if p in (0.0, 1.0):
        return 1.0
    statistic = (d * (r - n * p)).sum()
    variance = p * (1 - p) * ((n * d**2).sum() - (n * d).sum() ** 2 / n.sum())
    return 0.5 * math.erfc(statistic / math.sqrt(2 * variance))


def fall_p(hits: tuple[int, int], trials: tuple[int, int]) -> float:
    """One-sided Fisher p that the second share is lower than the first."""
    from scipy.stats import fisher_exact
    (a, b), (n, m) = hits, trials
    return float(fisher_exact([[a, n - a], [b, m - b]], alternative="greater").pvalue)
