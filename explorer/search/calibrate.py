"""How many lanes a race must keep: the cheapest plan that would have kept the best of nearly all tuning works."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from explorer.records.scores import SCORES
from explorer.search.race import Checkpoint, RacePlan
from explorer.search.race_plan import shared_cost
from explorer.search.traces import Trace, blocks
from explorer.statistics import share_interval

WITHIN = 0.01  # as good as the best: within 1% of its closeness
MOST_CHECKPOINTS = 2
LANES = (*range(1, 11), *range(12, 33, 2), *range(36, 65, 4), *range(72, 129, 8), *range(144, 257, 16))
GOAL = 1 / 8  # of the network evaluations of replaying every lane whole
LOOK_COST = 1.4  # of decoding and comparing a picture, in network evaluations: measured on the bundled model


def loss_upper(lost: int, subjects: int, *, confidence: float = 0.95) -> float:
    """Upper limit of a chance of which `lost` of `subjects` were seen (Clopper & Pearson 1934), in [0, 1]."""
    return share_interval(lost, subjects, confidence=2 * confidence - 1).high  # of one side alone


def good_enough(found: Trace) -> np.ndarray:
    """(n,) bool: seeds whose finished picture is the closest, or within 1% of its closeness."""
    if SCORES[found.score].better == "higher":
        return found.closeness >= found.closeness.max() * (1 - WITHIN)
    return found.closeness <= found.closeness.min() * (1 + WITHIN)


def finalists(found: Trace, plan: RacePlan) -> tuple[np.ndarray, float]:
    """Positions of the seeds that a race with this plan replays whole, and its network evaluations.

    ValueError where a checkpoint's short replays are not in the trace.
    """
    starters, guided = found.closeness.size, found.costs[-1] > found.steps[-1]
    taken = shared_cost((p.steps for p in plan.checkpoints), guided=guided)
    going = np.arange(starters)
    for point in plan.checkpoints:
        row = found.steps.index(point.steps)
        taken += len(going) * found.costs[row]
        keep = max(1, math.ceil(starters * point.keep - 1e-9))
        order = np.argsort(found.distances[row, going], kind="stable")
        going = going[order[:keep]]
    return going, taken + len(going) * found.costs[-1]


def kept_best(found: Trace, plan: RacePlan) -> bool:
    """Whether a race with this plan ends with the best seed, or one within 1% of its closeness."""
    return bool(good_enough(found)[finalists(found, plan)[0]].any())


@dataclass(frozen=True)
class Calibrated:
    """The plan for races of `starters`; `plan.loss_upper` is from left-out works.

    `lost` counts the works whose best was dropped by the plan that the other works gave, by stratum.
    """

    starters: int
    plan: RacePlan
    subjects: int
    lost: dict[str, int]
    evaluations_share: float


def calibrated(traces: Sequence[Trace], *, starters: int, allowed: float = 0.05) -> Calibrated:
    """Chooses checkpoints and lanes on `traces`, and measures by leaving out one work at a time.

    The cheapest plan is chosen that loses the best of at most the share `allowed` of the works; what is then left
    of GOAL goes to more lanes. A work with more seeds than `starters` gives several races, and counts as lost if
    any of them loses. ValueError without traces of so many seeds.
    """
    races = [(t.subject, part) for t in traces for part in blocks(t, starters)]
    if not races:
        raise ValueError(f"no trace has {starters} seeds")
    first, names = races[0][1], list(dict.fromkeys(name for name, _ in races))
    strata = {name: part.stratum for name, part in races}
    plans = sorted(_plans(first.steps, starters), key=lambda plan: _price(first, plan))
    lost = np.zeros((len(plans), len(names)), bool)
    for number, plan in enumerate(plans):
        for name, part in races:
            lost[number, names.index(name)] |= not kept_best(part, plan)

    def cheapest(works: np.ndarray) -> int:
        return int((lost[:, works].mean(1) <= allowed).argmax())  # replaying all whole loses none

    every = np.arange(len(names))
    chosen = _widened(plans[cheapest(every)], first)
    missed = []
    for number, name in enumerate(names):
        plan = _widened(plans[cheapest(np.delete(every, number))], first)
        missed.append(not all(kept_best(part, plan) for own, part in races if own == name))
    by = {s: [miss for name, miss in zip(names, missed, strict=True) if strata[name] == s]
          for s in strata.values()}
    upper = loss_upper(sum(missed), len(missed))
    return Calibrated(starters, RacePlan(chosen.checkpoints, upper), len(names),
                      {s: sum(part) for s, part in by.items()},
                      finalists(first, chosen)[1] / (first.costs[-1] * starters))


def _plans(steps: Sequence[int], starters: int) -> Iterator[RacePlan]:
    """All choices of up to MOST_CHECKPOINTS short replays, and of ever fewer lanes after them."""
    lanes = [n for n in LANES if n < starters]
    for count in range(MOST_CHECKPOINTS + 1):
        for at in itertools.combinations(steps[:-1], count):
            for left in itertools.combinations(reversed(lanes), count):
                yield RacePlan(tuple(Checkpoint(s, n / starters) for s, n in zip(at, left, strict=True)))


def _widened(plan: RacePlan, found: Trace) -> RacePlan:
    """All checkpoints with more lanes, by one factor, as far as GOAL reaches."""
    starters, best = found.closeness.size, plan
    for factor in np.arange(1.0, 2.0, 0.01):
        wider = RacePlan(tuple(Checkpoint(p.steps, min(1.0, int(p.keep * starters * factor + 1e-9) / starters))
                               for p in plan.checkpoints))
        if finalists(found, wider)[1] > GOAL * found.costs[-1] * starters:
            break
        best = wider
    return best


def _price(found: Trace, plan: RacePlan) -> float:
    """Network evaluations of a race, and the pictures of short replays that are decoded."""
    starters = found.closeness.size
    looks = sum([starters, *(p.keep * starters for p in plan.checkpoints)][:len(plan.checkpoints)])
    return finalists(found, plan)[1] + LOOK_COST * looks
