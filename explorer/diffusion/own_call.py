"""Text-to-image families without a loop of ours (PixArt, Sana, Kolors, …) through their pipeline's own call.

Offered: txt2img with seed, steps, guidance and size, a negative prompt where the pipeline takes one, and img2img
where diffusers has its class; with the model's own scheduler. Images of one prompt are made together, each with its
own generator. Not offered: what needs the network's prediction (inversion, races, signals, adapters).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image

from explorer.diffusion.models import Model
from explorer.diffusion.noise import generator_for
from explorer.diffusion.rendered import Rendered, rendered
from explorer.errors import ExplorerError
from explorer.records import Recipe
from explorer.records.families import facts
from explorer.records.samplers import OWN_SAMPLER
from explorer.run import QUIET, Run
from explorer.texts import say


@dataclass(frozen=True, eq=False)
class OwnStep:
    """A step of a pipeline's own call as its callback tells it: `x0` are the latents, noise still in them."""

    index: int
    steps: int
    recipes: tuple[Recipe, ...]
    x0: torch.Tensor


def by_own_call(model: Model, recipe: Recipe) -> bool:
    """Whether a recipe's image is made by the pipeline's own call: the family's only way, or how it was made."""
    return not model.own_loop or recipe.scheduler == OWN_SAMPLER


def own_key(recipe: Recipe) -> tuple[Any, ...]:
    """Recipes with equal keys can go into one call: all but their seeds is the same."""
    return (recipe.model, recipe.scheduler, recipe.width_px, recipe.height_px, recipe.steps, recipe.guidance,
            recipe.prompt, recipe.negative_prompt, recipe.strength, recipe.start_sha256)


def check_own_call(model: Model, recipe: Recipe) -> None:
    """ExplorerError for what the pipeline's own call cannot do."""
    from_picture = recipe.strength is not None
    takes = _parameters(_kind(model, from_picture))
    refused = {"start": from_picture and not _img2img(model), "clip_skip": recipe.clip_skip,
               "variations": recipe.variation is not None, "noise": recipe.noise_blob is not None,
               "words": recipe.embedding_blob is not None,
               "weights": recipe.dialect != "plain", "noise_source": recipe.noise_source != "torch-cpu",
               "negative_prompt": recipe.negative_prompt and "negative_prompt" not in takes,
               "scheduler": recipe.scheduler != OWN_SAMPLER}
    wrong = [say(f"note.own_call.{name}") for name, asked in refused.items() if asked]
    if wrong:
        raise ExplorerError("diffusion.own_call_runs_through_diffusers", info_name=model.info.name,
                            wrong=", ".join(wrong))


def own_call(model: Model, recipe: Recipe, *, run: Run = QUIET) -> Rendered:
    """The recipe's image by the pipeline's own call; ExplorerError as `check_own_call`."""
    return own_calls(model, [recipe], run=run)[0]


def own_calls(model: Model, recipes: Sequence[Recipe], *, start_rgb: np.ndarray | None = None, run: Run = QUIET,
              on_step: Callable[[OwnStep], None] | None = None) -> list[Rendered]:
    """Images of recipes that share an `own_key`, by one call of the pipeline.

    `start_rgb` is (h, w, 3) uint8 of their size where they start from a picture. `on_step` sees every step, and
    `run` ticks after it. ExplorerError as `check_own_call`.
    """
    for recipe in recipes:
        check_own_call(model, recipe)
    pipe = _pipeline(model, recipes[0].strength is not None)
    last: dict[str, torch.Tensor] = {}
    steps = facts(model.info.family).steps_run(recipes[0].steps, recipes[0].strength)

    def seen(index: int, latents: torch.Tensor) -> None:
        last["latents"] = latents
        with torch.inference_mode(False), torch.enable_grad():  # what is loaded meanwhile must stay trainable
            if on_step is not None:
                on_step(OwnStep(index, steps, tuple(recipes), latents))
            run.tick()

    takes = _parameters(type(pipe))
    wanted = _arguments(recipes, start_rgb) | _callbacks(takes, seen)
    if "intermediate_timesteps" in takes and recipes[0].steps != 2:  # SANA-Sprint's, for two steps only
        wanted["intermediate_timesteps"] = None
    with torch.inference_mode():
        images = pipe(**{k: v for k, v in wanted.items() if k in takes}).images  # (n, h, w, 3) in [0, 1]
    pixels = (np.asarray(images) * 255).round().astype(np.uint8)
    none = np.zeros((len(recipes), 0), np.float32)
    latents = last["latents"].float().cpu().numpy() if "latents" in last else none
    spent = steps * (2 if _guided(model, pipe, recipes[0]) else 1)
    return [rendered(recipe, rgb, one, noise_sha256="", unet_evaluations=spent)
            for recipe, rgb, one in zip(recipes, pixels, latents, strict=True)]


def _arguments(recipes: Sequence[Recipe], start_rgb: np.ndarray | None) -> dict[str, Any]:
    """What the recipes say, as a call takes it: alone as single values, several as lists."""
    first, alone = recipes[0], len(recipes) == 1

    def each(values: list[Any]) -> Any:
        return values[0] if alone else values
    found = {"prompt": each([r.prompt for r in recipes]), "generator": each([generator_for(r) for r in recipes]),
             "num_inference_steps": first.steps, "guidance_scale": first.guidance, "output_type": "np",
             "width": first.width_px, "height": first.height_px}
    if first.negative_prompt:  # none and an empty one are not the same to every pipeline
        found["negative_prompt"] = each([r.negative_prompt for r in recipes])
    if start_rgb is None:
        return found
    return found | {"strength": first.strength, "image": each([Image.fromarray(start_rgb)] * len(recipes))}


def _callbacks(takes: set[str], seen: Callable[[int, torch.Tensor], None]) -> dict[str, Any]:
    """The pipeline's way of telling of a step, newer or older."""
    if "callback_on_step_end" in takes:
        def told(pipe: Any, step: int, timestep: Any, values: dict[str, Any]) -> dict[str, Any]:
            seen(step, values["latents"])
            return values
        return {"callback_on_step_end": told}
    return {"callback": lambda step, timestep, latents: seen(step, latents), "callback_steps": 1}


def _img2img(model: Model) -> bool:
    return not model.own_loop and facts(model.info.family).img2img


def _kind(model: Model, from_picture: bool) -> type:
    """The class whose call makes the image."""
    if not (from_picture and _img2img(model)):
        return type(model.pipe)
    import diffusers
    return getattr(diffusers, facts(model.info.family).pipelines[1])


def _pipeline(model: Model, from_picture: bool) -> Any:
    """The loaded pipeline, or the one of the same parts that starts from a picture."""
    kind = _kind(model, from_picture)
    if kind is type(model.pipe):
        return model.pipe
    wanted = set(inspect.signature(kind.__init__).parameters)
    made = kind(**{k: v for k, v in {**model.pipe.config, **model.pipe.components}.items()
                   if k in wanted and not k.startswith("_")})
    made.set_progress_bar_config(disable=True)
    return made


def _guided(model: Model, pipe: Any, recipe: Recipe) -> bool:
    """Whether the pipeline ran the network twice a step; distilled models take guidance as an input."""
    told = getattr(pipe, "do_classifier_free_guidance", None)
    return bool(told) if isinstance(told, bool) else recipe.guidance > 1 and "negative_prompt" in _parameters(
        type(model.pipe))


def _parameters(kind: type) -> set[str]:
    return set(inspect.signature(kind.__call__).parameters)
