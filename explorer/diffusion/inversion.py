"""From an image back to noise: DDIM inversion (Song et al. 2021), near exact as in AIDI (Pan et al. 2023).

The noise found is information taken from the image: a replay from it is kept apart from seeds and charged
in the ledger. It enters a recipe as `noise_blob`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
    """The DDIM noise behind `rgb` (h, w, 3) uint8 of the recipe's size; `run` ticks after every step.

    `rounds` 0 is plain DDIM inversion, which takes the noise prediction at the less noisy end of a step;
    more rounds look for the point from which DDIM's step really leads back, and stop once it is found.
    ExplorerError unless the recipe has the scheduler "ddim" and eta 0.
    """
    recipe = complete(model, replace(recipe, strength=None, start_sha256=None))
    check_recipe(model, recipe)
    if recipe.scheduler != "ddim" or recipe.eta != 0:
        raise ExplorerError("diffusion.inversion_walks_ddim_backwards", scheduler=recipe.scheduler, eta=recipe.eta)
    walk = _Walk(model, recipe)
    latents, residual = Encoded(model, rgb).draw(None), 0.0 if rounds else None
    for low, high in walk.pairs():
        latents, miss = walk.back(latents, low, high, rounds)
        residual = None if residual is None else max(residual, miss)
        run.tick()
    noise = latents[0].float().cpu().numpy()
    named = replace(recipe, noise_blob=noise_blob(noise))
    return Inverted(named, noise, 32.0 * noise.size, walk.calls * (2 if walk.guided else 1), residual)


class _Walk:
    """DDIM's steps in reverse for one recipe."""

    def __init__(self, model: Model, recipe: Recipe) -> None:
        self.model, self.recipe, self.calls = model, recipe, 0
        self.guided = model.family.guided(recipe.guidance)
        self.stepper = Stepper("ddim", recipe.scheduler_config, generators=[])
        self.times = self.stepper.start(recipe.steps, device=model.device)
        self.kind = self.stepper.scheduler.config.prediction_type
        with torch.inference_mode():
            self.words = model.family.encode([recipe], paired=self.guided)

    def pairs(self) -> Iterator[tuple[torch.Tensor | None, torch.Tensor]]:
        """(less noisy, more noisy) timesteps from the clean end up; None stands for the clean image."""
        lows = [None, *self.times.flip(0)[:-1]]
        return zip(lows, self.times.flip(0), strict=True)

    @torch.inference_mode()
    def back(self, clean: torch.Tensor, low: torch.Tensor | None, high: torch.Tensor,
             rounds: int) -> tuple[torch.Tensor, float]:
        """Latents at `high` whose DDIM step leads to `clean` at `low`, and by how much it misses."""
        from_alpha, from_sigma = self.levels_after(high)
        to_alpha, to_sigma = self.stepper.levels(high)

        def up(noise: torch.Tensor) -> torch.Tensor:
            return (clean - from_sigma * noise) * (to_alpha / from_alpha) + to_sigma * noise
        # DDIM inversion's guess: the noise seen at the less noisy end.
        guess = up(self.noise(clean, high if low is None else low))
        if not rounds:
            return guess, 0.0
        latents, miss = fixed_point(lambda x: up(self.noise(x, high)), guess, rounds=rounds)
        return latents, miss * from_alpha / to_alpha

    def levels_after(self, high: torch.Tensor) -> tuple[float, float]:
        """(alpha, sigma) that DDIM's step from `high` arrives at."""
        scheduler = self.stepper.scheduler
        before = int(high) - scheduler.config.num_train_timesteps // scheduler.num_inference_steps
        product = float(scheduler.alphas_cumprod[before] if before >= 0 else scheduler.final_alpha_cumprod)
        return product ** 0.5, (1.0 - product) ** 0.5

    def noise(self, latents: torch.Tensor, timestep: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        family = self.model.family
        out = family.guide(*family.predict(latents, timestep, self.words), self.recipe.guidance)
        return predicted_noise(out, latents, self.stepper.levels(timestep), self.kind)


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
