"""Checks a recipe at the door and fills in what only the loaded model knows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from explorer.diffusion.dialects import check_dialect
from explorer.diffusion.families.catalogue import facts
from explorer.diffusion.kdiffusion.stepper import program_config
from explorer.diffusion.names import GUIDANCE_RANGE, STEPS_RANGE
from explorer.diffusion.noise import SOURCES, check_seed
from explorer.diffusion.schedulers import plain_config, scheduler_config
from explorer.errors import ExplorerError
from explorer.records import Recipe
from explorer.records.program_samplers import BY_KEY, PRESETS
from explorer.records.samplers import OWN_SAMPLER, offered

if TYPE_CHECKING:
    from explorer.diffusion.models import Model


def complete(model: Model, recipe: Recipe) -> Recipe:
    """The recipe with the full scheduler config filled in, so that it says all that makes the image."""
    given = recipe.scheduler_config  # whole, or the part of it that a file or a program's way names
    if "num_train_timesteps" in given or (given and not model.own_loop):
        return recipe
    if not model.own_loop:
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
        raise ExplorerError(f"The scheduler {recipe.scheduler!r} is not offered for this model. Allowed: "
                            f"{', '.join(allowed)}.")
    if recipe.noise_source not in SOURCES:
        raise ExplorerError(f"The noise source {recipe.noise_source!r} is unknown. Allowed: "
                            f"{', '.join(SOURCES)}.")
    for text in (recipe.prompt, recipe.negative_prompt):
        check_dialect(text, recipe.dialect)
    if recipe.not_replayable:
        raise ExplorerError("This recipe has parts that cannot be replayed: "
                            f"{', '.join(recipe.not_replayable)}. "
                            "Remove them in the recipe to try the rest; the image will then differ.")


def _check_numbers(model: Model, recipe: Recipe) -> None:
    check_seed(recipe.seed)
    low, high = STEPS_RANGE
    if not low <= recipe.steps <= high:
        raise ExplorerError(f"{recipe.steps} steps were asked for. Allowed: {low} to {high}.")
    least, most = GUIDANCE_RANGE
    if not least <= recipe.guidance <= most:
        raise ExplorerError(f"The guidance {recipe.guidance:g} is outside {least:g} to {most:g}.")
    if recipe.strength is None:
        return
    if not 0 < recipe.strength <= 1:
        raise ExplorerError(f"The strength {recipe.strength:g} is outside (0, 1].")
    if facts(model.info.family).steps_run(recipe.steps, recipe.strength) < 1:
        raise ExplorerError(f"{recipe.steps} steps at strength {recipe.strength:g} leave no step to take. "
                            f"Use a strength of at least {1 / recipe.steps:.2g}, or more steps.")


def _check_model(model: Model, recipe: Recipe) -> None:
    if recipe.model.fingerprint != model.ref.fingerprint or recipe.model.adapters != model.ref.adapters:
        raise ExplorerError("This recipe was made with other weights "
                            f"(fingerprint {recipe.model.fingerprint[:12]}…) than the model that is loaded "
                            f"({model.ref.fingerprint[:12]}…). Load {recipe.model.source!r} to replay it.")
    if recipe.precision != model.precision:
        raise ExplorerError(f"This recipe is in {recipe.precision}, the model is loaded in "
                            f"{model.precision}. "
                            f"Load the model in {recipe.precision}, or replay at {model.precision} as a "
                            "recipe of its own.")
    if not model.own_loop or recipe.scheduler == OWN_SAMPLER:
        return
    model.family.check(recipe)
    least, best = model.family.size_steps
    for size in (recipe.width_px, recipe.height_px):
        if size < least or size % least or size > 8192:
            raise ExplorerError(f"The size {recipe.width_px} × {recipe.height_px} does not fit this "
                                "model. Width and "
                                f"height must be multiples of {least}, best of {best}, and at most 8192.")
