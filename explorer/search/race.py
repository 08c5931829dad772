"""Seed race: successive halving (Jamieson & Talwalkar 2016) over replays of few steps.

All candidates are replayed in a few steps, and those whose picture is farthest from the subject are dropped;
the rest in some more, and so on; those left at the end in all steps. A seed's noise is the same however many
steps are taken, and a deterministic sampler follows one path from it, roughly in few steps and finely in many.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from explorer.closeness.pixel_scores import compare
from explorer.diffusion.autoencoder import decode
from explorer.diffusion.check_recipe import complete
from explorer.diffusion.models import Model
from explorer.diffusion.rendered import Rendered
from explorer.diffusion.sampling import Batch, Hint, StepView
from explorer.diffusion.schedulers import scheduler_config
from explorer.records import Effort, Progress, Recipe
from explorer.records.race_records import RaceRound
from explorer.records.samplers import SAMPLERS
from explorer.records.scores import sort_key
from explorer.run import QUIET, Run
from explorer.search.race_plan import FEW, LOOKED_AT, PULLED_AT, screened_by
from explorer.texts import say

FIRST_ORDER, SECOND_ORDER = "euler", "dpmpp_2m"  # samplers of short replays, of up to FEW steps and of more


@dataclass(frozen=True)
class Checkpoint:
    """After replays of so many `steps` (from 1), this share of the starters goes on, in (0, 1]."""

    steps: int
    keep: float


@dataclass(frozen=True)
class RacePlan:
    """Checkpoints in order. `loss_upper` is the upper 95% limit of the chance that the best was dropped; None
    means not calibrated for this model."""

    checkpoints: tuple[Checkpoint, ...]
    loss_upper: float | None = None


def plan_of(steps: Sequence[int], keeps: Sequence[float], *, full_steps: int,
            loss_upper: float | None = None) -> RacePlan:
    """The checkpoints that are shorter than a whole replay of `full_steps`."""
    points = (Checkpoint(s, k) for s, k in zip(steps, keeps, strict=True))
    return RacePlan(tuple(p for p in points if p.steps < full_steps), loss_upper)


def short_batch(model: Model, recipes: Sequence[Recipe], steps: int, hint: Hint) -> Batch:
    """The same replays in so few steps, on their way; `hint` is what `hint_for` gives for them.

    Steps are spaced from the noisiest level ("trailing", Lin et al. 2024), guidance is left out at both ends
    (Kynkäänniemi et al. 2024), and what is nearly the same for all seeds is taken from a few: where the first step
    goes, at which the network sees hardly more than noise, and in very few steps the guidance. On the bundled
    world's tuning works such replays tell the best seed better than few steps of the recipe's own kind, and cost
    far less: `short_cost`.
    """
    return Batch(model, [_few(model, r, steps) for r in recipes], hint=hint)


def first_x0(model: Model, recipe: Recipe, *, batch: int = LOOKED_AT, run: Run = QUIET) -> torch.Tensor:
    """(c, h, w): the clean latents that the first step predicts, on average over LOOKED_AT seeds of its own.

    It is the same for all recipes that differ in their seeds only, and costs LOOKED_AT network evaluations.
    """
    groups = _looked_at(model, recipe, FEW, Hint(), seeds=LOOKED_AT, batch=batch)
    return torch.cat([view.x0 for view in _stepped(groups, run)]).mean(0)


def hint_for(model: Model, recipe: Recipe, steps: int, x0: torch.Tensor, *, batch: int = LOOKED_AT,
             run: Run = QUIET) -> Hint:
    """What short replays of so many steps share; `x0` is what `first_x0` gives.

    For up to FEW steps the prompt's pull at each guided step is measured on PULLED_AT seeds of its own.
    """
    if steps > FEW:
        return Hint(x0)
    groups, pulls = _looked_at(model, recipe, steps, Hint(x0), seeds=PULLED_AT, batch=batch), []
    for number in range(len(groups[0].timesteps) - 1):
        views = _stepped(groups, run)
        if number and views[0].unconditional is not None:
            pulls.append(torch.cat([v.conditional - v.unconditional for v in views]).mean(0))
    return Hint(x0, tuple(pulls) or None)


def _looked_at(model: Model, recipe: Recipe, steps: int, hint: Hint, *, seeds: int, batch: int) -> list[Batch]:
    own = [_few(model, replace(recipe, seed=s), steps) for s in range(seeds)]
    return [Batch(model, own[n:n + batch], hint=hint) for n in range(0, seeds, batch)]


def _stepped(groups: Sequence[Batch], run: Run) -> list[StepView]:
    """One step of every group; `run` ticks after each."""
    views = []
    for group in groups:
        views.append(group.step())
        run.tick()
    return views


def _few(model: Model, recipe: Recipe, steps: int) -> Recipe:
    """The recipe in few steps; a sampler that follows the noise's own path gives way to one that holds it better.

    That is DPM-Solver++ of second order (Lu et al. 2022), which looks too far ahead in very few steps, and there
    Euler's; each takes one evaluation a step.
    """
    config = complete(model, recipe).scheduler_config
    sampler = SAMPLERS.get(recipe.scheduler)
    if sampler is not None and not sampler.draws and not recipe.eta:
        rescale = {k: v for k, v in config.items() if k == "guidance_rescale"}
        name = FIRST_ORDER if steps <= FEW else SECOND_ORDER
        config = scheduler_config(name, config, flow=model.family.facts.flow) | rescale
        recipe = replace(recipe, scheduler=name)
    return replace(recipe, steps=steps, scheduler_config={**config, "timestep_spacing": "trailing"})


@dataclass(frozen=True)
class RaceResult:
    """The finished images, nearest first, and what the whole race took."""

    finished: tuple[Rendered, ...]
    effort: Effort


def race(model: Model, recipes: Sequence[Recipe], subject_rgb: np.ndarray, *, plan: RacePlan,
         score: str = "tiled_l2", batch: int = 0, starters: int = 0, decided: int = 0, run: Run = QUIET,
         on_round: Callable[[RaceRound], bool | None] = lambda reached: None,
         clock: Callable[[], float] = time.monotonic) -> RaceResult | None:
    """Races recipes that differ in their seeds only.

    `subject_rgb` (h, w, 3) uint8 is of the recipes' size. Works for the families with our own loop. A race
    that was interrupted goes on with the recipes that its first `decided` checkpoints left of `starters`.
    `score` is what the finished pictures are wanted close by; lanes are compared by `screened_by(score)`.
    `on_round` gets every checkpoint and the finish; where it says True at a checkpoint, the race ends there
    without a result. `run` ticks between steps.
    """
    return _Race(model, plan, batch or model.policy.batch, clock, subject_rgb, screened_by(score), decided,
                 starters or len(recipes), run, on_round).go(list(recipes))


@dataclass
class _Race:
    model: Model
    plan: RacePlan
    batch: int
    clock: Callable[[], float]
    subject_rgb: np.ndarray
    score: str
    decided: int
    starters: int
    run: Run
    on_round: Callable[[RaceRound], bool | None]
    spent: int = 0

    def go(self, recipes: list[Recipe]) -> RaceResult | None:
        began, total = self.clock(), len(recipes)
        points = [*enumerate(self.plan.checkpoints)][self.decided:]
        told = (began, 0)
        x0 = first_x0(self.model, recipes[0], batch=self.batch, run=self.run) if points else None
        self.spent += LOOKED_AT * bool(points)
        for number, point in (*points, (len(self.plan.checkpoints), None)):
            groups, scores, hint = [], {}, None
            if point is not None:
                hint = hint_for(self.model, recipes[0], point.steps, x0, batch=self.batch, run=self.run)
                self.spent += 2 * PULLED_AT * len(hint.pulls or ())
            for first in range(0, len(recipes), self.batch):
                part = recipes[first:first + self.batch]
                group = (Batch(self.model, part) if point is None
                         else short_batch(self.model, part, point.steps, hint))
                self.advance(group, scores)
                self.run.report(self.progress(len(recipes), group))
                groups.append(group)
            recipes = self.drop(recipes, scores, point)
            seeds = sorted(scores, key=lambda seed: (scores[seed], seed))
            now = (self.clock(), self.spent)
            over = self.on_round(RaceRound(
                number=number, step=len(groups[0].timesteps) if point is None else point.steps,
                steps=recipes[0].steps, seeds=tuple(seeds), distances=tuple(scores[s] for s in seeds),
                kept=len(recipes), finish=point is None, unet_evaluations=now[1] - told[1],
                elapsed_s=now[0] - told[0]))
            if over and point is not None:
                return None
            told = now
        finished = [image for group in groups for image in group.finish()]
        finished.sort(key=lambda image: scores[image.recipe.seed])
        effort = Effort(total, self.spent, self.clock() - began)
        return RaceResult(tuple(finished), effort)

    def progress(self, left: int, group: Batch) -> Progress:
        return Progress(self.starters - left, self.starters, say("progress.race", left=left,
                                                                 starters=self.starters),
                        group.index, len(group.timesteps))

    def advance(self, group: Batch, scores: dict[int, float]) -> None:
        """Runs a group to its end and scores it there."""
        while not group.done:
            group.step()
            self.run.tick()
        self.spent += group.unet_evaluations * len(group.recipes)
        key = sort_key(self.score)
        for recipe, rgb in zip(group.recipes, decode(self.model, group.latents), strict=True):
            scores[recipe.seed] = key(compare(self.subject_rgb, rgb, only=(self.score,))[self.score])

    def drop(self, recipes: list[Recipe], scores: dict[int, float], point: Checkpoint | None) -> list[Recipe]:
        """The lanes that go on."""
        if point is None:
            return recipes
        keep = max(1, math.ceil(self.starters * point.keep - 1e-9))
        survivors = set(sorted(scores, key=lambda seed: (scores[seed], seed))[:keep])
        return [r for r in recipes if r.seed in survivors]
