"""Incidence: how often a near copy comes back, over a declared population of prompts.

The unit is the prompt: replays of one prompt are alike, so limits are made from prompts and not from replays.
Sources: Cochran 1977 (cluster and stratified sampling), Korn and Graubard 1998 (limits for rare shares in surveys),
Hansen and Hurwitz 1943 (unequal chances), Clopper and Pearson 1934, Lan and DeMets 1983 (looks that are planned).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

FEW_PROMPTS = 10  # with hits in fewer prompts their likeness cannot be estimated, and each counts as one draw


@dataclass(frozen=True)
class Estimate:
    """A share of replays in [0, 1] with limits; `one_sided` where there was no hit and only `high` is meant.

    `effective` is the number of independent replays that would be known as well.
    """

    share: float
    low: float
    high: float
    prompts: int
    replays: int
    hits: int
    prompts_with_hits: int
    effective: float
    one_sided: bool = False
    confidence: float = 0.95


def simple(hits: Sequence[int], seeds: int, *, confidence: float = 0.95) -> Estimate:
    """From a simple random sample of prompts, each replayed with `seeds` seeds; `hits` (n,) of each prompt.

    ValueError without prompts or for more hits than seeds.
    """
    rates = _rates(hits, seeds)
    return _estimate(float(rates.mean()), _variance(rates), rates, seeds, confidence)


def stratified(hits: Mapping[str, Sequence[int]], frame: Mapping[str, int], seeds: int, *,
               confidence: float = 0.95) -> Estimate:
    """From a stratified sample: `hits` of each drawn prompt by stratum, `frame` how many prompts a stratum has.

    Unbiased whatever the sampling shares. ValueError for a stratum without a drawn prompt, or one not in the frame.
    """
    if set(hits) != {name for name, size in frame.items() if size} or not all(len(h) for h in hits.values()):
        raise ValueError("every stratum of the population needs at least one drawn prompt")
    total = sum(frame.values())
    share = variance = 0.0
    for name, found in hits.items():
        rates, weight = _rates(found, seeds), frame[name] / total
        share += weight * float(rates.mean())
        whole = len(rates) >= frame[name]  # then no prompt was left out by chance, but its seeds are a draw still
        variance += weight ** 2 * (_of_seeds(rates, seeds) if whole else _variance(rates))
    every = np.concatenate([_rates(h, seeds) for h in hits.values()])
    found = _estimate(share, variance, every, seeds, confidence, strata=(hits, frame))
    if found.one_sided:
        return found
    low, high = _over_strata(hits, frame, seeds, confidence)
    return replace(found, low=max(0.0, share - low), high=min(1.0, share + high))


def _over_strata(hits: Mapping[str, Sequence[int]], frame: Mapping[str, int], seeds: int,
                 confidence: float) -> tuple[float, float]:
    """How far the limits lie below and above the share: each stratum's own, squared and added up.

    MOVER (Zou and Donner 2008): a stratum with few hits keeps its own skew, which one variance over all would lose.
    """
    total, below, above = sum(frame.values()), 0.0, 0.0
    for name, found in hits.items():
        rates, weight = _rates(found, seeds), frame[name] / total
        whole = len(rates) >= frame[name]
        one = _estimate(float(rates.mean()), _of_seeds(rates, seeds) if whole else _variance(rates), rates, seeds,
                        confidence)
        high = zero_limit(len(rates), confidence=(1 + confidence) / 2) if one.one_sided and not whole else one.high
        below += (weight * (one.share - one.low)) ** 2
        above += (weight * (0.0 if whole and one.one_sided else high - one.share)) ** 2
    return math.sqrt(below), math.sqrt(above)


def weighted(hits: Sequence[int], chances: Sequence[float], seeds: int, *, population: int,
             confidence: float = 0.95) -> Estimate:
    """From prompts drawn with replacement at unequal `chances` (n,) a draw: Hansen and Hurwitz's estimator.

    ValueError for chances that are no chances.
    """
    rates, draw = _rates(hits, seeds), np.asarray(chances, float)
    if len(draw) != len(rates) or not ((draw > 0) & (draw <= 1)).all():
        raise ValueError("every drawn prompt needs its chance, above 0 and at most 1")
    parts = rates / (draw * population)
    return _estimate(min(1.0, float(parts.mean())), _variance(parts), rates, seeds, confidence,
                     largest=float((1 / (draw * population)).max()))


def prompts_needed(*, limit: float | None = None, share: float | None = None, reach: float | None = None,
                   confidence: float = 0.95) -> int:
    """How many prompts a plan needs.

    With `limit`: so many that no hit at all puts the one-sided upper limit at or below it. With `share`, `reach`:
    so many that limits around an expected share are about ± reach, if each prompt counted once.
    """
    from scipy.stats import norm
    if limit is not None:
        return math.ceil(math.log(1 - confidence) / math.log1p(-limit) - 1e-9)
    if share is None or reach is None or not 0 < share < 1 or not 0 < reach < 1:
        raise ValueError("give a limit, or a share and a reach, between 0 and 1")
    return math.ceil(float(norm.ppf((1 + confidence) / 2)) ** 2 * share * (1 - share) / reach ** 2 - 1e-9)


def spending(looks: Sequence[float], *, confidence: float = 0.95) -> list[float]:
    """The confidence of each planned look's limits, so that all of them hold together with `confidence`.

    `looks` are the shares of the plan that are through at each look, rising to 1. O'Brien and Fleming's spending
    function in Lan and DeMets' form; between looks the error is added up (Bonferroni), which can only widen limits.
    """
    from scipy.stats import norm
    shares = list(looks)
    if not shares or shares[-1] != 1 or any(b <= a for a, b in zip([0.0, *shares], shares, strict=False)):
        raise ValueError("looks are rising shares of the plan, the last of them 1")
    level = 1 - confidence
    spent = [2 - 2 * float(norm.cdf(norm.ppf(1 - level / 2) / math.sqrt(t))) for t in shares]
    return [1 - (now - before) for before, now in zip([0.0, *spent], spent, strict=False)]


def zero_limit(prompts: int, *, confidence: float = 0.95) -> float:
    """The one-sided upper limit of a share when none of `prompts` gave a hit: 1 - (1 - confidence)^(1/n)."""
    return 1.0 if prompts < 1 else 1 - (1 - confidence) ** (1 / prompts)


def _rates(hits: Sequence[int], seeds: int) -> np.ndarray:
    """(n,) share of each prompt's replays that are hits."""
    found = np.asarray(hits, float)
    if not len(found) or seeds < 1 or not ((found >= 0) & (found <= seeds)).all():
        raise ValueError("an estimate needs prompts, each with at most as many hits as seeds")
    return found / seeds


def _variance(values: np.ndarray) -> float:
    """Variance of the mean of independent draws; of one draw alone, that of a share of one half."""
    return float(values.var(ddof=1) / len(values)) if len(values) > 1 else 0.25


def _of_seeds(rates: np.ndarray, seeds: int) -> float:
    """Variance of the mean of prompts' rates that comes from their seeds alone."""
    return float((rates * (1 - rates)).sum() / max(1, seeds - 1) / len(rates) ** 2)


def _estimate(share: float, variance: float, rates: np.ndarray, seeds: int, confidence: float, *,
              strata: tuple[Mapping[str, Sequence[int]], Mapping[str, int]] | None = None,
              largest: float = 1.0) -> Estimate:
    """Limits by Clopper and Pearson on the effective sample size (Korn and Graubard 1998).

    `largest` is the greatest weight of a drawn prompt, beside the mean one: with it hits could hide.
    """
    from scipy.special import betaincinv, stdtrit
    prompts, with_hits = len(rates), int((rates > 0).sum())
    whole = (prompts, prompts * seeds, round(float(rates.sum()) * seeds), with_hits)
    if not with_hits:
        high = min(1.0, _hidden(prompts, strata, confidence) * largest)
        return Estimate(0.0, 0.0, high, *whole, float(prompts), True, confidence)
    effective = share * (1 - share) / variance if variance > 0 else float(prompts)
    if prompts > 1:
        tail = (1 + confidence) / 2
        effective *= (float(stdtrit(prompts * seeds - 1, tail)) / float(stdtrit(prompts - 1, tail))) ** 2
    most = prompts if with_hits < FEW_PROMPTS or share >= 1 else prompts * seeds
    effective = max(1.0, min(effective, most / (largest if largest > 1 else 1.0)))
    hits, tail = share * effective, (1 - confidence) / 2
    low = float(betaincinv(hits, effective - hits + 1, tail)) if hits > 0 else 0.0
    high = float(betaincinv(hits + 1, effective - hits, 1 - tail)) if hits < effective else 1.0
    return Estimate(share, low, high, *whole, effective, False, confidence)


def _hidden(prompts: int, strata: tuple[Mapping[str, Sequence[int]], Mapping[str, int]] | None,
            confidence: float) -> float:
    """The upper limit where nothing was hit: over strata, the most that all of them together could hide.

    Hits could all lie in the stratum that was sampled most thinly, so its weight counts.
    """
    if strata is None:
        return zero_limit(prompts, confidence=confidence)
    hits, frame = strata
    total = sum(frame.values())
    thinnest = max((frame[name] / total) / (len(found) / prompts) for name, found in hits.items())
    return min(1.0, zero_limit(prompts, confidence=confidence) * max(1.0, thinnest))
