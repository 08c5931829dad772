"""From a network's output to the picture that it implies, at a level sigma of noise of unit data (k-diffusion)."""

from __future__ import annotations

import torch

from explorer.diffusion.kdiffusion.schedules import Levels


class Denoiser:
    """What the network is given at a level, and what its output means; `kind` is the model's prediction_type."""

    def __init__(self, levels: Levels, kind: str, *, whole_steps: bool) -> None:
        """`whole_steps`: timesteps are rounded to the table's, as ComfyUI does; A1111 takes those between."""
        self.levels, self.kind, self.whole_steps = levels, kind, whole_steps

    def timestep(self, sigma: torch.Tensor) -> torch.Tensor:
        """The network's timestep at a level, a scalar tensor."""
        return self.levels.timestep(sigma.reshape(1), whole=self.whole_steps).reshape(())

    def scaled(self, x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        """The network's input: x brought to unit variance."""
        return x / (sigma ** 2 + 1) ** 0.5

    def denoised(self, output: torch.Tensor, x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        """The picture that the output implies."""
        if self.kind == "epsilon":
            return x - sigma * output
        if self.kind == "v_prediction":
            return x / (sigma ** 2 + 1) - sigma / (sigma ** 2 + 1) ** 0.5 * output
        return output  # "sample"
