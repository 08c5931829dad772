"""What a search replays and when it stops; light enough for screens."""

from __future__ import annotations

from dataclasses import dataclass

from explorer.records import Recipe


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
    small steps around the replay `parent` in `rounds` of `options` ("closer"), or from `parent`'s noise
    changed by gradient ("noise").
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
    recipes: tuple[Recipe, ...] = ()  # these in place of the grid, as they are; the grid's values describe them
