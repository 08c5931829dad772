"""One test for a whole body of work: is its mean excess more than unseen works of like number and kind reach?

An artist's works are alike, so that twenty of them say less than twenty by twenty hands. The sets that a body of
work is ranked among are drawn by the random-effects bootstrap (Morris 2002; Carpenter, Goldstein and Rasbash 2003):
an artist's own part and the works' remainders, both estimated on controls grouped by artist and brought to the
spread that they were estimated to have, drawn anew for each artist of the set. Assumed is that the set's artists
are drawn like the controls'. No p-value lies below 1 / (artists + 1): the controls' artists cannot tell more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from explorer.statistics import smallest_p

DRAWS = 4000
LEAST_ARTISTS = 10


@dataclass(frozen=True, eq=False)
class Kinship:
    """Controls' excesses, taken apart: each artist's part and each work's remainder, of mean 0, and their mean."""

    mean: float
    artists: np.ndarray  # (a,) parts, of the spread that artists have
    remainders: np.ndarray  # (n,)
    shared: float  # the artists' share of the whole variance, in [0, 1]


@dataclass(frozen=True)
class SetResult:
    """A body of work among drawn sets: `p` in [1/(artists + 1), 1], and its excess over the sets' mean."""

    works: int
    artists: int
    mean: float
    excess: float
    p: float
    smallest: float
    control_artists: int
    shared: float


def kinship(values: Sequence[float], artists: Sequence[str]) -> Kinship:
    """Parts of controls' excesses by a one-way analysis of variance with unequal groups (Searle et al. 1992).

    ValueError for fewer than ten artists.
    """
    y = np.asarray(values, float)
    _, group, sizes = np.unique(np.asarray(artists), return_inverse=True, return_counts=True)
    count, total = len(sizes), len(y)
    if count < LEAST_ARTISTS:
        raise ValueError(f"at least {LEAST_ARTISTS} artists are needed, got {count}")
    means = np.bincount(group, y) / sizes
    within = float(((y - means[group]) ** 2).sum() / (total - count)) if total > count else float(y.var())
    between = float((sizes * (means - y.mean()) ** 2).sum() / (count - 1))
    usual = (total - (sizes ** 2).sum() / total) / (count - 1)
    variance = max(0.0, (between - within) / usual) if total > count else 0.0
    weights = variance / (variance + within / sizes)  # how far a mean tells of its artist
    grand = float(np.average(means, weights=1 / (variance + within / sizes)))
    own = weights * (means - grand)
    return Kinship(grand, _spread(own, variance), _spread(y - (grand + own)[group], within),
                   variance / max(variance + within, 1e-12))


def _spread(values: np.ndarray, variance: float) -> np.ndarray:
    """The values about 0, brought to that variance; shrunken estimates vary too little."""
    centred = values - values.mean()
    found = float(centred.var())
    return centred * np.sqrt(variance / found) if found > 0 else centred


def drawn_means(kin: Kinship, sizes: Sequence[int], *, draws: int = DRAWS, seed: int = 0) -> np.ndarray:
    """(draws,) means of sets of unseen works by as many artists as `sizes`, each with so many works."""
    rng, total = np.random.default_rng(seed), np.zeros(draws)
    for size in sizes:
        total += size * rng.choice(kin.artists, draws)
        total += rng.choice(kin.remainders, (draws, size)).sum(1)
    return kin.mean + total / sum(sizes)


def judge_set(values: Sequence[float], artists: Sequence[str], kin: Kinship, *, seed: int = 0) -> SetResult:
    """A set's mean excess ranked among drawn sets with as many works an artist; ValueError for an empty set."""
    if not len(values):
        raise ValueError("a set needs a work")
    sizes = np.unique(np.asarray(artists), return_counts=True)[1].tolist()
    mean, null = float(np.mean(values)), drawn_means(kin, sizes, seed=seed)
    floor = smallest_p(len(kin.artists))
    p = (1 + int((null >= mean).sum())) / (len(null) + 1)
    return SetResult(len(values), len(sizes), mean, mean - float(null.mean()), max(p, floor), floor,
                     len(kin.artists), kin.shared)


def power(kin: Kinship, seen: Sequence[float], works: int, *, level: float, one_artist: bool = False,
          sets: int = 1000, seed: int = 0) -> float:
    """The share of sets of `works`, drawn from excesses of seen works, that are noticed at `level`, in [0, 1].

    The set counts as one artist's or as so many artists'; an artist's part is drawn for each.
    """
    rng = np.random.default_rng(seed)
    sizes = [works] if one_artist else [1] * works
    null = np.sort(drawn_means(kin, sizes, seed=seed))
    mine = rng.choice(np.asarray(seen, float), (sets, works)).mean(1)
    if one_artist:  # works drawn from many artists vary too little for one artist's
        mine = mine + rng.choice(kin.artists, sets)
    at_least = len(null) - np.searchsorted(null, mine, side="left")
    p = np.maximum((1 + at_least) / (len(null) + 1), smallest_p(len(kin.artists)))
    return float((p <= level).mean())
