"""Checks a recipe at the door and fills in what only the loaded model knows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from explorer.diffusion.dialects import check_dialect
from explorer.diffusion.kdiffusion.stepper import program_config
from explorer.diffusion.names import GUIDANCE_RANGE, STEPS_RANGE
from explorer.diffusion.noise import SOURCES, check_seed
from explorer.diffusion.schedulers import plain_config, scheduler_config
from explorer.errors import ExplorerError
from explorer.foreign.configs import check_numbers
from explorer.records import Recipe
from explorer.records.families import facts
from explorer.records.program_samplers import BY_KEY, PRESETS
from explorer.records.samplers import OWN_SAMPLER, offered
from explorer.texts import say

if TYPE_CHECKING:
    from explorer.diffusion.models import Model


def complete(model: Model, recipe: Recipe) -> Recipe:
    """The recipe with the full scheduler config filled in, so that it says all that makes the image."""
    given = recipe.scheduler_config  # whole, or the part of it that a file or a program's way names
    if "num_train_timesteps" in given or (given and not model.own_loop):
        return recipe
    if not model.own_loop or recipe.scheduler == OWN_SAMPLER:
        return replace(recipe, scheduler=OWN_SAMPLER, scheduler_config=plain_config(model.scheduler_config))
    if recipe.scheduler in BY_KEY:
        return replace(recipe, scheduler_config=program_config(recipe.scheduler, model.scheduler_config, given))
    config = scheduler_config(recipe.scheduler, model.scheduler_config | given, flow=model.family.facts.flow)
    return replace(recipe, scheduler_config=config | {k: v for k, v in given.items() if k == "guidance_rescale"})


def check_recipe(model: Model, recipe: Recipe) -> None:
    """ExplorerError if the loaded model cannot make this recipe's image exactly as it says."""
    _check_numbers(model, recipe)
    _check_model(model, recipe)
    allowed = offered(model.family.facts.flow) if model.own_loop else [OWN_SAMPLER]
    allowed = [key for key in allowed if key not in PRESETS]
    if recipe.scheduler not in (*allowed, OWN_SAMPLER):
        raise ExplorerError("diffusion.check_recipe_scheduler_not_offered_model", scheduler=recipe.scheduler,
                            allowed=", ".join(allowed))
    if recipe.noise_source not in SOURCES:
        raise ExplorerError("diffusion.check_recipe_noise_source_unknown", noise_source=recipe.noise_source,
                            sources=", ".join(SOURCES))
    for text in (recipe.prompt, recipe.negative_prompt):
        check_dialect(text, recipe.dialect)
    if recipe.not_replayable:
        raise ExplorerError("diffusion.check_recipe_parts_cannot_replayed",
                            not_replayable=", ".join(recipe.not_replayable))


def _check_numbers(model: Model, recipe: Recipe) -> None:
    check_seed(recipe.seed)
    check_numbers(recipe.scheduler_config or {}, say("note.diffusion.recipes_sampler"))
    low, high = STEPS_RANGE
    if not low <= recipe.steps <= high:
        raise ExplorerError("diffusion.check_recipe_steps_asked", steps=recipe.steps, low=low, high=high)
    least, most = GUIDANCE_RANGE
    if not least <= recipe.guidance <= most:
        raise ExplorerError("diffusion.check_recipe_guidance_outside", guidance=recipe.guidance, least=least,
                            most=most)
    if recipe.strength is None:
        return
    if not 0 < recipe.strength <= 1:
        raise ExplorerError("diffusion.check_recipe_strength_outside_0", strength=recipe.strength)
    if facts(model.info.family).steps_run(recipe.steps, recipe.strength) < 1:
        raise ExplorerError("diffusion.check_recipe_steps_strength_leave", steps=recipe.steps,
                            strength=recipe.strength, least=1 / recipe.steps)


def _check_model(model: Model, recipe: Recipe) -> None:
    if recipe.model.fingerprint != model.ref.fingerprint or recipe.model.adapters != model.ref.adapters:
        raise ExplorerError("diffusion.check_recipe_made_other_weights", fingerprint=recipe.model.fingerprint[:12],
                            model_ref_fingerprint=model.ref.fingerprint[:12], source=recipe.model.source)
    if recipe.precision != model.precision:
        raise ExplorerError("diffusion.check_recipe_model_loaded", precision=recipe.precision,
                            model_precision=model.precision)
    if not model.own_loop or recipe.scheduler == OWN_SAMPLER:
        return
    model.family.check(recipe)
    least, best = model.family.size_steps
    for size in (recipe.width_px, recipe.height_px):
        if size < least or size % least or size > 8192:
            raise ExplorerError("diffusion.check_recipe_size_not_fit", width_px=recipe.width_px,
                                height_px=recipe.height_px, cell=least, deepest=best)
