"""Diffusers' schedulers with what a batch needs besides: a generator an image and noise levels."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import diffusers
import torch

from explorer.errors import ExplorerError
from explorer.records.samplers import SAMPLERS


def scheduler_config(name: str, base: dict[str, Any]) -> dict[str, Any]:
    """The full config (plain JSON values) of scheduler `name` as it comes from the model's own `base`."""
    config = dict(build_scheduler(name, base).config)
    return {k: v for k, v in sorted(config.items()) if not k.startswith("_") and _plain(v)}


def build_scheduler(name: str, base: dict[str, Any]) -> Any:
    """The scheduler `name` made from a model's own config, or from the full one that a recipe holds.

    ExplorerError for a name that is not in the table.
    """
    if name not in SAMPLERS:
        raise ExplorerError("diffusion.check_recipe_scheduler_not_offered", scheduler=name,
                            schedulers=", ".join(SAMPLERS))
    sampler = SAMPLERS[name]
    values = {k: v for k, v in base.items() if not k.startswith("_")} | sampler.arguments
    return getattr(diffusers, sampler.made_of).from_config(values)


def _plain(value: Any) -> bool:
    return value is None or isinstance(value, (bool, int, float, str, list))


class Stepper:
    """A scheduler at one position of its schedule, for a batch with one CPU generator an image."""

    def __init__(self, name: str, config: dict[str, Any], *, generators: Sequence[torch.Generator],
                 eta: float = 0.0) -> None:
        """`config` is the model's own scheduler config or a recipe's full one; `eta` is DDIM's."""
        self.generators = list(generators)
        self.scheduler, self._unscaled = build_scheduler(name, config), SAMPLERS[name].unscaled
        takes = inspect.signature(self.scheduler.step).parameters
        self._eta = {"eta": eta} if "eta" in takes else {}
        self._random = "generator" in takes

    def start(self, steps: int, *, skip: int = 0, device: str | torch.device = "cpu") -> torch.Tensor:
        """The timesteps of a run of `steps`, without the first `skip` (img2img)."""
        self.scheduler.set_timesteps(steps, device=device)
        skip *= self.scheduler.order
        if skip and hasattr(self.scheduler, "set_begin_index"):
            self.scheduler.set_begin_index(skip)
        return self.scheduler.timesteps[skip:]

    def add_noise(self, clean: torch.Tensor, noise: torch.Tensor, timestep: torch.Tensor) -> torch.Tensor:
        """Latents (n, c, h, w) at `timestep` from clean latents and noise of the same shape."""
        return self.scheduler.add_noise(clean, noise, timestep.reshape(1).repeat(clean.shape[0]))

    def levels(self, timestep: torch.Tensor) -> tuple[float, float]:
        """(alpha, sigma) with sample = alpha·x0 + sigma·noise at the step about to be taken."""
        scheduler = self.scheduler
        if hasattr(scheduler, "sigmas"):
            if scheduler.step_index is None:
                scheduler._init_step_index(timestep)
            sigma = float(scheduler.sigmas[scheduler.step_index])
            alpha = 1.0 if self._unscaled else 1.0 / (1.0 + sigma * sigma) ** 0.5
            return alpha, sigma * alpha
        product = float(scheduler.alphas_cumprod[int(timestep)])
        return product ** 0.5, (1.0 - product) ** 0.5

    def scale(self, latents: torch.Tensor, timestep: torch.Tensor) -> torch.Tensor:
        """The network's input at this step."""
        return self.scheduler.scale_model_input(latents, timestep)

    def step(self, prediction: torch.Tensor, timestep: torch.Tensor, latents: torch.Tensor) -> torch.Tensor:
        """Latents one step further; all (n, c, h, w)."""
        random = {"generator": self.generators} if self._random else {}
        return self.scheduler.step(prediction, timestep, latents, **self._eta, **random, return_dict=False)[0]


def predicted_x0(prediction: torch.Tensor, sample: torch.Tensor, levels: tuple[float, float],
                 kind: str) -> torch.Tensor:
    """The clean latents that a network output implies; `kind` is the scheduler's prediction_type."""
    alpha, sigma = levels
    if kind == "epsilon":
        return (sample - sigma * prediction) / alpha
    if kind == "v_prediction":  # Salimans & Ho 2022, on the sample of unit variance
        norm = (alpha * alpha + sigma * sigma) ** 0.5
        return (alpha * sample / norm - sigma * prediction) / norm
    return prediction  # "sample"


def predicted_noise(prediction: torch.Tensor, sample: torch.Tensor, levels: tuple[float, float],
                    kind: str) -> torch.Tensor:
    """The noise that a network output implies, whatever the model predicts."""
    if kind == "epsilon":
        return prediction
    alpha, sigma = levels
    return (sample - alpha * predicted_x0(prediction, sample, levels, kind)) / sigma
