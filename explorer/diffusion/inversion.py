"""From an image back to noise: DDIM inversion (Song et al. 2021), near exact as in AIDI (Pan et al. 2023).

Of a flow family Euler's steps are walked back in the same way.

The noise found is information taken from the image: a replay from it is kept apart from seeds and charged
in the ledger. It enters a recipe as `noise_blob`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch

from explorer.diffusion.autoencoder import Encoded
from explorer.diffusion.check_recipe import check_recipe, complete
from explorer.diffusion.models import Model
from explorer.diffusion.rendered import noise_blob
from explorer.diffusion.schedulers import Stepper, predicted_noise
from explorer.errors import ExplorerError
from explorer.records import Recipe
from explorer.run import QUIET, Run


@dataclass(frozen=True, eq=False)
class Inverted:
    """Noise (c, h, w) float32 from which `recipe` replays the image; `bits` supplied if stored whole.

    `residual` is the largest mismatch of a step with its reverse, in latent units: 0 for an exact
    inversion, None where it was not looked for. A replay's own mismatch can be larger: steps amplify it.
    """

    recipe: Recipe
    noise: np.ndarray
    bits: float
    unet_evaluations: int
    residual: float | None


def invert(model: Model, recipe: Recipe, rgb: np.ndarray, *, rounds: int = 10, run: Run = QUIET) -> Inverted:
    """The noise behind `rgb` (h, w, 3) uint8 of the recipe's size; `run` ticks after every step.

    `rounds` 0 is plain inversion, which takes the prediction at the less noisy end of a step; more rounds look
    for the point from which the step really leads back, and stop once it is found. ExplorerError unless the
    recipe has the scheduler that its family walks back by ("ddim", "euler" for flows) and eta 0.
    """
    recipe = complete(model, replace(recipe, strength=None, start_sha256=None))
    check_recipe(model, recipe)
    name = model.family.facts.walks_back
    if recipe.scheduler != name or recipe.eta != 0:
        raise ExplorerError("diffusion.inversion_walks_run_scheduler", name=name, scheduler=recipe.scheduler,
                            eta=recipe.eta)
    walk = _Walk(model, recipe)
    latents, residual = Encoded(model, rgb).draw(None), 0.0 if rounds else None
    for number in reversed(range(len(walk.times))):
        latents, miss = walk.back(latents, number, rounds)
        residual = None if residual is None else max(residual, miss)
        run.tick()
    noise = latents[0].float().cpu().numpy()
    named = replace(recipe, noise_blob=noise_blob(noise))
    return Inverted(named, noise, 32.0 * noise.size, walk.calls * (2 if walk.guided else 1), residual)


class _Walk:
    """The steps of one recipe in reverse: each was a·latents + b·direction, of noise or of a flow."""

    def __init__(self, model: Model, recipe: Recipe) -> None:
        self.model, self.recipe, self.calls = model, recipe, 0
        self.guided = model.family.guided(recipe.guidance)
        self.stepper = Stepper(recipe.scheduler, recipe.scheduler_config, generators=[],
                               flow=model.family.facts.flow)
        self.times = self.stepper.start(recipe.steps, device=model.device, schedule=model.schedule(recipe))
        with torch.inference_mode():
            self.words = model.family.encode([recipe], paired=self.guided)

    @torch.inference_mode()
    def back(self, clean: torch.Tensor, number: int, rounds: int) -> tuple[torch.Tensor, float]:
        """Latents before step `number` that lead to `clean` after it, and by how much they miss."""
        high = self.times[number]
        low = self.times[number + 1] if number + 1 < len(self.times) else high  # the clean image has no time
        a, b = self.coefficients(number)

        def up(direction: torch.Tensor) -> torch.Tensor:
            return (clean - b * direction) / a
        guess = up(self.direction(clean, low))  # plain inversion: what is seen at the less noisy end
        if not rounds:
            return guess, 0.0
        latents, miss = fixed_point(lambda x: up(self.direction(x, high)), guess, rounds=rounds)
        return latents, miss * a

    def coefficients(self, number: int) -> tuple[float, float]:
        """(a, b) of step `number`."""
        scheduler = self.stepper.scheduler
        if self.stepper.flow:
            return 1.0, float(scheduler.sigmas[number + 1] - scheduler.sigmas[number])
        to_alpha, to_sigma = self.stepper.levels(self.times[number])
        before = int(self.times[number]) - scheduler.config.num_train_timesteps // scheduler.num_inference_steps
        product = float(scheduler.alphas_cumprod[before] if before >= 0 else scheduler.final_alpha_cumprod)
        a = product ** 0.5 / to_alpha
        return a, (1.0 - product) ** 0.5 - a * to_sigma

    def direction(self, latents: torch.Tensor, timestep: torch.Tensor) -> torch.Tensor:
        """The predicted noise, or the velocity of a flow."""
        self.calls += 1
        family = self.model.family
        out = family.guide(*family.predict(latents, timestep, self.words), self.recipe.guidance)
        if self.stepper.flow:
            return out
        return predicted_noise(out, latents, self.stepper.levels(timestep), self.stepper.kind)


def fixed_point(function: Callable[[torch.Tensor], torch.Tensor], start: torch.Tensor, *, rounds: int,
                memory: int = 5, enough: float = 1e-5) -> tuple[torch.Tensor, float]:
    """Anderson acceleration (1965): the best x found for x = function(x), and its largest miss.

    Takes at most `rounds` evaluations, fewer once the miss is below `enough`.
    """
    points: list[torch.Tensor] = []
    values: list[torch.Tensor] = []
    x, best, least = start, start, float("inf")
    for _ in range(rounds):
        value = function(x)
        miss = float((value - x).abs().max())
        if miss < least:
            best, least = x, miss
        if miss < enough:
            break
        points, values = [*points, x.flatten()][-memory:], [*values, value.flatten()][-memory:]
        x = _mixed(points, values).reshape(start.shape)
    return best, least


def _mixed(points: list[torch.Tensor], values: list[torch.Tensor]) -> torch.Tensor:
    """The next point: the combination of values whose misses cancel best (least squares)."""
    misses = torch.stack([v - p for p, v in zip(points, values, strict=True)], 1).double()  # (d, m)
    if misses.shape[1] == 1:
        return values[-1]
    steps, rises = misses.diff(dim=1), torch.stack(values, 1).double().diff(dim=1)
    ridge = 1e-10 * steps.square().sum() * torch.eye(steps.shape[1], dtype=steps.dtype, device=steps.device)
    weights = torch.linalg.solve(steps.T @ steps + ridge, steps.T @ misses[:, -1])
    return (values[-1].double() - rises @ weights).to(values[-1].dtype)
