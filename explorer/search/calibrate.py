"""How many lanes a race must keep: from where the eventual best stood at each checkpoint on tuning works."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from explorer.search.race import Checkpoint, RacePlan


def loss_upper(lost: int, subjects: int, *, confidence: float = 0.95) -> float:
    """Upper limit of a chance of which `lost` of `subjects` were seen (Clopper & Pearson 1934), in [0, 1]."""
    if subjects < 1 or lost >= subjects:
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(60):  # the chance at which so few losses would be as rare as 1 - confidence
        middle = (low + high) / 2
        seen = sum(math.comb(subjects, k) * middle ** k * (1 - middle) ** (subjects - k)
                   for k in range(lost + 1))
        low, high = (middle, high) if seen > 1 - confidence else (low, middle)
    return high


def calibrate(ranks: Mapping[str, Sequence[Sequence[int]]], at: Sequence[float], *, starters: int,
              allowed_losses: int = 0, spare: float = 1.5) -> RacePlan:
    """A plan that keeps enough lanes at the checkpoints `at` for every stratum of the tuning works.

    `ranks` holds, for each stratum (a multiplicity, say), one row a subject: the rank from 1 among
    `starters` of the lane that ended best (or within 1% of it) at each checkpoint. The share kept is the
    worst rank after leaving out `allowed_losses` subjects, times `spare`. `loss_upper` is the worst
    stratum's.
    """
    keeps, before = [], 1.0
    for number in range(len(at)):
        worst = max(sorted((row[number] for row in rows), reverse=True)[min(allowed_losses, len(rows) - 1)]
                    for rows in ranks.values())
        before = min(before, math.ceil(worst * spare) / starters)
        keeps.append(before)
    upper = max(loss_upper(_lost(rows, keeps, starters), len(rows)) for rows in ranks.values())
    return RacePlan(tuple(Checkpoint(a, k) for a, k in zip(at, keeps, strict=True)), upper)


def _lost(rows: Sequence[Sequence[int]], keeps: Sequence[float], starters: int) -> int:
    return sum(any(rank > math.ceil(starters * keep) for rank, keep in zip(row, keeps, strict=True))
               for row in rows)
