"""Diffusers' schedulers with what a batch needs besides: a generator an image and noise levels."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import diffusers
import torch

from explorer.errors import ExplorerError
from explorer.records.samplers import SAMPLERS, offered

FLOW = "flow"  # a prediction of the velocity from clean latents to noise


@dataclass(frozen=True)
class Schedule:
    """What a flow family asks of a scheduler: noise levels before shifting, and by how much they are shifted."""

    sigmas: Sequence[float] | None = None
    mu: float | None = None  # counts where the model's config shifts by the image's size
    least_sigma: float | None = None  # the lowest level, where the family wants another than the scheduler's
    yields: bool = False  # its own levels, to a scheduler that makes a flow's levels itself


def scheduler_config(name: str, base: dict[str, Any], *, flow: bool = False) -> dict[str, Any]:
    """The full config (plain JSON values) of scheduler `name` as it comes from the model's own `base`."""
    return plain_config(build_scheduler(name, base, flow=flow).config)


def plain_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """A scheduler's config as a recipe holds it: sorted, plain JSON values only."""
    return {k: v for k, v in sorted(config.items())
            if not k.startswith("_") and (v is None or isinstance(v, (bool, int, float, str, list)))}


def build_scheduler(name: str, base: Mapping[str, Any], *, flow: bool = False) -> Any:
    """The scheduler `name` made from a model's own config, for a flow family or another.

    ExplorerError for a name that is not offered there.
    """
    kind, arguments = _row(name, flow)
    values = {k: v for k, v in base.items() if not k.startswith("_")} | arguments
    if flow:
        takes = inspect.signature(kind).parameters
        values = {"flow_shift": base.get("shift", 1.0)} | values
        values = {k: v for k, v in values.items() if k in takes}
    return kind.from_config(values)


def _row(name: str, flow: bool) -> tuple[type, dict[str, Any]]:
    kind, arguments = SAMPLERS[name].for_family(flow) if name in SAMPLERS else ("", {})
    if not kind:
        raise ExplorerError("diffusion.schedulers_not_offered_here", name=name, offered=", ".join(offered(flow)))
    return getattr(diffusers, kind), arguments


class Stepper:
    """A scheduler at one position of its schedule, for a batch with one CPU generator an image."""

    def __init__(self, name: str, config: dict[str, Any], *, generators: Sequence[torch.Generator],
                 eta: float = 0.0, flow: bool = False) -> None:
        """`config` is a recipe's full scheduler config; `eta` is DDIM's; `flow` says what the family learned."""
        kind, arguments = _row(name, flow)
        self.generators, self.flow, self._unscaled = list(generators), flow, SAMPLERS[name].unscaled
        told = arguments | config
        if flow:  # what a flow's scheduler does not know, it would warn of at each batch
            told = {k: v for k, v in told.items() if k in inspect.signature(kind).parameters}
        self.scheduler = kind.from_config(told)
        takes = inspect.signature(self.scheduler.step).parameters
        self._eta = {"eta": eta} if "eta" in takes else {}
        self._random = "generator" in takes

    @property
    def kind(self) -> str:
        """What the network predicts: FLOW, or the scheduler's prediction_type."""
        return FLOW if self.flow else self.scheduler.config.prediction_type

    @property
    def first_sigma(self) -> float:
        """What pure noise is multiplied by at the start."""
        return 1.0 if self.flow else self.scheduler.init_noise_sigma

    def start(self, steps: int, *, skip: int = 0, device: str | torch.device = "cpu",
              schedule: Schedule | None = None) -> torch.Tensor:
        """The timesteps of a run of `steps`, without the first `skip` (img2img).

        `schedule` is what a flow family asks for at this size.
        """
        self.scheduler.set_timesteps(steps, device=device, **self._asked(schedule))
        if self.flow and not torch.isfinite(self.scheduler.sigmas).all():  # a shifted end needs a beginning
            raise ExplorerError("diffusion.schedulers_model_cannot_make", steps=steps)
        skip *= self.scheduler.order
        if (skip or self.flow) and hasattr(self.scheduler, "set_begin_index"):
            self.scheduler.set_begin_index(skip)
        self._first = self.scheduler.timesteps[skip]
        return self.scheduler.timesteps[skip:]

    def begin(self, clean: torch.Tensor | None, noise: torch.Tensor) -> torch.Tensor:
        """The first latents (n, c, h, w): noise at the first level, over `clean` where that is given."""
        return noise * self.first_sigma if clean is None else self.add_noise(clean, noise, self._first)

    def look(
        self, timestep: torch.Tensor, latents: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """(the network's timestep, latents, what `levels`, `scale` and `step` are told) of the next step."""
        return timestep, latents, timestep

    def _asked(self, schedule: Schedule | None) -> dict[str, Any]:
        """The parts of a schedule that this scheduler takes."""
        if schedule is None:
            return {}
        if schedule.least_sigma is not None and hasattr(self.scheduler, "sigma_min"):
            self.scheduler.sigma_min = schedule.least_sigma
        found = {}
        takes = inspect.signature(self.scheduler.set_timesteps).parameters
        makes = schedule.yields and self.scheduler.config.get("use_flow_sigmas")
        if schedule.sigmas is not None and "sigmas" in takes and not makes:
            found["sigmas"] = schedule.sigmas
        if schedule.mu is not None and self.scheduler.config.get("use_dynamic_shifting"):
            found["mu"] = schedule.mu
        return found

    def add_noise(self, clean: torch.Tensor, noise: torch.Tensor, timestep: torch.Tensor) -> torch.Tensor:
        """Latents (n, c, h, w) at `timestep` from clean latents and noise of the same shape."""
        mix = getattr(self.scheduler, "scale_noise", None) or self.scheduler.add_noise
        times = timestep.reshape(1).repeat(clean.shape[0])
        return mix(clean, times, noise) if mix.__name__ == "scale_noise" else mix(clean, noise, times)

    def levels(self, timestep: torch.Tensor) -> tuple[float, float]:
        """(alpha, sigma) with sample = alpha·x0 + sigma·noise at the step about to be taken."""
        scheduler = self.scheduler
        if hasattr(scheduler, "sigmas"):
            if scheduler.step_index is None:
                scheduler._init_step_index(timestep)
            sigma = float(scheduler.sigmas[scheduler.step_index])
            if self.flow:
                return 1.0 - sigma, sigma
            alpha = 1.0 if self._unscaled else 1.0 / (1.0 + sigma * sigma) ** 0.5
            return alpha, sigma * alpha
        product = float(scheduler.alphas_cumprod[int(timestep)])
        return product ** 0.5, (1.0 - product) ** 0.5

    def levels_at(self, number: int) -> tuple[float, float]:
        """As `levels`, of step `number` of the whole schedule, whichever is about to be taken."""
        if self.flow:
            sigma = float(self.scheduler.sigmas[number])
            return 1.0 - sigma, sigma
        return self.levels(self.scheduler.timesteps[number])

    def scale(self, latents: torch.Tensor, timestep: torch.Tensor) -> torch.Tensor:
        """The network's input at this step."""
        return latents if self.flow else self.scheduler.scale_model_input(latents, timestep)

    def step(self, prediction: torch.Tensor, timestep: torch.Tensor, latents: torch.Tensor) -> torch.Tensor:
        """Latents one step further; all (n, c, h, w)."""
        random = {"generator": self.generators} if self._random else {}
        return self.scheduler.step(prediction, timestep, latents, **self._eta, **random, return_dict=False)[0]


def predicted_x0(prediction: torch.Tensor, sample: torch.Tensor, levels: tuple[float, float],
                 kind: str) -> torch.Tensor:
    """The clean latents that a network output implies; `kind` as `Stepper.kind`."""
    alpha, sigma = levels
    if kind == FLOW:
        return sample - sigma * prediction
    if kind == "epsilon":
        return (sample - sigma * prediction) / alpha
    if kind == "v_prediction":  # Salimans & Ho 2022, on the sample of unit variance
        norm = (alpha * alpha + sigma * sigma) ** 0.5
        return (alpha * sample / norm - sigma * prediction) / norm
    return prediction  # "sample"


def prediction_of(x0: torch.Tensor, sample: torch.Tensor, levels: tuple[float, float], kind: str) -> torch.Tensor:
    """The network output that implies these clean latents: the other way round of `predicted_x0`."""
    alpha, sigma = levels
    if kind == FLOW:
        return (sample - x0) / sigma
    if kind == "epsilon":
        return (sample - alpha * x0) / sigma
    if kind == "v_prediction":
        norm = (alpha * alpha + sigma * sigma) ** 0.5
        return (alpha * sample / norm - norm * x0) / sigma
    return x0  # "sample"


def pulled(given: torch.Tensor, empty: torch.Tensor, levels: tuple[float, float], kind: str) -> torch.Tensor:
    """float32: what the prompt changes of the predicted noise, or of the velocity that a flow family predicts.

    At a flow's first step the noise is the sample itself, whatever the prompt.
    """
    given, empty = given.float(), empty.float()
    if kind == FLOW:
        return given - empty
    nothing = torch.zeros_like(given)  # the sample itself cancels out
    return predicted_noise(given, nothing, levels, kind) - predicted_noise(empty, nothing, levels, kind)


def predicted_noise(prediction: torch.Tensor, sample: torch.Tensor, levels: tuple[float, float],
                    kind: str) -> torch.Tensor:
    """The noise that a network output implies, whatever the model predicts."""
    if kind == "epsilon":
        return prediction
    alpha, sigma = levels
    if kind == FLOW:
        return sample + alpha * prediction
    return (sample - alpha * predicted_x0(prediction, sample, levels, kind)) / sigma
