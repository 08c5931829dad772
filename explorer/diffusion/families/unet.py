"""Stable Diffusion 1, 2 and XL: a UNet that attends to CLIP's words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from explorer.diffusion.families.family import Family, Words
from explorer.diffusion.families.shared_text import SharedTextProcessor, cross_attentions, install, shares
from explorer.diffusion.families.weighting import encode_weighted, equally_long, prompt_read, word_places
from explorer.errors import ExplorerError
from explorer.records import PromptRead, Recipe


@dataclass(frozen=True)
class Encoding:
    """One prompt for the network: `text` (t, d), t a multiple of 77; `pooled` (p,) for SDXL, else None.

    The names with `un` are the negative prompt's, for guidance.
    """

    text: torch.Tensor
    untext: torch.Tensor | None
    pooled: torch.Tensor | None = None
    unpooled: torch.Tensor | None = None


class UNetFamily(Family):
    """The UNet families; both predictions come from one call of twice as many rows."""

    def __init__(self, pipe: Any, name: str, device: torch.device, dtype: torch.dtype) -> None:
        """ExplorerError for a network that was made for inpainting or editing."""
        super().__init__(pipe, name, device, dtype)
        takes, gives = pipe.unet.config.in_channels, pipe.vae.config.latent_channels
        if takes != gives:
            raise ExplorerError("diffusion.unet_model_takes_channels", takes=takes, gives=gives)
        self.attentions = install(pipe.unet)  # those that share rows, see shared_text

    @property
    def latent_shape(self) -> tuple[int, int]:
        return int(self.pipe.unet.config.in_channels), int(self.pipe.vae_scale_factor)

    @property
    def size_steps(self) -> tuple[int, int]:
        cell = self.latent_shape[1]
        return cell, cell * 2 ** (len(self.pipe.unet.config.block_out_channels) - 1)

    def guided(self, guidance: float) -> bool:
        return super().guided(guidance) and self.pipe.unet.config.time_cond_proj_dim is None

    def encode(self, recipes: Sequence[Recipe], *, paired: bool, shared: bool = False) -> Words:
        encodings = [self.encoding(r, paired=paired) for r in recipes]
        rows = [e.untext for e in encodings] if paired else []
        text = torch.stack(equally_long([*rows, *(e.text for e in encodings)]))
        if shared and len({(r.prompt, r.negative_prompt, r.clip_skip, r.dialect) for r in recipes}) == 1:
            text = text[::len(recipes)]
        inputs: dict[str, Any] = {"encoder_hidden_states": text}
        if encodings[0].pooled is not None and self.name == "sdxl":
            pools = [e.unpooled for e in encodings] if paired else []
            pooled = torch.stack([*pools, *(e.pooled for e in encodings)])
            inputs["added_cond_kwargs"] = {"text_embeds": pooled, "time_ids": self._time_ids(recipes[0], pooled)}
        width = self.pipe.unet.config.time_cond_proj_dim
        if width is not None:  # distilled with guidance as an input
            strength = torch.tensor([r.guidance - 1 for r in recipes] * (2 if paired else 1))
            inputs["timestep_cond"] = self.pipe.get_guidance_scale_embedding(strength, embedding_dim=width).to(
                self.device, self.dtype)
        return Words(_half(inputs, 1), _half(inputs, 0), inputs) if paired else Words(inputs)

    def encoding(self, recipe: Recipe, *, paired: bool) -> Encoding:
        """The recipe's prompt as the pipeline's own `encode_prompt` gives it, or weighted as its dialect says."""
        key = (recipe.prompt, recipe.negative_prompt, recipe.clip_skip, recipe.dialect, paired)
        return self.remembered(key, lambda: self._encode(recipe, paired=paired))

    def _encode(self, recipe: Recipe, *, paired: bool) -> Encoding:
        if recipe.dialect != "plain":
            return Encoding(*encode_weighted(self, recipe, guided=paired))
        # An empty negative prompt is none: SDXL then takes zeros where its config says so.
        out = self.pipe.encode_prompt(
            prompt=recipe.prompt, device=self.device, num_images_per_prompt=1,
            do_classifier_free_guidance=paired, negative_prompt=recipe.negative_prompt or None,
            clip_skip=recipe.clip_skip or None)
        one = [None if part is None else part[0] for part in out]
        return Encoding(*one) if len(one) == 4 else Encoding(one[0], one[1] if paired else None)

    def _time_ids(self, recipe: Recipe, pooled: torch.Tensor) -> torch.Tensor:
        """SDXL's size conditioning: original size, crop at the corner, target size."""
        size = (recipe.height_px, recipe.width_px)
        ids = torch.tensor([[*size, 0, 0, *size]], dtype=self.dtype, device=self.device)
        return ids.repeat(len(pooled), 1)

    def predict(self, latents: torch.Tensor, timestep: torch.Tensor,
                words: Words) -> tuple[torch.Tensor, torch.Tensor | None]:
        if not words.paired:
            return self._call(latents, timestep, words.given), None
        empty, given = self._call(torch.cat([latents] * 2), timestep, words.both).chunk(2)
        return given, empty

    def _call(self, latents: torch.Tensor, timestep: torch.Tensor, inputs: dict[str, Any]) -> torch.Tensor:
        text = inputs["encoder_hidden_states"]
        few = text.shape[0] != latents.shape[0]
        if few and not (torch.is_inference_mode_enabled() and shares(self.attentions)):
            inputs = inputs | {"encoder_hidden_states": text.repeat_interleave(len(latents) // len(text), 0)}
        return self.pipe.unet(latents, timestep, return_dict=False, **inputs)[0]

    def normal(self, like: torch.Tensor) -> tuple[torch.Tensor | float, torch.Tensor | float]:
        """As the base class; some SDXL autoencoders give shift and scale a channel."""
        config = self.vae.config
        mean, std = getattr(config, "latents_mean", None), getattr(config, "latents_std", None)
        if self.name != "sdxl" or mean is None or std is None:
            return super().normal(like)
        shift, spread = (torch.tensor(v).view(1, -1, 1, 1).to(like.device, like.dtype) for v in (mean, std))
        return shift, config.scaling_factor / spread

    def forget(self) -> None:
        super().forget()
        for attention in self.attentions:
            if isinstance(attention.processor, SharedTextProcessor):
                attention.processor.forget()

    def prompt_read(self, prompt: str, dialect: str = "plain") -> PromptRead | None:
        return prompt_read(self.pipe, prompt, dialect)

    def word_places(self, prompt: str) -> list[tuple[str, tuple[int, ...]]]:
        return word_places(self.pipe, prompt)

    def text_attentions(self) -> list[Any]:
        """Those on the way down; of the whole network where there are none."""
        return cross_attentions(self.pipe.unet.down_blocks) or cross_attentions(self.pipe.unet)


def _half(value: Any, number: int) -> Any:
    """Rows without the prompt (0) or with it (1) of inputs that hold both."""
    if isinstance(value, dict):
        return {k: _half(v, number) for k, v in value.items()}
    return value.chunk(2)[number] if isinstance(value, torch.Tensor) else value
