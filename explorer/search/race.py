"""Seed race: successive halving (Jamieson & Talwalkar 2016) on predicted x0 against the subject, in latents.

All candidates start; at each checkpoint those whose predicted clean latents are farthest from the subject's
are dropped, without decoding anything; the rest go on in full batches.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from explorer.diffusion.autoencoder import Encoded
from explorer.diffusion.models import Model
from explorer.diffusion.rendered import Rendered
from explorer.diffusion.sampling import Batch, StepView
from explorer.records import Effort, Progress, Recipe, Tick


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


# On a small trial world the final best stood among the best third at a quarter of the steps, and among the
# best few at two fifths; a third of the work. Not a calibration.
UNCALIBRATED = RacePlan((Checkpoint(0.25, 0.34), Checkpoint(0.4, 0.05)))


@dataclass(frozen=True)
class Lane:
    """One candidate: its distance at each checkpoint it reached, and where it ended (None: at the finish)."""

    recipe: Recipe
    scores: tuple[float, ...] = ()
    dropped_at: int | None = None
    unet_evaluations: int = 0


@dataclass(frozen=True)
class RaceResult:
    """Every lane with its scores, the finished images (best latent distance first), and what it took."""

    lanes: tuple[Lane, ...]
    finished: tuple[Rendered, ...]
    effort: Effort
    plan: RacePlan

    @property
    def exhaustive_evaluations(self) -> int:
        """What running every lane to its end would have taken."""
        most = max(lane.unet_evaluations for lane in self.lanes)
        return most * len(self.lanes)


def latent_distance(x0: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """(n,) root mean squared distance of (n, c, h, w) from (1, c, h, w); 0 is the same."""
    return (x0.float() - target.float()).square().flatten(1).mean(1).sqrt()


def race(model: Model, recipes: Sequence[Recipe], subject_rgb: np.ndarray, *, plan: RacePlan = UNCALIBRATED,
         batch: int = 0, clock: Callable[[], float] = time.monotonic) -> Iterator[Progress | Tick | RaceResult]:
    """Races recipes that differ in their seeds only; Progress and Ticks, then the RaceResult.

    `subject_rgb` (h, w, 3) uint8 is of the recipes' size. Works for the families with our own loop.
    """
    yield from _Race(model, plan, batch or model.policy.batch, clock, subject_rgb).run(list(recipes))


@dataclass
class _Race:
    model: Model
    plan: RacePlan
    batch: int
    clock: Callable[[], float]
    subject_rgb: np.ndarray
    lanes: dict[int, Lane] = field(default_factory=dict)

    def run(self, recipes: list[Recipe]) -> Iterator[Progress | Tick | RaceResult]:
        began, total = self.clock(), len(recipes)
        target = Encoded(self.model, self.subject_rgb).draw(None)
        self.lanes = {r.seed: Lane(r) for r in recipes}
        groups = [Batch(self.model, recipes[i:i + self.batch]) for i in range(0, total, self.batch)]
        for number, point in enumerate((*self.plan.checkpoints, None)):
            scores: dict[int, float] = {}
            for group in groups:
                yield from self.advance(group, point, target, scores)
                left = sum(len(g.recipes) for g in groups)
                yield Progress(total - left, total, f"{left} of {total} in the race", group.index,
                               len(group.timesteps))
            if point is not None:
                groups = self.drop(groups, scores, number, max(1, math.ceil(total * point.keep)))
        finished = [image for group in groups for image in group.finish()]
        finished.sort(key=lambda image: scores[image.recipe.seed])
        spent = Effort(total, sum(lane.unet_evaluations for lane in self.lanes.values()), self.clock() - began)
        yield RaceResult(tuple(self.lanes.values()), tuple(finished), spent, self.plan)

    def advance(self, group: Batch, point: Checkpoint | None, target: torch.Tensor,
                scores: dict[int, float]) -> Iterator[Tick]:
        """Takes a group to the checkpoint (None: to the end) and scores it there."""
        steps = len(group.timesteps)
        until = steps if point is None else min(steps, max(1, round(point.at * steps)))
        view: StepView | None = None
        while group.index < until:
            view = group.step()
            for recipe in group.recipes:
                lane = self.lanes[recipe.seed]
                cost = 2 if group.guided else 1
                self.lanes[recipe.seed] = replace(lane, unet_evaluations=lane.unet_evaluations + cost)
            yield Tick()
        distances = latent_distance(group.latents if group.done or view is None else view.x0, target)
        for recipe, distance in zip(group.recipes, distances.tolist(), strict=True):
            scores[recipe.seed] = distance
            lane = self.lanes[recipe.seed]
            self.lanes[recipe.seed] = replace(lane, scores=(*lane.scores, distance))

    def drop(self, groups: list[Batch], scores: dict[int, float], number: int, keep: int) -> list[Batch]:
        """Keeps the best lanes and puts them together into full batches."""
        survivors = set(sorted(scores, key=scores.get)[:keep])
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
        return full
