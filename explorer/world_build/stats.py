"""The few statistics that the world's card needs, each in its textbook form."""

from __future__ import annotations

import math

import numpy as np

Z95 = 1.959964


def wilson(hits: int, trials: int) -> tuple[float, float]:
    """95% interval of a share (Wilson 1927)."""
    if not trials:
        return 0.0, 1.0
    p, z2 = hits / trials, Z95 * Z95
    centre = p + z2 / (2 * trials)
    half = Z95 * math.sqrt(p * (1 - p) / trials + z2 / (4 * trials * trials))
    low, high = (centre - half) / (1 + z2 / trials), (centre + half) / (1 + z2 / trials)
    return (0.0 if hits == 0 else max(0.0, low)), (1.0 if hits == trials else min(1.0, high))


def median_interval(values: np.ndarray, seed: int = 0, rounds: int = 1000) -> tuple[float, float]:
    """95% interval of a median by the percentile bootstrap."""
    rng = np.random.default_rng(seed)
    medians = np.median(values[rng.integers(len(values), size=(rounds, len(values)))], axis=1)
    return float(np.quantile(medians, 0.025)), float(np.quantile(medians, 0.975))


def difference_interval(a: np.ndarray, b: np.ndarray, of=np.median, seed: int = 0, rounds: int = 1000):
    """95% interval of of(a) - of(b) by the percentile bootstrap; `of` takes an axis."""
    rng = np.random.default_rng(seed)
    left = of(a[rng.integers(len(a), size=(rounds, len(a)))], axis=1)
    right = of(b[rng.integers(len(b), size=(rounds, len(b)))], axis=1)
    low, high = np.quantile(left - right, (0.025, 0.975))
    return float(low), float(high)


def trend_p(hits: list[int], trials: list[int], doses: list[float]) -> float:
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
    total, a, (n, m) = sum(hits), hits[0], trials

    def ways(k: int) -> float:
        return math.comb(n, k) * math.comb(m, total - k)

    upper = range(a, min(n, total) + 1)
    everything = range(max(0, total - m), min(n, total) + 1)
    return sum(ways(k) for k in upper) / sum(ways(k) for k in everything)


def auc(scores: np.ndarray, positive: np.ndarray) -> float:
    """Area under the ROC curve of scores for a boolean label; ties count half."""
    order = np.concatenate([scores[positive], scores[~positive]])
    _, inverse, counts = np.unique(order, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks = (ends - (counts - 1) / 2)[inverse]  # mean ranks
    n, m = int(positive.sum()), int((~positive).sum())
    return float((ranks[:n].sum() - n * (n + 1) / 2) / (n * m))


def auc_interval(scores: np.ndarray, positive: np.ndarray, seed: int = 0, rounds: int = 500):
    """95% interval of the area by the bootstrap over works, each class on its own."""
    rng = np.random.default_rng(seed)
    a, b = np.flatnonzero(positive), np.flatnonzero(~positive)
    areas = []
    for _ in range(rounds):
        i = np.concatenate([rng.choice(a, len(a)), rng.choice(b, len(b))])
        areas.append(auc(scores[i], positive[i]))
    low, high = np.quantile(areas, (0.025, 0.975))
    return float(low), float(high)
