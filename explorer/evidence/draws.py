"""Which prompts are drawn: at random, so that anybody can draw them again from the plan alone.

Random order is the order of SHA-256(seed, line), which any language and any version computes alike. Designs: a
simple sample without replacement; strata with a fixed number from each (Cochran 1977); unequal chances with
replacement (Hansen and Hurwitz 1943).
"""

from __future__ import annotations

import hashlib
from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from explorer.records.canonical import digest

LIKELY, OTHER = "likely", "other"
LIKELY_SHARE = 0.1  # of the population, by the first look
LIKELY_SAMPLE = 0.5  # of the drawn prompts


@dataclass(frozen=True)
class Draw:
    """Line numbers in the order of replaying; see evidence.incidence_records.Drawn."""

    order: tuple[int, ...]
    strata: tuple[str, ...] = ()
    sizes: dict[str, int] = field(default_factory=dict)
    chances: tuple[float, ...] = ()


def seed_of(declared: object) -> str:
    """The seed that follows from everything that was declared: whoever changes it must change the plan."""
    return digest(declared)


def agreed_seed(plan_sha256: str, population_sha256: str) -> str:
    """The seed under an agreed plan: nothing that one side alone can change, such as a title, is in it."""
    return digest({"agreed": plan_sha256, "population": population_sha256})


def simple_draw(size: int, sample: int, seed: str) -> Draw:
    """`sample` of `size` lines without replacement; all where there are no more."""
    return Draw(tuple(_shuffled(range(size), seed)[:sample]))


def stratified_draw(strata: Sequence[str], sample: int, seed: str, *, shares: dict[str, float]) -> Draw:
    """From every stratum its share of the sample, at least two where it has them.

    `strata` names the stratum of each line, `shares` add up to 1. What a small stratum cannot fill goes to the
    others. Every beginning of the order has the strata in about their proportions, so that a look on the way sees
    all of them.
    """
    lines = {name: [i for i, s in enumerate(strata) if s == name] for name in sorted(set(strata))}
    wanted = _allotted({name: len(found) for name, found in lines.items()}, sample, shares)
    placed = []
    for name, found in lines.items():
        for k, line in enumerate(_shuffled(found, seed)[:wanted[name]]):
            placed.append(((k + 0.5) / wanted[name], name, line))
    placed.sort()
    return Draw(tuple(p[2] for p in placed), tuple(p[1] for p in placed),
                {name: len(found) for name, found in lines.items()})


def likely_strata(scores: Sequence[float]) -> tuple[str, ...]:
    """Two strata by a first look: the tenth of the lines that came nearest to a work, and the others."""
    near = set(sorted(range(len(scores)), key=lambda i: (scores[i], i))[
        :max(1, round(LIKELY_SHARE * len(scores)))])
    return tuple(LIKELY if i in near else OTHER for i in range(len(scores)))


def weights_by_rank(scores: Sequence[float]) -> tuple[float, ...]:
    """Chances a draw by a first look: 1 / (0.1 + share of the lines that came nearer), made to add up to 1."""
    order = sorted(range(len(scores)), key=lambda i: (scores[i], i))
    weights = [0.0] * len(scores)
    for rank, line in enumerate(order):
        weights[line] = 1 / (0.1 + rank / len(scores))
    total = sum(weights)
    return tuple(w / total for w in weights)


def weighted_draw(chances: Sequence[float], sample: int, seed: str) -> Draw:
    """`sample` draws with replacement; `chances` (one a line, above 0) add up to 1."""
    ends = list(accumulate(chances))
    picks = [min(bisect(ends, _uniform(f"{seed}\ndraw {k}") * ends[-1]), len(chances) - 1) for k in range(sample)]
    return Draw(tuple(picks), chances=tuple(chances[i] for i in picks))


def _allotted(sizes: dict[str, int], sample: int, shares: dict[str, float]) -> dict[str, int]:
    """How many of each stratum are drawn; a stratum's rest goes to those with room, by their shares."""
    wanted = {name: min(size, max(min(2, size), round(sample * shares.get(name, 0.0))))
              for name, size in sizes.items()}
    while (left := sample - sum(wanted.values())) > 0 and any(wanted[n] < sizes[n] for n in sizes):
        room = [n for n in sizes if wanted[n] < sizes[n]]
        for name in room:
            wanted[name] += min(sizes[name] - wanted[name], max(1, left // len(room)), left)
            left = sample - sum(wanted.values())
            if not left:
                break
    return wanted


def _shuffled(lines: Sequence[int], seed: str) -> list[int]:
    return sorted(lines, key=lambda line: hashlib.sha256(f"{seed}\n{line}".encode()).digest())


def _uniform(text: str) -> float:
    """A number in [0, 1) with 52 random bits."""
    return int(hashlib.sha256(text.encode()).hexdigest()[:13], 16) / 2 ** 52
