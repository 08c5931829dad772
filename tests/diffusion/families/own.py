"""Each flow pipeline's own call, as a diffusers user makes it, brought to the shape of our latents."""

from __future__ import annotations

from typing import Any

import diffusers
import numpy as np
import torch

from explorer.diffusion.families.flow import unpacked
from explorer.diffusion.models import Model
from explorer.diffusion.schedulers import build_scheduler
from explorer.records import Recipe

TRUE_GUIDANCE = ("schnell", "qwen")  # called true_cfg_scale there, and none without a negative prompt
PACKED = ("flux", "schnell", "qwen", "chroma")


def latents(model: Model, recipe: Recipe, *, start: np.ndarray | None = None) -> np.ndarray:
    """(c, h, w) of the pipeline's own call for a recipe."""
    out = call(model, recipe, start=start, output_type="latent")
    like = torch.empty(1, *model.noise_shape(recipe))
    if model.info.family in PACKED:
        out = unpacked(out, like)
    elif model.info.family == "flux2":
        out = out.transpose(1, 2).reshape(like.shape)
    return out[0].numpy()


def pixels(model: Model, recipe: Recipe) -> np.ndarray:
    """(h, w, 3) uint8."""
    return (call(model, recipe, output_type="np")[0] * 255).round().astype(np.uint8)


def call(model: Model, recipe: Recipe, *, start: np.ndarray | None = None, output_type: str) -> Any:
    """What the pipeline returns, with its scheduler exchanged as the recipe says."""
    pipe, family = model.pipe, model.info.family
    if start is not None:
        pipe = getattr(diffusers, model.family.facts.pipelines[1])(**pipe.components)
        pipe.set_progress_bar_config(disable=True)
    kept, pipe.scheduler = pipe.scheduler, build_scheduler(recipe.scheduler, model.scheduler_config, flow=True)
    more: dict[str, Any] = {"max_sequence_length": model.family.facts.tokens}
    if start is not None:
        image = torch.from_numpy(start / 255.0).float().permute(2, 0, 1)[None]
        more |= {"image": image, "strength": recipe.strength}
    if family in TRUE_GUIDANCE:
        more |= {"true_cfg_scale": recipe.guidance, "negative_prompt": recipe.negative_prompt}
    else:
        more["guidance_scale"] = recipe.guidance
        if family not in ("flux", "flux2", "klein"):
            more["negative_prompt"] = recipe.negative_prompt
    try:
        return pipe(prompt=recipe.prompt, num_inference_steps=recipe.steps, height=recipe.height_px,
                    width=recipe.width_px, output_type=output_type,
                    generator=torch.Generator("cpu").manual_seed(recipe.seed), **more).images
    finally:
        pipe.scheduler = kept
