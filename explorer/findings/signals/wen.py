"""Size of the prompt's effect on the noise prediction. Wen et al. 2024 (ICLR), section 3.

Memorised prompts pull the prediction hard and alike whatever the starting noise, from the first step on.
"""

from __future__ import annotations

import numpy as np
import torch

from explorer.diffusion.sampling import StepView
from explorer.findings.signals.observers import Collected, Key, Observer, noise_difference


def magnitude(difference: np.ndarray | torch.Tensor) -> np.ndarray | torch.Tensor:
    """(…) norms ‖ε(x, prompt) − ε(x, none)‖₂ from squared differences (…, h, w) summed over channels."""
    return difference.sum((-2, -1)) ** 0.5


class Wen(Observer):
    """The norm at the first step, or its mean over all steps; in [0, ∞)."""

    def __init__(self, *, first_only: bool = False) -> None:
        self.name = "wen_first" if first_only else "wen"
        self.first_only, self._norms = first_only, Collected()

    def steps_needed(self, steps: int) -> int:
        return 1 if self.first_only else steps

    def see(self, view: StepView) -> None:
        if not (self.first_only and view.index):
            self._norms.add(view, magnitude(noise_difference(view)) / self.steps_needed(view.steps))

    def result(self) -> dict[Key, float]:
        return {key: float(value) for key, value in self._norms.sums().items()}
