"""One signal measured by itself, for several prompts and seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from explorer.diffusion.models import Model
from explorer.findings.signals.curvature import sharpness
from explorer.findings.signals.observers import Key, Observer, prompt_recipes, watch


def table(values: Mapping[Key, float], prompts: Sequence[str], seeds: Sequence[int]) -> np.ndarray:
    """(prompts, seeds) float64 of an observer's result."""
    return np.array([[values[prompt, seed] for seed in seeds] for prompt in prompts])


def alone(model: Model, observer: Observer, prompts: Sequence[str], *, seeds: Sequence[int], steps: int = 0,
          guidance: float = 0.0) -> np.ndarray:
    """(prompts, seeds) of what one observer sees."""
    watch(model, prompt_recipes(model, prompts, seeds=seeds, steps=steps, guidance=guidance), [observer])
    return table(observer.result(), prompts, seeds)


def curvature(model: Model, prompts: Sequence[str], *, seeds: Sequence[int], steps: int = 0, guidance: float = 0.0,
              batch: int = 0) -> np.ndarray:
    """(prompts, seeds) sharpness at the first step."""
    recipes = prompt_recipes(model, prompts, seeds=seeds, steps=steps, guidance=guidance)
    return table(sharpness(model, recipes, batch=batch), prompts, seeds)
