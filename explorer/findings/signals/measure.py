"""Memorisation signals by name, for one prompt: several from one run."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from explorer.diffusion.models import Model
from explorer.diffusion.rendered import Rendered
from explorer.errors import ExplorerError
from explorer.findings.signals import cliques, curvature
from explorer.findings.signals.observers import Key, Observer, prompt_recipes, steps_seen, watch
from explorer.findings.signals.signal_list import SIGNALS, SignalInfo, possible
from explorer.records import Recipe
from explorer.run import QUIET, Run


@dataclass(frozen=True)
class SignalResult:
    """A signal's value for a prompt: mean over seeds, and what it alone would have cost."""

    name: str
    value: float
    by_seed: tuple[float, ...]  # empty for signals of the whole set of images
    unet_evaluations: int
    map: np.ndarray | None = None  # (h, w) float32 of the first seed's image, on the latents' grid


@dataclass(frozen=True)
class Readings:
    """Several signals from one run, with the run's own cost and, where they were made, its images."""

    results: dict[str, SignalResult]
    unet_evaluations: int
    images: tuple[Rendered, ...] = ()


def checked(names: Sequence[str]) -> tuple[str, ...]:
    """Names that exist, each once, in the catalogue's order; none given: all."""
    unknown = [n for n in names if n not in SIGNALS]
    if unknown:
        raise ExplorerError("findings.measure_no_signal", first_unknown=unknown[0], signals=", ".join(SIGNALS))
    return tuple(n for n in SIGNALS if n in names or not names)


def measure(model: Model, prompt: str, *, names: Sequence[str] = (), seeds: Sequence[int], steps: int = 0,
            guidance: float = 0.0, batch: int = 0, images: bool = False, run: Run = QUIET) -> Readings:
    """All that one run of the sampler gives, then the rest; `run` ticks between steps.

    `names` none: every signal that the model's family gives. Images are made where a signal or `images` asks for
    them.
    """
    wanted, seeds = checked(names or possible(model.info.family)), tuple(dict.fromkeys(seeds))
    recipes = prompt_recipes(model, [prompt], seeds=seeds, steps=steps, guidance=guidance)
    observers = [_observer(SIGNALS[n]) for n in wanted if SIGNALS[n].observer]
    making = images or "clique" in wanted
    made = watch(model, recipes, observers, batch=batch, images=making, run=run) if observers or making else []
    results = {o.name: _result(o, recipes, seeds) for o in observers}
    spent = _spent(recipes, observers, making)
    if "clique" in wanted:
        size = cliques.clique(np.stack([m.rgb for m in made]))
        results["clique"] = SignalResult("clique", float(size), (), _spent(recipes, [], True))
    if "curvature" in wanted:
        found = curvature.sharpness(model, recipes, run=run)
        cost = len(recipes) * curvature.EVALUATIONS
        results["curvature"] = _of_seeds("curvature", found, recipes, cost)
        spent += cost
    return Readings({n: results[n] for n in wanted}, spent, tuple(made))


def _observer(info: SignalInfo) -> Observer:
    module, kind = info.observer.split(":")
    return getattr(importlib.import_module(f"{__package__}.{module}"), kind)(**info.arguments)


def _result(observer: Observer, recipes: Sequence[Recipe], seeds: Sequence[int]) -> SignalResult:
    cost = steps_seen(recipes, observer)
    return _of_seeds(observer.name, observer.result(), recipes, cost,
                     seen=observer.maps().get((recipes[0].prompt, seeds[0])))


def _of_seeds(name: str, values: dict[Key, float], recipes: Sequence[Recipe], cost: int, *,
              seen: np.ndarray | None = None) -> SignalResult:
    by_seed = tuple(values[r.prompt, r.seed] for r in recipes)
    return SignalResult(name, float(np.mean(by_seed)), by_seed, cost, seen)


def _spent(recipes: Sequence[Recipe], observers: Sequence[Observer], making: bool) -> int:
    """UNet evaluations of the run that all share: a guided step counts twice."""
    return sum(2 * (r.steps if making else max(o.steps_needed(r.steps) for o in observers)) for r in recipes) \
        if observers or making else 0
