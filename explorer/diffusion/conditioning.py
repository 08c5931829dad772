"""Prompt embeddings: each prompt encoded once, shared by every image that uses it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from explorer.diffusion.weighting import encode_weighted, equally_long
from explorer.records import Recipe

if TYPE_CHECKING:
    from explorer.diffusion.models import Model

CACHED_PROMPTS = 64


@dataclass(frozen=True)
class Encoding:
    """One prompt for the network: `text` (t, d), t a multiple of 77; `pooled` (p,) for SDXL, else None.

    The names with `un` are the negative prompt's, for guidance.
    """

    text: torch.Tensor
    untext: torch.Tensor | None
    pooled: torch.Tensor | None = None
    unpooled: torch.Tensor | None = None


def encode_prompt(model: Model, recipe: Recipe, *, guided: bool) -> Encoding:
    """The recipe's prompt as the pipeline's own `encode_prompt` gives it, or weighted as its dialect says.

    Remembered by the model.
    """
    key = (recipe.prompt, recipe.negative_prompt, recipe.clip_skip, recipe.dialect, guided)
    if key not in model.prompts:
        if len(model.prompts) >= CACHED_PROMPTS:
            model.prompts.pop(next(iter(model.prompts)))
        model.prompts[key] = _encode(model, recipe, guided=guided)
    return model.prompts[key]


def _encode(model: Model, recipe: Recipe, *, guided: bool) -> Encoding:
    if recipe.dialect != "plain":
        return Encoding(*encode_weighted(model, recipe, guided=guided))
    with torch.inference_mode():
        # An empty negative prompt is none: SDXL then takes zeros where its config says so.
        out = model.pipe.encode_prompt(
            prompt=recipe.prompt, device=model.device, num_images_per_prompt=1,
            do_classifier_free_guidance=guided, negative_prompt=recipe.negative_prompt or None,
            clip_skip=recipe.clip_skip or None)
    one = [None if part is None else part[0] for part in out]
    return Encoding(*one) if len(one) == 4 else Encoding(one[0], one[1] if guided else None)


def network_inputs(model: Model, recipes: Sequence[Recipe], *, guided: bool) -> dict[str, object]:
    """UNet keyword arguments for a batch: rows [unguided…, guided…] with guidance, else one row an image."""
    encodings = [encode_prompt(model, r, guided=guided) for r in recipes]
    rows = [e.untext for e in encodings] if guided else []
    inputs: dict[str, object] = {
        "encoder_hidden_states": torch.stack(equally_long([*rows, *(e.text for e in encodings)]))}
    if encodings[0].pooled is not None and model.info.family == "sdxl":
        pools = [e.unpooled for e in encodings] if guided else []
        pooled = torch.stack([*pools, *(e.pooled for e in encodings)])
        inputs["added_cond_kwargs"] = {"text_embeds": pooled, "time_ids": _time_ids(model, recipes, guided)}
    if model.pipe.unet.config.time_cond_proj_dim is not None:  # distilled with guidance as an input
        strength = torch.tensor([r.guidance - 1 for r in recipes])
        inputs["timestep_cond"] = model.pipe.get_guidance_scale_embedding(
            strength, embedding_dim=model.pipe.unet.config.time_cond_proj_dim).to(model.device, model.dtype)
    return inputs


def _time_ids(model: Model, recipes: Sequence[Recipe], guided: bool) -> torch.Tensor:
    """SDXL's size conditioning: original size, crop at the corner, target size."""
    size = (recipes[0].height_px, recipes[0].width_px)
    ids = torch.tensor([[*size, 0, 0, *size]], dtype=model.dtype, device=model.device)
    return ids.repeat(len(recipes) * (2 if guided else 1), 1)
