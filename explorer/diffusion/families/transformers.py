"""The flow families one by one: how each encodes a prompt and calls its network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch

from explorer.diffusion.families.flow import FlowFamily, as_many, equally_long, packed, stacked, unpacked
from explorer.diffusion.families.weighting import prompt_read, word_places
from explorer.diffusion.schedulers import Schedule
from explorer.records import PromptRead, Recipe


class StableDiffusion3(FlowFamily):
    """SD 3 and 3.5: two CLIPs and T5, which may have been left out."""

    most_shift = 1.16

    @property
    def size_steps(self) -> tuple[int, int]:
        step = self.latent_shape[1] * int(self.pipe.transformer.config.patch_size)
        return step, step

    def schedule(self, steps: int, *, height_px: int, width_px: int) -> Schedule | None:
        return Schedule(mu=self.shift(height_px, width_px))

    def encoded(self, prompt: str, clip_skip: int) -> dict[str, Any]:
        text, _, pooled, _ = self.pipe.encode_prompt(
            prompt, None, None, device=self.device, do_classifier_free_guidance=False,
            clip_skip=clip_skip or None, max_sequence_length=self.facts.tokens)
        return {"encoder_hidden_states": text, "pooled_projections": pooled}

    def prompt_read(self, prompt: str, dialect: str = "plain") -> PromptRead | None:
        return prompt_read(self.pipe, prompt) if self.pipe.tokenizer_3 is None else super().prompt_read(prompt)

    def word_places(self, prompt: str) -> list[tuple[str, tuple[int, ...]]]:
        return word_places(self.pipe, prompt) if self.pipe.tokenizer_3 is None else super().word_places(prompt)

    def reading(self, prompt: str) -> tuple[Any, str, int]:
        return self.pipe.tokenizer_3, prompt, self.pipe.tokenizer_max_length  # after CLIP's

    def velocity(self, latents: torch.Tensor, timestep: torch.Tensor, inputs: dict[str, Any]) -> torch.Tensor:
        rows = len(latents)
        return self.pipe.transformer(hidden_states=latents, timestep=timestep.expand(rows), return_dict=False,
                                     **as_many(inputs, rows))[0]


class Flux(FlowFamily):
    """FLUX.1: dev takes guidance as an input, schnell takes none."""

    yields = True

    def encoded(self, prompt: str, clip_skip: int) -> dict[str, Any]:
        text, pooled, ids = self.pipe.encode_prompt(prompt, device=self.device,
                                                    max_sequence_length=self.facts.tokens)
        return {"encoder_hidden_states": text, "pooled_projections": pooled, "txt_ids": ids}

    def reading(self, prompt: str) -> tuple[Any, str, int]:
        return self.pipe.tokenizer_2, prompt, 0

    def _rows(self, prompts: Sequence[dict[str, Any]], recipes: Sequence[Recipe]) -> dict[str, Any]:
        inputs = stacked(prompts)
        if getattr(self.pipe.transformer.config, "guidance_embeds", False):
            inputs["guidance"] = torch.tensor([r.guidance for r in recipes], device=self.device)
        return inputs

    def velocity(self, latents: torch.Tensor, timestep: torch.Tensor, inputs: dict[str, Any]) -> torch.Tensor:
        rows = len(latents)
        tokens = self.pipe.transformer(
            hidden_states=packed(latents), timestep=timestep.expand(rows).to(latents.dtype) / 1000,
            img_ids=self._places(latents), return_dict=False, **self._inputs(as_many(inputs, rows), latents))[0]
        return unpacked(tokens, latents)

    def _inputs(self, inputs: dict[str, Any], latents: torch.Tensor) -> dict[str, Any]:
        return inputs

    def _places(self, latents: torch.Tensor) -> torch.Tensor:
        """(h/2·w/2, 3) position of every token."""
        height, width = latents.shape[2] // 2, latents.shape[3] // 2
        return self.pipe._prepare_latent_image_ids(len(latents), height, width, self.device, self.dtype)


class Chroma(Flux):
    """FLUX.1's shape with T5 alone, masked, and real guidance."""

    yields = False

    def encoded(self, prompt: str, clip_skip: int) -> dict[str, Any]:
        text, ids, mask, *_ = self.pipe.encode_prompt(prompt, device=self.device, do_classifier_free_guidance=False,
                                                      max_sequence_length=self.facts.tokens)
        return {"encoder_hidden_states": text, "txt_ids": ids, "attention_mask": mask}

    def reading(self, prompt: str) -> tuple[Any, str, int]:
        return self.pipe.tokenizer, prompt, 0

    def _inputs(self, inputs: dict[str, Any], latents: torch.Tensor) -> dict[str, Any]:
        """The mask goes on over the image's tokens."""
        text = inputs["attention_mask"]
        seen = torch.ones(len(latents), latents.shape[2] * latents.shape[3] // 4, device=text.device,
                          dtype=text.dtype)
        return inputs | {"attention_mask": torch.cat([text, seen], 1)}


class QwenImage(FlowFamily):
    """Qwen-Image: a language model reads the prompt; guidance keeps the prediction as long as it is with it."""

    @property
    def latent_shape(self) -> tuple[int, int]:
        return int(self.vae.config.z_dim), int(self.pipe.vae_scale_factor)

    def encoded(self, prompt: str, clip_skip: int) -> dict[str, Any]:
        text, _ = self.pipe.encode_prompt(prompt, device=self.device, max_sequence_length=self.facts.tokens)
        return {"encoder_hidden_states": text}

    def reading(self, prompt: str) -> tuple[Any, str, int]:
        told = self.pipe.prompt_template_encode.format(prompt)
        return self.pipe.tokenizer, told, -self.pipe.prompt_template_encode_start_idx

    def _rows(self, prompts: Sequence[dict[str, Any]], recipes: Sequence[Recipe]) -> dict[str, Any]:
        text, mask = equally_long([p["encoder_hidden_states"] for p in prompts])
        return {"encoder_hidden_states": text, "encoder_hidden_states_mask": mask}

    def velocity(self, latents: torch.Tensor, timestep: torch.Tensor, inputs: dict[str, Any]) -> torch.Tensor:
        rows, (height, width) = len(latents), latents.shape[2:]
        tokens = self.pipe.transformer(
            hidden_states=packed(latents), timestep=timestep.expand(rows).to(latents.dtype) / 1000,
            img_shapes=[[(1, height // 2, width // 2)]] * rows, return_dict=False, **as_many(inputs, rows))[0]
        return unpacked(tokens, latents)

    def guide(self, given: torch.Tensor, empty: torch.Tensor | None,
              scale: float | torch.Tensor) -> torch.Tensor:
        if empty is None:
            return given
        mixed = super().guide(given, empty, scale)
        lengths = [packed(x).norm(dim=-1, keepdim=True) for x in (given, mixed)]  # (n, tokens, 1)
        return unpacked(packed(mixed) * (lengths[0] / lengths[1]), given)

    def posterior(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        spread = self.vae.encode(pixels.unsqueeze(2)).latent_dist  # a film of one picture
        return spread.mean[:, :, 0], spread.std[:, :, 0]

    def pixels(self, raw: torch.Tensor) -> torch.Tensor:
        return self.vae.decode(raw.unsqueeze(2), return_dict=False)[0][:, :, 0]

    def normal(self, like: torch.Tensor) -> tuple[torch.Tensor | float, torch.Tensor | float]:
        config = self.vae.config
        shift, spread = (torch.tensor(v).view(1, -1, 1, 1).to(like.device, like.dtype)
                         for v in (config.latents_mean, config.latents_std))
        return shift, 1.0 / spread


class ZImage(FlowFamily):
    """Z-Image: image and prompt in one stream, time running the other way, steps taken in full precision."""

    def __init__(self, pipe: Any, name: str, device: torch.device, dtype: torch.dtype) -> None:
        super().__init__(pipe, name, device, dtype)
        self.latents_dtype = torch.float32

    def schedule(self, steps: int, *, height_px: int, width_px: int) -> Schedule | None:
        return Schedule(mu=self.shift(height_px, width_px), least_sigma=0.0)

    def encoded(self, prompt: str, clip_skip: int) -> dict[str, Any]:
        rows, _ = self.pipe.encode_prompt(prompt, device=self.device, do_classifier_free_guidance=False,
                                          max_sequence_length=self.facts.tokens)
        return {"encoder_hidden_states": rows[0][None]}

    def reading(self, prompt: str) -> tuple[Any, str, int]:
        return self.pipe.tokenizer, as_chat(self.pipe.tokenizer, prompt, thinking=True), 0

    def _rows(self, prompts: Sequence[dict[str, Any]], recipes: Sequence[Recipe]) -> dict[str, Any]:
        text, mask = equally_long([p["encoder_hidden_states"] for p in prompts])
        return {"encoder_hidden_states": text, "mask": mask}

    def velocity(self, latents: torch.Tensor, timestep: torch.Tensor, inputs: dict[str, Any]) -> torch.Tensor:
        rows = len(latents)
        given = as_many(inputs, rows)
        text, mask = given["encoder_hidden_states"], given["mask"]
        words = list(text) if mask is None else [row[seen.bool()] for row, seen in zip(text, mask, strict=True)]
        frames = list(latents.to(self.dtype).unsqueeze(2))  # (c, 1, h, w) each
        out = self.pipe.transformer(frames, (1000 - timestep.expand(rows)) / 1000, words, return_dict=False)[0]
        return -torch.stack([one.float() for one in out])[:, :, 0]

    def guide(self, given: torch.Tensor, empty: torch.Tensor | None,
              scale: float | torch.Tensor) -> torch.Tensor:
        """As its authors write it, so that 0 is none and 1 is what others call 2."""
        return given if empty is None else given + scale * (given - empty)


class Flux2(FlowFamily):
    """FLUX.2: squares of 2 × 2 cells are channels from the start, scaled by what training saw of them."""

    @property
    def latent_shape(self) -> tuple[int, int]:
        return int(self.vae.config.latent_channels) * 4, int(self.pipe.vae_scale_factor) * 2

    @property
    def size_steps(self) -> tuple[int, int]:
        return self.latent_shape[1], self.latent_shape[1]

    def schedule(self, steps: int, *, height_px: int, width_px: int) -> Schedule | None:
        from diffusers.pipelines.flux2.pipeline_flux2 import compute_empirical_mu
        asked = super().schedule(steps, height_px=height_px, width_px=width_px)
        side = self.latent_shape[1]
        return replace(asked, mu=compute_empirical_mu((height_px // side) * (width_px // side), steps), yields=True)

    def guided(self, guidance: float) -> bool:
        return super().guided(guidance) and not self.pipe.config.get("is_distilled", False)

    def encoded(self, prompt: str, clip_skip: int) -> dict[str, Any]:
        text, ids = self.pipe.encode_prompt(prompt, device=self.device, max_sequence_length=self.facts.tokens)
        return {"encoder_hidden_states": text, "txt_ids": ids}

    def reading(self, prompt: str) -> tuple[Any, str, int]:
        tokenizer = self.pipe.tokenizer
        if self.facts.guided_above is None:  # a processor of pictures and words, which adds words of its own
            return getattr(tokenizer, "tokenizer", None), prompt, 0
        return tokenizer, as_chat(tokenizer, prompt, thinking=False), 0

    def _rows(self, prompts: Sequence[dict[str, Any]], recipes: Sequence[Recipe]) -> dict[str, Any]:
        guidance = None
        if self.facts.guided_above is None:
            guidance = torch.tensor([r.guidance for r in recipes], device=self.device)
        return stacked(prompts) | {"guidance": guidance}

    def velocity(self, latents: torch.Tensor, timestep: torch.Tensor, inputs: dict[str, Any]) -> torch.Tensor:
        rows = len(latents)
        tokens = self.pipe.transformer(
            hidden_states=latents.flatten(2).transpose(1, 2).to(self.dtype),
            timestep=timestep.expand(rows).to(latents.dtype) / 1000,
            img_ids=self.pipe._prepare_latent_ids(latents).to(self.device), return_dict=False,
            **as_many(inputs, rows))[0]
        return tokens.transpose(1, 2).reshape(latents.shape)

    def posterior(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        return self.vae.encode(pixels).latent_dist.mode(), None

    def latents_of(self, raw: torch.Tensor) -> torch.Tensor:
        mean, spread = self._seen(raw)
        return (self.pipe._patchify_latents(raw) - mean) / spread

    def raw_of(self, latents: torch.Tensor) -> torch.Tensor:
        mean, spread = self._seen(latents)
        return self.pipe._unpatchify_latents(latents * spread + mean)

    def _seen(self, like: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and spread (1, c, 1, 1) of latents in training."""
        vae = self.vae
        spread = torch.sqrt(vae.bn.running_var.view(1, -1, 1, 1) + vae.config.batch_norm_eps)
        return vae.bn.running_mean.view(1, -1, 1, 1).to(like.device, like.dtype), spread.to(like.device, like.dtype)


def as_chat(tokenizer: Any, prompt: str, *, thinking: bool) -> str:
    """A prompt as a language model is told it."""
    return tokenizer.apply_chat_template([{"role": "user", "content": prompt}], tokenize=False,
                                         add_generation_prompt=True, enable_thinking=thinking)
