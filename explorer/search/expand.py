"""From a search's settings to its recipes, and what they will cost; light enough for screens."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

from explorer.diffusion.names import (
    GUIDANCE_RANGE,
    STEPS_RANGE,
    unet_evaluations,
)
from explorer.errors import ExplorerError
from explorer.records import ModelInfo, ModelRef, Recipe, ReplaySettings
from explorer.records.families import facts
from explorer.records.program_samplers import BY_KEY, PRESETS
from explorer.records.race_records import RaceSetup
from explorer.records.samplers import OWN_SAMPLER, SAMPLERS, offered
from explorer.search.race_plan import planned_evaluations, race_setup
from explorer.search.stops import check_rules
from explorer.search.trigger_plan import PLAN

MOST_REPLAYS = 1_000_000
MODES = ("exhaustive", "race", "closer", "noise", "trigger")


@dataclass(frozen=True)
class PlanSummary:
    """What a search will take: `tries` replays and their network evaluations (a guided step counts twice)."""

    tries: int
    unet_evaluations: int
    from_noise: int
    from_subject: int
    race: RaceSetup | None = None  # the checkpoints, where seeds from noise race; evaluations allow for them

    def seconds(self, evaluations_per_s: float) -> float:
        """Estimated time at a measured speed, without decoding and scoring."""
        return self.unet_evaluations / evaluations_per_s


def expand(settings: ReplaySettings, *, model: ModelRef, info: ModelInfo,
           start_sha256: str | None = None) -> list[Recipe]:
    """Every recipe of a search: those it lists, or the grid of seeds from noise, then img2img from the subject.

    Listed recipes go through whole, but for the model that makes them, its precision, and what they name as not to
    be replayed. `start_sha256` names the subject's decoded pixels (needed with strengths). Zeros in the settings
    take the model's defaults. ExplorerError for values outside what is allowed.
    """
    if settings.recipes:
        check(settings, info.family)
        return [replace(r, model=model, precision=info.precision or "float32", not_replayable=())
                for r in settings.recipes]
    if settings.strengths and not start_sha256:
        raise ExplorerError("search.expand_strengths_need_subject")
    return list(_recipes(settings, model, info, start_sha256))


def summarise(settings: ReplaySettings, info: ModelInfo) -> PlanSummary:
    """The cost of what `expand` would give, from the same loop; ExplorerError likewise."""
    if settings.mode == "trigger":
        return _summarised_words(settings, info)
    tries = from_subject = spent = 0
    racing: dict[tuple[str, int, float, str], int] = {}
    for prompt, _, steps, guidance, scheduler, strength in _grid(settings, info):
        tries += 1
        from_subject += strength is not None
        if settings.mode == "race" and strength is None:
            group = (prompt, steps, guidance, scheduler)
            racing[group] = racing.get(group, 0) + 1
        else:
            spent += unet_evaluations(scheduler, steps=steps, guidance=guidance, strength=strength,
                                      family=info.family)
    setup = None
    if settings.mode == "race":
        setup = race_setup("", "", settings, ref=ModelRef(info.source, info.fingerprint, info.family), info=info)
        for (_, steps, guidance, scheduler), seeds in racing.items():
            each = unet_evaluations(scheduler, steps=steps, guidance=guidance, family=info.family)
            spent += planned_evaluations(setup, seeds=seeds, steps=steps, per_replay=each)
    return PlanSummary(tries, spent, tries - from_subject, from_subject, setup)


def _summarised_words(settings: ReplaySettings, info: ModelInfo) -> PlanSummary:
    """Every seed is replayed twice, under the words found and under the embedding fitted from them."""
    if not facts(info.family).own_loop:
        raise ExplorerError("trigger.own_loop", name=info.name)
    seeds = summarise(replace(from_words(settings), mode="exhaustive"), info)
    spent = 2 * seeds.unet_evaluations + PLAN.looking + PLAN.fitting
    return PlanSummary(2 * seeds.tries, spent, 2 * seeds.tries, 0)


def _recipes(settings: ReplaySettings, model: ModelRef, info: ModelInfo,
             start_sha256: str | None) -> Iterator[Recipe]:
    for prompt, seed, steps, guidance, scheduler, strength in _grid(settings, info):
        preset = PRESETS.get(scheduler)  # a program's way: its noise source and levels come with it
        way = {} if preset is None else {"scheduler_config": preset.config, "noise_source": preset.noise_source}
        yield Recipe(
            model=model, prompt=prompt, negative_prompt=settings.negative_prompt, seed=seed, steps=steps, **way,
            guidance=guidance, scheduler=scheduler if preset is None else preset.key, dialect=settings.dialect,
            width_px=settings.width_px or info.default_size_px,
            height_px=settings.height_px or info.default_size_px, precision=info.precision or "float32",
            start_sha256=start_sha256 if strength is not None else None, strength=strength)


def from_words(settings: ReplaySettings) -> ReplaySettings:
    """The settings of a search for words: seeds from noise, of the one prompt that it finds."""
    return replace(settings, strengths=(), more_prompts=(), steps=settings.steps[:1],
                   guidances=settings.guidances[:1], schedulers=settings.schedulers[:1], dialect="plain")


def _grid(settings: ReplaySettings, info: ModelInfo) -> Iterator[tuple[str, int, int, float, str, float | None]]:
    """(prompt, seed, steps, guidance, scheduler, strength), so ordered that equal settings stand together."""
    check(settings, info.family)
    if settings.recipes:
        yield from ((r.prompt, r.seed, r.steps, r.guidance, r.scheduler, r.strength) for r in settings.recipes)
        return
    if settings.strengths and not facts(info.family).img2img:
        raise ExplorerError("search.expand_runs_through_diffusers", info_name=info.name)
    strengths: list[tuple[float | None, int]] = [(None, settings.seeds)]
    strengths += [(s, settings.strength_seeds) for s in settings.strengths]
    schedulers = settings.schedulers if facts(info.family).own_loop else (OWN_SAMPLER,)
    for strength, seeds in strengths:
        for scheduler in schedulers:
            for steps in settings.steps:
                for guidance, prompt in itertools.product(settings.guidances, prompts(settings)):
                    for seed in range(settings.first_seed, settings.first_seed + seeds):
                        yield (prompt, seed, steps or info.default_steps, guidance or info.default_guidance,
                               scheduler, strength)


def prompts(settings: ReplaySettings) -> tuple[str, ...]:
    """Every prompt of a search, each once."""
    return tuple(dict.fromkeys((settings.prompt, *settings.more_prompts)))


def check(settings: ReplaySettings, family: str = "") -> None:
    """ExplorerError if a value is outside what the family of models allows; says the range and what to do."""
    tries = len(settings.recipes) or (
        (settings.seeds + len(settings.strengths) * settings.strength_seeds) * len(settings.steps)
        * len(settings.guidances) * len(settings.schedulers) * len(prompts(settings)))
    if settings.seeds < 0 or settings.strength_seeds < 1 or not 0 < tries <= MOST_REPLAYS:
        raise ExplorerError("search.expand_settings_make_replays", tries=max(tries, 0), most_replays=MOST_REPLAYS)
    if settings.first_seed < 0 or settings.first_seed + settings.seeds > 2 ** 63:
        raise ExplorerError("search.expand_first_seed_outside", first_seed=settings.first_seed)
    if settings.mode not in MODES:
        raise ExplorerError("search.expand_search_cannot_run", mode=settings.mode, modes=", ".join(MODES))
    if settings.recipes and settings.mode != "exhaustive":
        raise ExplorerError("search.expand_recipes_listed_one")
    check_rules(settings.stop, settings.primary_score)
    allowed = offered(facts(family).flow)
    for name in () if settings.recipes else settings.schedulers:  # a recipe's is checked with the recipe
        if (name not in allowed and facts(family).own_loop) or name not in (*SAMPLERS, *BY_KEY, *PRESETS):
            raise ExplorerError("search.expand_scheduler_not_offered_2", name=name, label=facts(family).label,
                                allowed=", ".join(a for a in allowed if a not in PRESETS))
    _check_ranges(settings, family)


def _check_ranges(settings: ReplaySettings, family: str) -> None:
    for steps in settings.steps:
        if steps and not STEPS_RANGE[0] <= steps <= STEPS_RANGE[1]:
            raise ExplorerError("search.expand_steps_asked", steps=steps, first_steps_range=STEPS_RANGE[0],
                                last_steps_range=STEPS_RANGE[1])
        for strength in settings.strengths:
            if steps and 0 < strength <= 1 and facts(family).steps_run(steps, strength) < 1:
                raise ExplorerError("search.expand_steps_strength_leave", steps=steps, strength=strength,
                                    least=1 / steps)
    for guidance in settings.guidances:
        if not GUIDANCE_RANGE[0] <= guidance <= GUIDANCE_RANGE[1]:
            raise ExplorerError("search.expand_guidance_outside", guidance=guidance,
                                first_guidance_range=GUIDANCE_RANGE[0], last_guidance_range=GUIDANCE_RANGE[1])
    for strength in settings.strengths:
        if not 0 < strength <= 1:
            raise ExplorerError("search.expand_strength_outside_0", strength=strength)
    for size in (settings.width_px, settings.height_px):
        if size < 0 or size % 8 or size > 8192:
            raise ExplorerError("search.expand_size_pixels_not", size=size)
