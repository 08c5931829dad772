"""Noise optimised by gradient through a few steps (ReNO, Eyring et al. 2024), towards a subject's latents.

What comes out is no magic number: the noise was shaped by the subject, is kept as a blob apart from seeds,
and is charged in the ledger as "noise".
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from explorer.diffusion.autoencoder import Encoded
from explorer.diffusion.check_recipe import check_recipe, complete
from explorer.diffusion.models import Model
from explorer.diffusion.noise import starting_noise
from explorer.diffusion.rendered import noise_blob, noise_bytes
from explorer.diffusion.sampling import sample
from explorer.diffusion.schedulers import Stepper
from explorer.errors import ExplorerError
from explorer.records import Effort, Progress, Recipe, Replay, SearchSummary
from explorer.run import QUIET, Run
from explorer.search.one_search import Given, Search
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
             rate: float = RATE, run: Run = QUIET) -> Optimised:
    """The best noise of `rounds` rounds of Adam on the recipe's starting noise; `run` ticks between steps.

    `subject_rgb` (h, w, 3) uint8 of the recipe's size. The result replays in `steps` steps of
    DDIM (Euler for a flow family). The noise is kept at the length that noise has. ExplorerError for a recipe
    from an image, or a family whose sampler cannot be looked into.
    """
    if not model.own_loop or recipe.strength is not None:
        raise ExplorerError("search.optimised_noise_replay_plain_model")
    base = complete(model, replace(recipe, steps=steps, scheduler=model.family.facts.walks_back,
                                   scheduler_config={}, eta=0.0))
    check_recipe(model, base)
    descent = _Descent(model, base, subject_rgb)
    adam = torch.optim.Adam([descent.noise], lr=rate)
    best, least, seen = descent.noise.detach().clone(), float("inf"), []
    for number in range(rounds):
        distance = descent.forward(run)
        seen.append(float(distance.detach()))
        if seen[-1] < least:
            best, least = descent.noise.detach().clone(), seen[-1]
        adam.zero_grad()
        distance.backward()
        adam.step()
        descent.back_to_length()
        message = say("note.search.optimising_noise_distance", least=least)
        run.report(Progress(number + 1, rounds, message, number + 1, rounds))
    noise = best[0].float().cpu().numpy()
    return Optimised(replace(base, noise_blob=noise_blob(noise)), noise, tuple(seen), descent.spent)


class _Descent:
    """The few-step sampler with gradients to the starting noise."""

    def __init__(self, model: Model, recipe: Recipe, subject_rgb: np.ndarray) -> None:
        self.model, self.recipe, self.spent = model, recipe, 0
        self.guided = model.family.guided(recipe.guidance)
        start = starting_noise(recipe.seed, model.noise_shape(recipe), recipe.noise_source,
                               recipe.variation)[None]
        self.length = float(start.norm())
        self.noise = start.to(model.device, model.family.latents_dtype).requires_grad_()
        self.target = Encoded(model, subject_rgb).draw(None).clone()
        self.words = model.family.encode([recipe], paired=self.guided).each(torch.Tensor.clone)

    def forward(self, run: Run) -> torch.Tensor:
        """Distance of the finished latents to the subject's, as a tensor with its gradient."""
        family = self.model.family
        stepper = Stepper(self.recipe.scheduler, self.recipe.scheduler_config, generators=[],
                          flow=family.facts.flow)
        latents = self.noise * stepper.first_sigma
        for timestep in stepper.start(self.recipe.steps, device=self.model.device,
                                      schedule=self.model.schedule(self.recipe)):
            out = family.guide(*family.predict(latents, timestep, self.words), self.recipe.guidance)
            latents = stepper.step(out, timestep, latents)
            self.spent += GRADIENT_COST * (2 if self.guided else 1)
            run.tick()
        return (latents.float() - self.target.float()).square().mean().sqrt()

    def back_to_length(self) -> None:
        with torch.no_grad():
            self.noise *= self.length / self.noise.norm()


def run_optimised(given: Given, parent: Replay) -> SearchSummary:
    """As `run_search`: one replay from noise optimised out of `parent`'s, the noise's bytes with it."""
    search = Search(given, 1)
    search.recall()
    return search.concluded(lambda: None if given.earlier else _one(search, parent))


def _one(search: Search, parent: Replay) -> None:
    given, began = search.given, search.given.clock()
    found = optimise(given.model, parent.recipe, search.scorer.subject(parent.recipe),
                     rounds=given.task.settings.rounds, run=given.run)
    images = sample(given.model, [found.recipe], noise=found.noise[None], run=given.run)
    spent = Effort(1, found.unet_evaluations + images[0].unet_evaluations, given.clock() - began)
    search.tally.spend(spent)
    search.score(images, spent.elapsed_s, spent=Effort(), blobs=(noise_bytes(found.noise),))
