"""What a search replays and when it stops; light enough for screens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from explorer.records.json_form import to_json
from explorer.records.recipe import Recipe


@dataclass(frozen=True)
class StopRules:
    """When a search ends before its plan is through; 0 (or None) means no such rule."""

    tries: int = 0
    seconds: float = 0.0  # of computing
    closeness: float | None = None  # of the primary score, or closer
    no_gain: int = 0  # tries in a row without a closer one


@dataclass(frozen=True)
class ReplaySettings:
    """What a search replays: the grid seeds × strengths × guidance × steps × schedulers of each prompt.

    `mode` says how: every recipe to its end ("exhaustive"), dropping the seeds that fall behind ("race"),
    small steps around the replay `parent` in `rounds` of `options` ("closer"), from `parent`'s noise
    changed by gradient ("noise"), or under words searched for from the picture itself ("trigger").
    """

    prompt: str
    negative_prompt: str = ""
    first_seed: int = 0
    seeds: int = 16
    strengths: tuple[float, ...] = ()  # img2img from the subject, besides txt2img seeds
    strength_seeds: int = 1
    steps: tuple[int, ...] = (0,)  # 0: the model's default
    guidances: tuple[float, ...] = (0.0,)  # 0: the model's default
    schedulers: tuple[str, ...] = ("euler",)
    width_px: int = 0  # 0: the model's default
    height_px: int = 0
    primary_score: str = "tiled_l2"
    mode: str = "exhaustive"
    stop: StopRules = StopRules()
    parent: str = ""
    rounds: int = 0
    options: int = 0
    more_prompts: tuple[str, ...] = ()  # besides `prompt`
    dialect: str = "plain"  # what brackets in the prompts mean; see diffusion/dialects.py
    recipes: tuple[Recipe, ...] = ()  # these, whole, in place of the grid: taken over from elsewhere


def taken_over(recipe: Recipe) -> ReplaySettings:
    """The settings of a search that replays this one recipe, with every part of it."""
    return ReplaySettings(
        prompt=recipe.prompt, negative_prompt=recipe.negative_prompt, first_seed=recipe.seed, seeds=1,
        steps=(recipe.steps,), guidances=(recipe.guidance,), schedulers=(recipe.scheduler,),
        width_px=recipe.width_px, height_px=recipe.height_px, dialect=recipe.dialect, recipes=(recipe,))


def logged(settings: ReplaySettings) -> dict[str, Any]:
    """The settings as JSON for a search's plan; as they always were where no recipe was taken over."""
    found = to_json(settings)
    return found if settings.recipes else {k: v for k, v in found.items() if k != "recipes"}
