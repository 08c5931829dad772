"""Other text-to-image families (SD3, Flux, PixArt, …) through their pipeline's own call.

Offered: txt2img with seed, steps, guidance, size, and a negative prompt where the pipeline takes one, with
the model's own scheduler. Not offered: looking inside a step, img2img, inversion, batches.
"""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import torch

from explorer.diffusion.models import Model
from explorer.diffusion.noise import generator_for
from explorer.diffusion.rendered import Rendered, rendered
from explorer.errors import ExplorerError
from explorer.records import Recipe
from explorer.records.samplers import OWN_SAMPLER
from explorer.run import QUIET, Run
from explorer.texts import say


def by_own_call(model: Model, recipe: Recipe) -> bool:
    """Whether a recipe's image is made by the pipeline's own call: the family's only way, or how it was made."""
    return not model.own_loop or recipe.scheduler == OWN_SAMPLER


def check_own_call(model: Model, recipe: Recipe) -> None:
    """ExplorerError for what the pipeline's own call cannot do."""
    takes = _parameters(model)
    refused = {"start": recipe.strength is not None, "clip_skip": recipe.clip_skip,
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
    """The recipe's image by the pipeline's own call at batch 1; ExplorerError as `check_own_call`."""
    check_own_call(model, recipe)
    takes, last = _parameters(model), {}

    def keep_latents(pipe: Any, step: int, timestep: Any, values: dict[str, Any]) -> dict[str, Any]:
        last["latents"] = values["latents"]
        with torch.inference_mode(False), torch.enable_grad():  # what is loaded meanwhile must stay trainable
            run.tick()
        return values
    wanted = {"prompt": recipe.prompt, "num_inference_steps": recipe.steps, "width": recipe.width_px,
              "height": recipe.height_px, "generator": generator_for(recipe), "output_type": "np",
              "guidance_scale": recipe.guidance, "negative_prompt": recipe.negative_prompt or None,
              "callback_on_step_end": keep_latents}
    with torch.inference_mode():
        image = model.pipe(**{k: v for k, v in wanted.items() if k in takes}).images[0]  # (h, w, 3) in [0, 1]
    rgb = (np.asarray(image) * 255).round().astype(np.uint8)
    latents = last["latents"][0].float().cpu().numpy() if "latents" in last else np.zeros(0, np.float32)
    spent = recipe.steps * (2 if _guided(model, recipe) else 1)
    return rendered(recipe, rgb, latents, noise_sha256="", unet_evaluations=spent)


def _guided(model: Model, recipe: Recipe) -> bool:
    """Whether the pipeline ran the network twice a step; distilled models take guidance as an input."""
    told = getattr(model.pipe, "do_classifier_free_guidance", None)
    return bool(told) if isinstance(told, bool) else recipe.guidance > 1 and "negative_prompt" in _parameters(
        model)


def _parameters(model: Model) -> set[str]:
    return set(inspect.signature(type(model.pipe).__call__).parameters)
