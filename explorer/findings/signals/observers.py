"""Watching one run of the sampler: several signals from the same steps, so that one run pays for all.

An observer is handed every StepView of every batch, in any order of batches, and tells at the end what it
saw of each image, by (prompt, seed). One observer serves one setting of steps, guidance and scheduler.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
import torch

from explorer.diffusion.models import Model
from explorer.diffusion.rendered import Rendered
from explorer.diffusion.sampling import Batch, StepView
from explorer.errors import ExplorerError
from explorer.records import Recipe, ReplaySettings
from explorer.run import QUIET, Run
from explorer.search.expand import expand

Key = tuple[str, int]  # prompt and seed of an image


def key_of(recipe: Recipe) -> Key:
    """What an observer calls an image."""
    return recipe.prompt, recipe.seed


class Observer(ABC):
    """Something that is measured while images are made; `name` is its signal's in the catalogue."""

    name: str

    def steps_needed(self, steps: int) -> int:
        """How many steps of a run of `steps` it has to see; all, unless it says otherwise."""
        return steps

    def begin(self, model: Model, steps: int) -> None:
        """Called before a run; ExplorerError if the signal cannot be had from it."""
        return None

    @abstractmethod
    def see(self, view: StepView) -> None:
        """Takes in one step of one batch."""

    @abstractmethod
    def result(self) -> dict[Key, float]:
        """The value of every image seen to its end; higher speaks for memorisation."""

    def maps(self) -> dict[Key, np.ndarray]:
        """(h, w) float32 a picture on the latents' grid, for signals that point at places."""
        return {}

    def end(self) -> None:
        """Called after a run, also when it was broken off: leaves the model as it was."""
        return None


class Collected:
    """Rows of values by image, fetched from the device only when asked for."""

    def __init__(self) -> None:
        self._parts: list[tuple[list[Key], torch.Tensor]] = []

    def add(self, view: StepView, values: torch.Tensor) -> None:
        """`values` has one row an image of the view."""
        self._parts.append(([key_of(r) for r in view.recipes], values))

    def sums(self) -> dict[Key, np.ndarray]:
        """Every image's rows, summed over the steps that it was seen at."""
        found: dict[Key, np.ndarray] = {}
        for keys, values in self._parts:
            for key, row in zip(keys, values.float().cpu().numpy(), strict=True):
                found[key] = found[key] + row if key in found else row
        return found


def noise_difference(view: StepView) -> torch.Tensor:
    """(n, h, w) float32: squared difference of what is predicted with and without the prompt, over channels.

    ExplorerError where there is no prediction without the prompt.
    """
    pull = view.pull
    if pull is None:
        raise ExplorerError("findings.observers_signal_compares_model")
    return pull.square().sum(dim=1)


def prompt_recipes(model: Model, prompts: Sequence[str], *, seeds: Sequence[int], steps: int = 0,
                   guidance: float = 0.0, scheduler: str = "euler") -> list[Recipe]:
    """The recipes of every different prompt with every seed, prompts outermost; 0 takes the model's default.

    ExplorerError for a model that our own loop does not run, and for values outside what is allowed.
    """
    if not model.own_loop:
        raise ExplorerError("findings.observers_memorisation_signals_look", info_name=model.info.name)
    settings = [ReplaySettings(prompt, first_seed=seed, seeds=1, steps=(steps,), guidances=(guidance,),
                               schedulers=(scheduler,))
                for prompt in dict.fromkeys(prompts) for seed in dict.fromkeys(seeds)]
    return [r for one in settings for r in expand(one, model=model.ref, info=model.info)]


def seen_both_ways(model: Model, recipes: Sequence[Recipe]) -> Batch:
    """A batch that asks a flow family without the prompt too: many are distilled to run without guidance."""
    return Batch(model, recipes, paired=model.family.facts.flow)


def watch(model: Model, recipes: Sequence[Recipe], observers: Sequence[Observer], *, batch: int = 0,
          images: bool = False, run: Run = QUIET) -> list[Rendered]:
    """Runs recipes of one setting past the observers; with `images` a Rendered a recipe, else none.

    Without `images` a batch stops as soon as every observer has seen enough. `batch` 0 takes as many at
    once as the model's memory policy says. ExplorerError as `Batch`, and as each observer's `begin`.
    """
    size, made = batch or model.policy.batch, []
    try:
        for at in range(0, len(recipes), size):
            group = seen_both_ways(model, recipes[at:at + size])
            total = len(group.timesteps)
            for observer in observers:
                observer.begin(model, total)
            needed = [o.steps_needed(total) for o in observers]
            while group.index < (total if images else max(needed)):
                view = group.step()
                for observer, enough in zip(observers, needed, strict=True):
                    if view.index < enough:
                        observer.see(view)
                run.tick()
            made += group.finish() if images else []
    finally:
        for observer in observers:
            observer.end()
    return made


def steps_seen(recipes: Sequence[Recipe], observer: Observer) -> int:
    """UNet evaluations that one signal alone would cost: a guided step counts twice."""
    return sum(2 * observer.steps_needed(r.steps) for r in recipes)
