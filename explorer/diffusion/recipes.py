"""Checks a recipe at the door and fills in what only the loaded model knows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from explorer.diffusion.dialects import check_dialect
from explorer.diffusion.names import GUIDANCE_RANGE, OWN_SCHEDULER, SCHEDULERS, STEPS_RANGE, steps_run
from explorer.diffusion.noise import SOURCES, check_seed
from explorer.errors import ExplorerError
from explorer.foreign.configs import check_numbers
from explorer.records import Recipe

if TYPE_CHECKING:
    from explorer.diffusion.models import Model


def complete(model: Model, recipe: Recipe) -> Recipe:
    """The recipe with the full scheduler config filled in, so that it says all that makes the image."""
    if recipe.scheduler_config:
        return recipe
    if not model.own_loop:
        config = {k: v for k, v in sorted(model.scheduler_config.items())
                  if not k.startswith("_") and isinstance(v, (bool, int, float, str, list, type(None)))}
        return replace(recipe, scheduler=OWN_SCHEDULER, scheduler_config=config)
    from explorer.diffusion.schedulers import scheduler_config
    return replace(recipe, scheduler_config=scheduler_config(recipe.scheduler, model.scheduler_config))


def check_recipe(model: Model, recipe: Recipe) -> None:
    """ExplorerError if the loaded model cannot make this recipe's image exactly as it says."""
    _check_numbers(recipe)
    _check_model(model, recipe)
    if model.own_loop and recipe.scheduler not in SCHEDULERS:
        raise ExplorerError(f"The scheduler {recipe.scheduler!r} is not offered. Allowed: "
                            f"{', '.join(SCHEDULERS)}.")
    if recipe.noise_source not in SOURCES:
        raise ExplorerError(f"The noise source {recipe.noise_source!r} is unknown. Allowed: "
                            f"{', '.join(SOURCES)}.")
    for text in (recipe.prompt, recipe.negative_prompt):
        check_dialect(text, recipe.dialect)
    if recipe.not_replayable:
        raise ExplorerError("This recipe has parts that cannot be replayed: "
                            f"{', '.join(recipe.not_replayable)}. "
                            "Remove them in the recipe to try the rest; the image will then differ.")


def _check_numbers(recipe: Recipe) -> None:
    check_seed(recipe.seed)
    check_numbers(recipe.scheduler_config or {}, "The recipe's scheduler")
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
    if steps_run(recipe.steps, recipe.strength) < 1:
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
    if not model.own_loop:
        return
    cell = model.latent_shape[1]
    deepest = cell * 2 ** (len(model.pipe.unet.config.block_out_channels) - 1)
    for size in (recipe.width_px, recipe.height_px):
        if size < cell or size % cell or size > 8192:
            raise ExplorerError(f"The size {recipe.width_px} × {recipe.height_px} does not fit this "
                                "model. Width and "
                                f"height must be multiples of {cell}, best of {deepest}, and at most 8192.")
