"""Seed race: successive halving (Jamieson & Talwalkar 2016) on predicted x0 against the subject.

All candidates start; at each checkpoint those whose predicted picture is farthest from the subject are
dropped; the rest go on in full batches.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from explorer.diffusion.models import Model
from explorer.diffusion.rendered import Rendered
from explorer.diffusion.sampling import Batch, StepView
from explorer.records import Effort, Progress, Recipe, Tick
from explorer.search.foresight import foresight
from explorer.search.lanes import RaceRound
from explorer.search.plans import ROUGH


@dataclass(frozen=True)
class Checkpoint:
    """After this share of the steps, this share of the starters goes on; both in (0, 1]."""

    at: float
    keep: float


@dataclass(frozen=True)
class RacePlan:
    """Checkpoints in order. `loss_upper` is the upper 95% limit of the chance that the best was dropped,
    for the worst stratum of the model's calibration; None means not calibrated for this model."""

    checkpoints: tuple[Checkpoint, ...]
    loss_upper: float | None = None

    def evaluations_share(self) -> float:
        """Network evaluations relative to running every candidate to its end."""
        spent, going, before = 0.0, 1.0, 0.0
        for point in self.checkpoints:
            spent, going, before = spent + going * (point.at - before), point.keep, point.at
        return spent + going * (1.0 - before)


UNCALIBRATED = RacePlan(tuple(Checkpoint(at, keep) for at, keep in ROUGH))


@dataclass(frozen=True)
class Lane:
    """One candidate: its distance at each checkpoint it reached, and where it ended (None: at the finish)."""

    recipe: Recipe
    scores: tuple[float, ...] = ()
    dropped_at: int | None = None
    unet_evaluations: int = 0


@dataclass(frozen=True)
class RaceResult:
    """Every lane with its scores, the finished images (nearest first), and what it took."""

    lanes: tuple[Lane, ...]
    finished: tuple[Rendered, ...]
    effort: Effort
    plan: RacePlan

    @property
    def exhaustive_evaluations(self) -> int:
        """What running every lane to its end would have taken."""
        most = max(lane.unet_evaluations for lane in self.lanes)
        return most * len(self.lanes)


Event = Progress | Tick | RaceRound | RaceResult


def race(model: Model, recipes: Sequence[Recipe], subject_rgb: np.ndarray, *, plan: RacePlan = UNCALIBRATED,
         score: str = "tiled_l2", batch: int = 0, starters: int = 0, decided: int = 0,
         clock: Callable[[], float] = time.monotonic) -> Iterator[Event]:
    """Races recipes that differ in their seeds only: Progress, Ticks, a RaceRound a checkpoint, the RaceResult.

    `subject_rgb` (h, w, 3) uint8 is of the recipes' size. Works for the families with our own loop. A race
    that was interrupted goes on with the recipes that its first `decided` checkpoints left of `starters`.
    `score` is what the finished pictures are wanted close by; see foresight.
    """
    yield from _Race(model, plan, batch or model.policy.batch, clock, foresight(model, subject_rgb, score),
                     decided, starters or len(recipes)).run(list(recipes))


@dataclass
class _Race:
    model: Model
    plan: RacePlan
    batch: int
    clock: Callable[[], float]
    distance: Callable[[torch.Tensor], list[float]]
    decided: int
    starters: int
    lanes: dict[int, Lane] = field(default_factory=dict)
    spent: int = 0

    def run(self, recipes: list[Recipe]) -> Iterator[Event]:
        began, total = self.clock(), len(recipes)
        self.lanes = {r.seed: Lane(r) for r in recipes}
        groups = [Batch(self.model, recipes[i:i + self.batch]) for i in range(0, total, self.batch)]
        points = [*enumerate(self.plan.checkpoints)][self.decided:]
        told = (began, 0)
        for number, point in (*points, (len(self.plan.checkpoints), None)):
            scores: dict[int, float] = {}
            for group in groups:
                yield from self.advance(group, point, scores)
                yield self.progress(groups, group)
            groups, kept = self.drop(groups, scores, number, point)
            seeds = sorted(scores, key=lambda seed: (scores[seed], seed))
            now = (self.clock(), self.spent)
            yield RaceRound(number=number, step=groups[0].index, steps=len(groups[0].timesteps),
                            seeds=tuple(seeds), distances=tuple(scores[s] for s in seeds), kept=kept,
                            finish=point is None, unet_evaluations=now[1] - told[1], elapsed_s=now[0] - told[0])
            told = now
        finished = [image for group in groups for image in group.finish()]
        finished.sort(key=lambda image: scores[image.recipe.seed])
        effort = Effort(total, self.spent, self.clock() - began)
        yield RaceResult(tuple(self.lanes.values()), tuple(finished), effort, self.plan)

    def progress(self, groups: list[Batch], group: Batch) -> Progress:
        left = sum(len(g.recipes) for g in groups)
        return Progress(self.starters - left, self.starters, f"{left} of {self.starters} in the race",
                        group.index, len(group.timesteps))

    def advance(self, group: Batch, point: Checkpoint | None, scores: dict[int, float]) -> Iterator[Tick]:
        """Takes a group to the checkpoint (None: to the end) and scores it there."""
        steps = len(group.timesteps)
        until = steps if point is None else min(steps, max(1, round(point.at * steps)))
        view: StepView | None = None
        while group.index < until:
            view = group.step()
            cost = 2 if group.guided else 1
            self.spent += cost * len(group.recipes)
            for recipe in group.recipes:
                lane = self.lanes[recipe.seed]
                self.lanes[recipe.seed] = replace(lane, unet_evaluations=lane.unet_evaluations + cost)
            yield Tick()
        distances = self.distance(group.latents if group.done or view is None else view.x0)
        for recipe, distance in zip(group.recipes, distances, strict=True):
            scores[recipe.seed] = distance
            lane = self.lanes[recipe.seed]
            self.lanes[recipe.seed] = replace(lane, scores=(*lane.scores, distance))

    def drop(self, groups: list[Batch], scores: dict[int, float], number: int,
             point: Checkpoint | None) -> tuple[list[Batch], int]:
        """Keeps the best lanes and puts them together into full batches; how many were kept."""
        if point is None:
            return groups, len(scores)
        keep = max(1, math.ceil(self.starters * point.keep - 1e-9))
        survivors = set(sorted(scores, key=lambda seed: (scores[seed], seed))[:keep])
        for seed in scores.keys() - survivors:
            self.lanes[seed] = replace(self.lanes[seed], dropped_at=number)
        full: list[Batch] = []
        for group in groups:
            rows = [i for i, r in enumerate(group.recipes) if r.seed in survivors]
            if not rows:
                continue
            group.keep(rows)
            if full and len(full[-1].recipes) + len(rows) <= self.batch:
                full[-1].merge(group)
            else:
                full.append(group)
        return full, len(survivors)
