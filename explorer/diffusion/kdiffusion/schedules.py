"""Noise levels as k-diffusion's programs space them, over a model's own table of levels.

Karras et al. 2022 (karras); k-diffusion (exponential, polyexponential); A1111 and ComfyUI (normal, simple,
sgm_uniform, ddim_uniform, beta: Lee et al. 2024, kl_optimal: Sabour et al. 2024). Each gives (n + 1,) float32
falling to 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from scipy import stats

BETA_SHAPE = 0.6  # both parameters of the beta distribution, as both programs set them


@dataclass(frozen=True)
class Levels:
    """A model's noise levels, rising: `sigmas` (t,) float32, sigma = sqrt((1 - a) / a)."""

    sigmas: torch.Tensor

    @classmethod
    def of(cls, config: dict[str, Any]) -> Levels:
        """From a scheduler's config: its betas, made to end in pure noise where the config says so."""
        from diffusers import DDIMScheduler
        keys = ("beta_start", "beta_end", "beta_schedule", "num_train_timesteps", "trained_betas",
                "rescale_betas_zero_snr")
        products = DDIMScheduler(**{k: config[k] for k in keys if config.get(k) is not None}).alphas_cumprod
        products = products.clamp(min=2 ** -24)  # ComfyUI's floor for models that end in pure noise is alike
        return cls((((1 - products) / products) ** 0.5).float())

    @property
    def low(self) -> float:
        return float(self.sigmas[0])

    @property
    def high(self) -> float:
        return float(self.sigmas[-1])

    def sigma(self, t: torch.Tensor) -> torch.Tensor:
        """The level at a timestep between two of the table: straight in log sigma."""
        logs, t = self.sigmas.log(), t.float()
        part = t.frac()
        return ((1 - part) * logs[t.floor().long()] + part * logs[t.ceil().long()]).exp()

    def timestep(self, sigma: torch.Tensor, *, whole: bool) -> torch.Tensor:
        """The timestep of a level: the nearest of the table (ComfyUI, Forge), or between two (A1111)."""
        logs, log = self.sigmas.log().to(sigma.device), sigma.float().log()
        apart = log - logs[:, None]
        if whole:
            return apart.abs().argmin(dim=0).view(sigma.shape)
        low = apart.ge(0).cumsum(dim=0).argmax(dim=0).clamp(max=len(logs) - 2)
        part = ((logs[low] - log) / (logs[low] - logs[low + 1])).clamp(0, 1)
        return ((1 - part) * low + part * (low + 1)).view(sigma.shape)


def sigmas_of(schedule: str, levels: Levels, n: int, *, program: str, drop: bool = False) -> torch.Tensor:
    """(n + 1,) levels of a run of n steps; `drop` leaves the last but one out of n + 1 steps' levels."""
    steps = n + 1 if drop else n
    made = SCHEDULES[schedule](levels, steps, program)
    return torch.cat([made[:-2], made[-1:]]) if drop else made


def _ended(sigmas: torch.Tensor) -> torch.Tensor:
    return torch.cat([sigmas.float(), sigmas.new_zeros(1).float()])


def normal(levels: Levels, n: int, program: str) -> torch.Tensor:
    """Equal steps in time, from the noisiest to the finest level."""
    return _ended(levels.sigma(torch.linspace(len(levels.sigmas) - 1, 0, n)))


def sgm_uniform(levels: Levels, n: int, program: str) -> torch.Tensor:
    """Equal steps in time that would reach the finest level one step later."""
    return _ended(levels.sigma(torch.linspace(len(levels.sigmas) - 1, 0, n + 1)[:-1]))


def karras(levels: Levels, n: int, program: str) -> torch.Tensor:
    """Equal steps in sigma^(1/7)."""
    low, high = levels.low ** (1 / 7.0), levels.high ** (1 / 7.0)
    return _ended((high + torch.linspace(0, 1, n) * (low - high)) ** 7.0)


def exponential(levels: Levels, n: int, program: str) -> torch.Tensor:
    """Equal steps in log sigma."""
    from math import log
    return _ended(torch.linspace(log(levels.high), log(levels.low), n).exp())


def simple(levels: Levels, n: int, program: str) -> torch.Tensor:
    """Every (t / n)-th level of the table, counted from the noisiest."""
    stride = len(levels.sigmas) / n
    return _ended(torch.stack([levels.sigmas[-(1 + int(i * stride))] for i in range(n)]))


def ddim_uniform(levels: Levels, n: int, program: str) -> torch.Tensor:
    """Every (t // n)-th level of the table from the second on: may be a step more than asked for."""
    stride = max(len(levels.sigmas) // n, 1)
    return _ended(levels.sigmas[1::stride].flip(0))


def beta(levels: Levels, n: int, program: str) -> torch.Tensor:
    """Levels at a beta distribution's quantiles: of sigma in A1111, of the table's timesteps in ComfyUI."""
    if program == "comfyui":
        last = len(levels.sigmas) - 1
        places = [round(float(stats.beta.ppf(1 - i / n, BETA_SHAPE, BETA_SHAPE)) * last) for i in range(n)]
        kept = [p for i, p in enumerate(places) if i == 0 or p != places[i - 1]]
        return _ended(levels.sigmas[kept])
    parts = [float(stats.beta.ppf(1 - i / (n - 1) if n > 1 else 1.0, BETA_SHAPE, BETA_SHAPE)) for i in range(n)]
    return _ended(torch.tensor([levels.low + p * (levels.high - levels.low) for p in parts]))


def kl_optimal(levels: Levels, n: int, program: str) -> torch.Tensor:
    """Equal steps in the angle whose tangent is sigma; ends at the finest level, not at 0, in A1111."""
    low, high = torch.tensor(levels.low).arctan(), torch.tensor(levels.high).arctan()
    if program == "comfyui":
        return _ended((torch.linspace(0, 1, n) * (low - high) + high).tan())
    parts = torch.arange(n + 1) / n
    return (parts * low + (1.0 - parts) * high).tan().float()


SCHEDULES: dict[str, Callable[[Levels, int, str], torch.Tensor]] = {
    "normal": normal, "karras": karras, "exponential": exponential, "polyexponential": exponential,
    "sgm_uniform": sgm_uniform, "simple": simple, "ddim_uniform": ddim_uniform, "beta": beta,
    "kl_optimal": kl_optimal}
