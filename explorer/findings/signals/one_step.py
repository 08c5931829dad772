"""How far one step from pure noise gets. Webster 2023, whitebox attack: the denoising confidence score.

The mean squared difference between the starting noise and the clean latents that the first step, under
guidance, predicts from it. For a memorised prompt that prediction is a whole picture already; for any other
it is nearly nothing. The step is the first of the schedule in use: where that does not begin at the last
training timestep, the noise is a little weaker than in the paper.
"""

from __future__ import annotations

from explorer.diffusion.sampling import StepView
from explorer.findings.signals.observers import Collected, Key, Observer


class OneStep(Observer):
    """Mean over the latents of (predicted x0 − starting noise)²; in [0, ∞)."""

    name = "one_step"

    def __init__(self) -> None:
        self._scores = Collected()

    def steps_needed(self, steps: int) -> int:
        return 1

    def see(self, view: StepView) -> None:
        if view.index == 0:
            alpha, sigma = view.levels
            noise = view.sample.float() / (alpha * alpha + sigma * sigma) ** 0.5  # unit variance
            self._scores.add(view, (view.x0.float() - noise).square().mean(dim=(1, 2, 3)))

    def result(self) -> dict[Key, float]:
        return {key: float(value) for key, value in self._scores.sums().items()}
