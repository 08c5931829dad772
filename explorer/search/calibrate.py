"""How many lanes a race must keep: from where the best seeds of tuning works stand by short replays."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from explorer.records.scores import SCORES
from explorer.search.race import Checkpoint, RacePlan
from explorer.search.race_plan import shared_cost
from explorer.search.traces import Trace, blocks
from explorer.statistics import share_interval

WITHIN = 0.01  # as good as the best: within 1% of its closeness
MOST_CHECKPOINTS = 3
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


def hero_ranks(found: Trace) -> np.ndarray:
    """(rows,) int: the ranks from 1, by short replays of each length, of the good seed that stands best in them."""
    ranks = found.distances.argsort(1, kind="stable").argsort(1, kind="stable") + 1  # (rows, n)
    good = ranks[:, good_enough(found)]
    return good[:, np.log(good).mean(0).argmin()]


@dataclass(frozen=True)
class Calibrated:
    """The cheapest safe plan for races of `starters`; `plan.loss_upper` is from left-out works.

    `lost` counts the works whose best was dropped by the plan that the other works gave, by stratum.
    """

    starters: int
    plan: RacePlan
    subjects: int
    lost: dict[str, int]
    evaluations_share: float


def calibrated(traces: Sequence[Trace], *, starters: int, allowed_losses: int = 0,
               spare: float = 2.0) -> Calibrated:
    """Chooses checkpoints and shares on `traces`, and measures by leaving out one work at a time.

    A work with more seeds than `starters` gives several races; it counts as lost if any of them loses.
    ValueError without traces of so many seeds.
    """
    races = [(t.subject, part) for t in traces for part in blocks(t, starters)]
    if not races:
        raise ValueError(f"no trace has {starters} seeds")
    table = {"ranks": np.stack([hero_ranks(part) for _, part in races]),
             "names": np.array([name for name, _ in races]),
             "strata": np.array([part.stratum for _, part in races]), "steps": np.array(races[0][1].steps),
             "costs": np.array(races[0][1].costs), "starters": starters}
    everyone = np.ones(len(races), bool)
    plan = _cheapest(table, everyone, starters, allowed_losses, spare)
    lost: dict[str, set[str]] = {stratum: set() for stratum in table["strata"]}
    for name in dict.fromkeys(table["names"]):
        others = _cheapest(table, table["names"] != name, starters, allowed_losses, spare)
        for own, part in races:
            if own == name and not kept_best(part, others):
                lost[part.stratum].add(name)
    sizes = {s: len(set(table["names"][table["strata"] == s])) for s in lost}
    upper = max(loss_upper(len(lost[s]), sizes[s]) for s in lost)
    share = _share(plan, table)
    return Calibrated(starters, RacePlan(plan.checkpoints, upper), sum(sizes.values()),
                      {s: len(v) for s, v in lost.items()}, share)


def _cheapest(table: Mapping[str, np.ndarray], rows: np.ndarray, starters: int, allowed_losses: int,
              spare: float) -> RacePlan:
    """The plan with the fewest evaluations among all choices of up to MOST_CHECKPOINTS."""
    ranks, strata, steps = table["ranks"][rows], table["strata"][rows], table["steps"].tolist()
    worst = np.ones(len(steps))
    for stratum in set(strata):
        ordered = np.sort(ranks[strata == stratum], 0)[::-1]
        worst = np.maximum(worst, ordered[min(allowed_losses, len(ordered) - 1)])
    keep = np.minimum(1.0, np.ceil(worst * spare) / starters)  # (rows,)
    plans = (RacePlan(tuple(Checkpoint(steps[i], float(keep[list(chosen)][:n + 1].min()))
                            for n, i in enumerate(chosen))) for chosen in _choices(len(steps)))
    return min(plans, key=lambda plan: _share(plan, table) + LOOK_COST / table["costs"][-1] * _looks(plan))


def _share(plan: RacePlan, table: Mapping[str, np.ndarray]) -> float:
    """Network evaluations of a race by those of replaying every lane whole."""
    costs, going = dict(zip(table["steps"].tolist(), table["costs"].tolist(), strict=True)), 1.0
    guided = table["costs"][-1] > table["steps"][-1]
    spent = shared_cost((p.steps for p in plan.checkpoints), guided=guided) / table["starters"]
    for point in plan.checkpoints:
        spent, going = spent + going * costs[point.steps], point.keep
    return spent / table["costs"][-1] + going


def _looks(plan: RacePlan) -> float:
    """Pictures of short replays that are decoded, as a share of the starters."""
    return sum([1.0, *(c.keep for c in plan.checkpoints)][:len(plan.checkpoints)])


def _choices(rows: int) -> Iterable[tuple[int, ...]]:
    return itertools.chain.from_iterable(
        itertools.combinations(range(rows - 1), n) for n in range(MOST_CHECKPOINTS + 1))
