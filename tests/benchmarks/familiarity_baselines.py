"""What others publish for one picture and its caption, on the same model: PIA and SecMI.

PIA (Kong et al. 2023): the noise that the model predicts at time 0 is laid over the picture, and predicted again.
SecMI (Duan et al. 2023): a picture is carried along the deterministic path, one step further and back. Both score
higher for members as the difference is smaller.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch

from explorer.diffusion.denoising import NoiseLevels, words_for
from explorer.diffusion.models import Model
from explorer.diffusion.schedulers import predicted_noise, predicted_x0

PIA_TIME, PIA_NORM, PIA_EVALUATIONS = 200, 4, 2
SECMI_TIME, SECMI_STEP = 100, 10
SECMI_EVALUATIONS = SECMI_TIME // SECMI_STEP + 2
FIRST = 1  # the time that stands for 0


class _Path:
    """Noise predictions and deterministic steps of a model for one batch of pictures and captions."""

    def __init__(self, model: Model, captions: Sequence[str], latents: torch.Tensor) -> None:
        self.model, self.levels = model, NoiseLevels(model)
        self.words = words_for(model, captions, latents)
        self.kind = "flow" if self.levels.flow else model.scheduler_config["prediction_type"]

    def output(self, x: torch.Tensor, time: int) -> tuple[torch.Tensor, tuple[float, float]]:
        alpha, sigma, step = self.levels.at(time)
        times = torch.full((len(x),), step).to(x.device, torch.float32 if self.levels.flow else torch.long)
        return self.model.family.predict(x, times, self.words)[0], (alpha, sigma)

    def noise(self, x: torch.Tensor, time: int) -> torch.Tensor:
        out, levels = self.output(x, time)
        return predicted_noise(out, x, levels, self.kind)

    def moved(self, x: torch.Tensor, time: int, to: int) -> torch.Tensor:
        """One deterministic step (DDIM) from a time to another, in either direction."""
        out, levels = self.output(x, time)
        alpha, sigma, _ = self.levels.at(to)
        return alpha * predicted_x0(out, x, levels, self.kind) + sigma * predicted_noise(out, x, levels, self.kind)


@torch.inference_mode()
def pia(model: Model, latents: torch.Tensor, captions: Sequence[str]) -> np.ndarray:
    """(n,) minus the 4-norm of the difference of the two predictions."""
    path = _Path(model, captions, latents)
    first = path.noise(latents, FIRST)
    alpha, sigma, _ = path.levels.at(PIA_TIME)
    again = path.noise(alpha * latents + sigma * first, PIA_TIME)
    return -(first - again).abs().pow(PIA_NORM).flatten(1).sum(1).pow(1 / PIA_NORM).numpy()


@torch.inference_mode()
def secmi(model: Model, latents: torch.Tensor, captions: Sequence[str]) -> np.ndarray:
    """(n,) minus the squared error of a step on the deterministic path and back."""
    path, x = _Path(model, captions, latents), latents
    times = [FIRST, *range(SECMI_STEP, SECMI_TIME + 1, SECMI_STEP)]
    for time, to in pairwise(times):
        x = path.moved(x, time, to)
    further = path.moved(x, SECMI_TIME, SECMI_TIME + SECMI_STEP)
    back = path.moved(further, SECMI_TIME + SECMI_STEP, SECMI_TIME)
    return -(back - x).square().flatten(1).sum(1).numpy()
