"""A k-diffusion program's way of sampling, one network evaluation at a time, for a batch of recipes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch

from explorer.diffusion.kdiffusion.k_samplers import SAMPLERS
from explorer.diffusion.kdiffusion.noises import BrownianNoise, Stream, start
from explorer.diffusion.kdiffusion.schedules import Levels, sigmas_of
from explorer.diffusion.schedulers import predicted_x0
from explorer.errors import ExplorerError
from explorer.records import Recipe
from explorer.records.program_samplers import BY_KEY, OFFERED_SCHEDULES, levels_run

MODEL_KEYS = ("beta_start", "beta_end", "beta_schedule", "num_train_timesteps", "trained_betas",
              "rescale_betas_zero_snr", "prediction_type")
OWN_KEYS = ("program", "schedule", "eta", "seed_delta", "resized_from", "whole_steps", "step_noise",
            "guidance_rescale")


def program_config(key: str, base: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """All that sampler `key` needs to know: the program's ways, with the model's own noise levels from `base`.

    ExplorerError for a schedule that is not offered.
    """
    own = {k: v for k, v in given.items() if k in OWN_KEYS}
    own.setdefault("program", "a1111")
    own.setdefault("schedule", BY_KEY[key].a1111_schedule or "normal")
    if own["schedule"] not in OFFERED_SCHEDULES:
        raise ExplorerError("diffusion.stepper_schedule_not_offered", schedule=own["schedule"],
                            offered_schedules=", ".join(OFFERED_SCHEDULES))
    model = {k: base[k] for k in MODEL_KEYS if base.get(k) is not None}
    return dict(sorted(({"prediction_type": "epsilon"} | model | own).items()))


class ProgramStepper:
    """Where a batch stands; the counterpart of `schedulers.Stepper` for k-diffusion's samplers."""

    def __init__(self, recipes: Sequence[Recipe]) -> None:
        """`recipes` share sampler, config, steps, strength and size; their config is complete."""
        self.recipes, first = list(recipes), recipes[0]
        self.key, self.config = first.scheduler, first.scheduler_config
        self.program, self.kind = self.config["program"], self.config["prediction_type"]
        self.table = Levels.of(self.config)
        made, taken = levels_run(first.steps, first.strength, self.program)
        drops = self.program in BY_KEY[self.key].drops
        self.sigmas = sigmas_of(self.config["schedule"], self.table, made, program=self.program, drop=drops)
        self.full = first.strength is None or taken == made
        self.sigmas = self.sigmas[-(taken + 1):] if not self.full else self.sigmas
        self.generators = [torch.Generator("cpu").manual_seed(r.seed) for r in self.recipes]
        self._streams = [Stream(r.noise_source, r.seed) for r in self.recipes]
        self._asked: tuple[torch.Tensor, torch.Tensor] | None = None

    def plan(self, device: torch.device | str) -> list[torch.Tensor]:
        """The level of each network evaluation to come (of a second look within a step: the step's own)."""
        self.sigmas = self.sigmas.to(device)
        again = BY_KEY[self.key].looks - 1
        return [sigma for sigma, after in pairwise(self.sigmas) for _ in range(1 + (again if after > 0 else 0))]

    def noise(self, shape: tuple[int, ...]) -> torch.Tensor:
        """(n, c, h, w) float32 starting noise, each image's from its own stream."""
        return torch.stack([start(s, shape, variation=r.variation, resized_from=self.config.get("resized_from", ()))
                            for s, r in zip(self._streams, self.recipes, strict=True)])

    def begin(self, clean: torch.Tensor | None, noise: torch.Tensor) -> torch.Tensor:
        """The first x: the noise at the first level, laid over `clean` latents where an image is given."""
        sigma, eta = self.sigmas[0], float(self.config.get("eta", 1.0))
        whole = self.program == "comfyui" and float(sigma) >= self.table.high * (1 - 1e-5)
        x = noise * ((1 + sigma ** 2) ** 0.5 if whole else sigma)
        x = x if clean is None else x + clean
        self._sampling = SAMPLERS[self.key](x, self.sigmas, self._step_noise(noise), eta)
        self._asked = next(self._sampling)
        return x

    def look(
        self, timestep: torch.Tensor, latents: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """(network's timestep, x, sigma) of the evaluation that the sampler wants next."""
        if self._asked is None:
            raise ValueError("the run is over")
        x, sigma = self._asked
        whole = self.program == "comfyui" or bool(self.config.get("whole_steps"))
        return self.table.timestep(sigma.reshape(1), whole=whole).reshape(()), x, sigma

    def levels(self, sigma: torch.Tensor) -> tuple[float, float]:
        """(alpha, sigma) with sample = alpha·x0 + sigma·noise."""
        return 1.0, float(sigma)

    def scale(self, x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        """The network's input: x brought to unit variance."""
        return x / (sigma ** 2 + 1) ** 0.5

    def step(self, prediction: torch.Tensor, sigma: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Hands the prediction on; the x that the sampler asks about next, or its last."""
        try:
            self._asked = self._sampling.send(predicted_x0(prediction, x, (1.0, float(sigma)), self.kind))
            return self._asked[0]
        except StopIteration as end:
            self._asked = None
            return end.value

    def _step_noise(self, noise: torch.Tensor) -> Any:
        """What a sampler calls for a step's noise: (sigma, sigma_next) -> (n, c, h, w)."""
        kind, shape = BY_KEY[self.key].step_noise, tuple(noise.shape[1:])
        delta, source = int(self.config.get("seed_delta", 0)), self.config.get("step_noise", "")
        if kind == "brownian":
            sources = [source or r.noise_source for r in self.recipes]
            paths = [BrownianNoise(self.sigmas.cpu(), r.seed, shape, s)
                     for r, s in zip(self.recipes, sources, strict=True)]
            return lambda a, b: torch.stack([path(a, b) for path in paths]).to(noise)
        streams = self._streams
        if delta or source:
            streams = [Stream(source or r.noise_source, (r.seed + delta) % 2 ** 64) for r in self.recipes]
        return lambda a, b: torch.stack([s.draw(shape) for s in streams]).to(noise)


def rescaled(guided: torch.Tensor, conditional: torch.Tensor, x: torch.Tensor, sigma: torch.Tensor, *,
             part: float, program: str, kind: str) -> torch.Tensor:
    """The guided prediction brought back to the conditional one's spread (Lin et al. 2023), by `part` in [0, 1].

    ComfyUI does so on v-predictions, the paper and the others on the network's own output.
    """
    if program == "comfyui" and kind == "epsilon":
        guided, conditional = (_v_of(p, x, sigma) for p in (guided, conditional))
    spread = [p.std(dim=(1, 2, 3), keepdim=True) for p in (conditional, guided)]
    made = part * guided * (spread[0] / spread[1]) + (1 - part) * guided
    if program == "comfyui" and kind == "epsilon":
        clean = x / (sigma ** 2 + 1) - sigma / (sigma ** 2 + 1) ** 0.5 * made
        return (x - clean) / sigma
    return made


def _v_of(epsilon: torch.Tensor, x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    return (epsilon - sigma * (x - sigma * epsilon)) / (sigma ** 2 + 1) ** 0.5
