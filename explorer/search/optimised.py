"""Noise optimised by gradient through a few steps (ReNO, Eyring et al. 2024), towards a subject's latents.

What comes out is no magic number: the noise was shaped by the subject, is kept as a blob apart from seeds,
and is charged in the ledger as "noise".
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from explorer.diffusion.autoencoder import Encoded
from explorer.diffusion.check_recipe import check_recipe, complete
from explorer.diffusion.models import Model
from explorer.diffusion.noise import starting_noise
from explorer.diffusion.rendered import noise_blob, noise_bytes
from explorer.diffusion.sampling import Batch
from explorer.diffusion.schedulers import Stepper
from explorer.errors import Cancelled, ExplorerError
from explorer.jobs.tasks import RunSearch
from explorer.records import Effort, Progress, Recipe, Replay, Tick
from explorer.search.run import Event, Search
from explorer.texts import say

FEW_STEPS = 4
RATE = 0.05  # of Adam, in units of the noise's own spread
GRADIENT_COST = 3  # a step with its gradient, in evaluations of the network


@dataclass(frozen=True, eq=False)
class Optimised:
    """Noise (c, h, w) float32 that `recipe` names; `distances` to the subject in latents, round by round."""

    recipe: Recipe
    noise: np.ndarray
    distances: tuple[float, ...]
    unet_evaluations: int


def optimise(model: Model, recipe: Recipe, subject_rgb: np.ndarray, *, rounds: int, steps: int = FEW_STEPS,
             rate: float = RATE) -> Iterator[Progress | Tick | Optimised]:
    """Changes the recipe's starting noise for `rounds` rounds of Adam; the best noise comes last.

    `subject_rgb` (h, w, 3) uint8 of the recipe's size. The result replays in `steps` steps of DDIM. The
    noise is kept at the length that noise has. ExplorerError for a recipe from an image, or a family whose
    sampler cannot be looked into.
    """
    if not model.own_loop or recipe.strength is not None:
        raise ExplorerError("search.optimised_noise_replay_plain")
    base = complete(model, replace(recipe, steps=steps, scheduler="ddim", scheduler_config={}, eta=0.0))
    check_recipe(model, base)
    run = _Descent(model, base, subject_rgb)
    adam = torch.optim.Adam([run.noise], lr=rate)
    best, least, seen = run.noise.detach().clone(), float("inf"), []
    for number in range(rounds):
        distance = yield from run.forward()
        seen.append(float(distance.detach()))
        if seen[-1] < least:
            best, least = run.noise.detach().clone(), seen[-1]
        adam.zero_grad()
        distance.backward()
        adam.step()
        run.back_to_length()
        yield Progress(number + 1, rounds, say("progress.optimising_noise_distance",
                                               least=least), number + 1, rounds)
    noise = best[0].float().cpu().numpy()
    yield Optimised(replace(base, noise_blob=noise_blob(noise)), noise, tuple(seen), run.spent)


class _Descent:
    """The few-step sampler with gradients to the starting noise."""

    def __init__(self, model: Model, recipe: Recipe, subject_rgb: np.ndarray) -> None:
        self.model, self.recipe, self.spent = model, recipe, 0
        self.guided = model.family.guided(recipe.guidance)
        start = starting_noise(recipe.seed, model.noise_shape(recipe), recipe.noise_source,
                               recipe.variation)[None]
        self.length = float(start.norm())
        self.noise = start.to(model.device, model.dtype).requires_grad_()
        self.target = Encoded(model, subject_rgb).draw(None).clone()
        self.words = model.family.encode([recipe], paired=self.guided).each(torch.Tensor.clone)

    def forward(self) -> Iterator[Tick]:
        """Distance of the finished latents to the subject's, as a tensor with its gradient."""
        family = self.model.family
        stepper = Stepper("ddim", self.recipe.scheduler_config, generators=[])
        latents = self.noise * stepper.scheduler.init_noise_sigma
        for timestep in stepper.start(self.recipe.steps, device=self.model.device):
            out = family.guide(*family.predict(latents, timestep, self.words), self.recipe.guidance)
            latents = stepper.step(out, timestep, latents)
            self.spent += GRADIENT_COST * (2 if self.guided else 1)
            yield Tick()
        return (latents.float() - self.target.float()).square().mean().sqrt()

    def back_to_length(self) -> None:
        with torch.no_grad():
            self.noise *= self.length / self.noise.norm()


def run_optimised(model: Model, encoder: Any | None, task: RunSearch, parent: Replay, subject_rgb: np.ndarray,
                  *, earlier: Sequence[Replay] = (),
                  clock: Callable[[], float] = time.monotonic) -> Iterator[Event | bytes]:
    """One replay from noise optimised out of `parent`'s; the noise's bytes come before it, as its blob."""
    search = Search(model, encoder, task, 1, clock, batch=1)
    for replay in earlier:
        search.count(replay)
    state = "done"
    try:
        if not earlier:
            yield from _one(search, parent, subject_rgb)
    except Cancelled:
        state = "cancelled"
    yield search.summary(state)


def _one(search: Search, parent: Replay, subject_rgb: np.ndarray) -> Iterator[Event | bytes]:
    began = search.clock()
    subject = search.subject(subject_rgb, parent.recipe)
    found = None
    for event in optimise(search.model, parent.recipe, subject, rounds=search.task.settings.rounds):
        if isinstance(event, Optimised):
            found = event
        else:
            yield event
    batch = Batch(search.model, [found.recipe], noise=found.noise[None])
    while not batch.done:
        batch.step()
        yield Tick()
    images = batch.finish()
    spent = found.unet_evaluations + images[0].unet_evaluations
    yield noise_bytes(found.noise)
    elapsed = search.clock() - began
    search.standing = search.standing.after(Effort(1, spent, elapsed), None, "")
    yield from search.score(images, subject, elapsed, charge=False)
