"""Likelihood ratios: how much more often works that were seen give such a result than works that were not.

ENFSI 2015 (Guideline for evaluative reporting) and ISO 21043-4:2025: two propositions, the chance of the result
under each, and their ratio. Nothing here says which proposition is true; that takes a prior, which is the reader's.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

SCALE = ((1.0, "none"), (2.0, "weak"), (10.0, "moderate"), (100.0, "moderately_strong"), (1_000.0, "strong"),
         (10_000.0, "very_strong"), (1_000_000.0, "extremely_strong"))  # ENFSI 2015, from this ratio on


@dataclass(frozen=True)
class Ratio:
    """P(result | seen) / P(result | not seen) with its 95% limits; `bounded` where a zero count was replaced.

    With no such result among the works of one kind there is no ratio to tell but its limit, which then is the
    value too: "at_least" `low` (none among unseen works) or "at_most" `high` (none among seen ones).
    """

    value: float
    low: float
    high: float  # infinite where no unseen work gave the result
    seen_share: float
    unseen_share: float
    seen_works: int
    unseen_works: int
    bounded: str = ""  # "" | "at_least" | "at_most"


def ratio_of_shares(seen: int, seen_works: int, unseen: int, unseen_works: int) -> Ratio:
    """The ratio of two counted shares, with 95% score limits (Koopman 1984).

    `seen` of `seen_works` and `unseen` of `unseen_works` gave the result. ValueError for counts that are no
    share, or where neither kind gave it: then the result says nothing.
    """
    for count, works in ((seen, seen_works), (unseen, unseen_works)):
        if not 0 <= count <= works or works < 1:
            raise ValueError(f"{count} of {works} is no share")
    if not seen and not unseen:
        raise ValueError("no work of either kind gave this result")
    shares = seen / seen_works, unseen / unseen_works
    low, high = _score_limits(seen, seen_works, unseen, unseen_works)
    bounded = "" if seen and unseen else "at_least" if seen else "at_most"
    value = {"": shares[0] / shares[1] if unseen else math.inf, "at_least": low, "at_most": high}[bounded]
    return Ratio(value, low, high, *shares, seen_works, unseen_works, bounded)


def _score_limits(x: int, n: int, y: int, m: int) -> tuple[float, float]:
    """The ratios of (x of n) to (y of m) that a score test at 5% leaves; 0 or infinite where a count is 0.

    Under a ratio r the likeliest shares are r q and q, with q from a quadratic (Miettinen and Nurminen 1985).
    """
    from scipy.optimize import brentq

    def beyond(log_r: float, side: float) -> float:
        r = math.exp(log_r)
        a, b, c = (n + m) * r, n * r + x + m + y * r, x + y
        q = 2 * c / (b + math.sqrt(max(0.0, b * b - 4 * a * c)))
        p = min(1.0, r * q)
        spread = math.sqrt(max(1e-300, p * (1 - p) / n + r * r * q * (1 - q) / m))
        return (x / n - r * y / m) / spread - side * 1.959963984540054

    low = math.exp(brentq(beyond, -30, 30, args=(1,))) if x else 0.0
    high = math.exp(brentq(beyond, -30, 30, args=(-1,))) if y else math.inf
    return low, high


def cautious(ratio: Ratio) -> float:
    """What the ratio says at least: the limit that is nearer to 1, and 1 where the limits lie on both sides."""
    return ratio.low if ratio.low > 1 else ratio.high if ratio.high < 1 else 1.0


def weakest(ratios: Iterable[Ratio]) -> Ratio:
    """Of ratios against several kinds of unseen works the one that says least."""
    return min(ratios, key=lambda r: abs(math.log(cautious(r))))


@dataclass(frozen=True)
class ScoreRatio:
    """A continuous ratio: log10 LR = clip(intercept + slope · score, low, high), as plain numbers.

    `low` and `high` are the empirical bounds beyond which the works that it was fitted on support nothing.
    """

    intercept: float
    slope: float
    low: float
    high: float
    seen_works: int
    unseen_works: int

    def log10(self, score: float) -> float:
        """log10 of the likelihood ratio of a score; higher scores are closer, or more familiar."""
        return min(self.high, max(self.low, self.intercept + self.slope * score))


def fit_score_ratio(seen: Sequence[float], unseen: Sequence[float], *, fewest: int = 20) -> ScoreRatio:
    """Fits a ScoreRatio on tuning works: logistic calibration (Brümmer and du Preez 2006), capped by ELUB.

    ELUB: Vergeer et al. 2016, "When to stop extrapolating?". ValueError for less than `fewest` works of a kind.
    """
    from lir.algorithms.bayeserror import elub
    from lir.algorithms.logistic_regression import LogitCalibrator
    scores, labels = _labelled(seen, unseen)
    if min(len(seen), len(unseen)) < fewest:
        raise ValueError(f"at least {fewest} works of each kind are needed, got {len(seen)} and {len(unseen)}")
    middle, spread = float(scores.mean()), float(scores.std()) or 1.0  # the ridge then means the same at any scale
    fitted = LogitCalibrator().fit((scores - middle) / spread, labels)
    at = fitted.transform((np.array([0.0, 1.0]) - middle) / spread)  # log10, linear in the score
    intercept, slope = float(at[0]), float(at[1] - at[0])
    low, high = elub((intercept + slope * scores).copy(), labels)
    return ScoreRatio(intercept, slope, float(low), float(high), len(seen), len(unseen))


@dataclass(frozen=True)
class RatioCost:
    """Cost of log likelihood ratios in bits: 0 is perfect, 1 is no information, above 1 misleads.

    `minimum` is what the same order of works would cost if calibrated perfectly (PAV); the rest is calibration.
    """

    cllr: float
    minimum: float


def cost(seen_log10: Sequence[float], unseen_log10: Sequence[float]) -> RatioCost:
    """Cllr and its minimum (Brümmer and du Preez 2006) of log10 LRs of works that were not used to fit them."""
    from lir.data.models import LLRData
    from lir.metrics import cllr, cllr_min
    values, labels = _labelled(seen_log10, unseen_log10)
    data = LLRData(features=values.reshape(-1, 1), labels=labels)
    return RatioCost(float(cllr(data)), float(cllr_min(data)))


def tippett(seen_log10: Sequence[float], unseen_log10: Sequence[float]) -> list[tuple[float, float, float]]:
    """The Tippett plot: (log10 LR, share of seen works at or above it, share of unseen works at or above it)."""
    seen, unseen = np.sort(np.asarray(seen_log10, float)), np.sort(np.asarray(unseen_log10, float))
    at = np.unique(np.concatenate([seen, unseen]))
    return [(float(v), float((seen >= v).mean()), float((unseen >= v).mean())) for v in at]


def empirical_cross_entropy(seen_log10: Sequence[float], unseen_log10: Sequence[float], *,
                            reach: float = 3.0) -> list[tuple[float, float, float, float]]:
    """The ECE plot (Ramos 2007): (log10 prior odds, bits with these LRs, perfectly calibrated, without any)."""
    from lir.algorithms.isotonic_regression import IsotonicCalibrator
    from lir.plotting.expected_calibration_error import calculate_ece
    from lir.util import odds_to_probability
    values, labels = _labelled(seen_log10, unseen_log10)
    priors = np.linspace(-reach, reach, 61)
    chance = odds_to_probability(10.0 ** priors)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        best = 10.0 ** IsotonicCalibrator().fit_transform(values.copy(), labels)
        kinds = [calculate_ece(lrs, labels, chance) for lrs in (10.0 ** values, best, np.ones_like(values))]
    return [tuple(map(float, row)) for row in zip(priors, *kinds, strict=True)]


def posterior(prior: float, ratio: float) -> float:
    """Bayes' rule: the probability in [0, 1] that follows from a reader's own prior probability in (0, 1)."""
    if not 0 < prior < 1 or not ratio >= 0:
        raise ValueError(f"a prior lies between 0 and 1 and a ratio is 0 or more, got {prior} and {ratio}")
    odds = prior / (1 - prior) * ratio
    return 1.0 if math.isinf(odds) else odds / (1 + odds)


def verbal(ratio: float) -> str:
    """The name of ENFSI's verbal step for a ratio at or above 1; for one below 1 that of its inverse."""
    size = ratio if ratio >= 1 else 1 / ratio
    return [name for least, name in SCALE if size >= least][-1]


def _labelled(seen: Sequence[float], unseen: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """(n,) float values, (n,) int labels, 1 for seen; ValueError without both kinds or for what is not finite."""
    values = np.concatenate([np.asarray(seen, float), np.asarray(unseen, float)])
    if not len(seen) or not len(unseen) or not np.isfinite(values).all():
        raise ValueError("works of both kinds with finite values are needed")
    return values, np.concatenate([np.ones(len(seen), int), np.zeros(len(unseen), int)])
