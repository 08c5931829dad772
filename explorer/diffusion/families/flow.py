"""Rectified-flow transformers: what SD 3, FLUX, Qwen-Image, Z-Image and Chroma have in common."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from explorer.diffusion.families.family import Family, Words
from explorer.diffusion.schedulers import Schedule
from explorer.records import PromptRead, Recipe


class FlowFamily(Family):
    """A transformer that predicts the velocity from image to noise; each prediction is a call of its own."""

    most_shift = 1.15  # of the largest image, where the model's config does not say
    yields = False  # see Schedule

    @property
    def latent_shape(self) -> tuple[int, int]:
        return int(self.vae.config.latent_channels), int(self.pipe.vae_scale_factor)

    @property
    def size_steps(self) -> tuple[int, int]:
        return self.latent_shape[1] * 2, self.latent_shape[1] * 2  # the network takes squares of 2 × 2 cells

    def schedule(self, steps: int, *, height_px: int, width_px: int) -> Schedule | None:
        return Schedule(np.linspace(1.0, 1 / steps, steps), self.shift(height_px, width_px), yields=self.yields)

    def shift(self, height_px: int, width_px: int) -> float:
        """How far noise levels are shifted for an image of this size (Esser et al. 2024): a line in its tokens."""
        low, high = self._told("base_image_seq_len", 256), self._told("max_image_seq_len", 4096)
        least, most = self._told("base_shift", 0.5), self._told("max_shift", self.most_shift)
        side = self.size_steps[0]
        slope = (most - least) / (high - low)
        return (height_px // side) * (width_px // side) * slope + least - slope * low

    def _told(self, name: str, otherwise: float) -> float:
        return self.pipe.scheduler.config.get(name, otherwise)

    def encode(self, recipes: Sequence[Recipe], *, paired: bool, shared: bool = False) -> Words:
        one = shared and len({(r.prompt, r.negative_prompt, r.clip_skip) for r in recipes}) == 1
        few = recipes[:1] if one else recipes
        given = self._rows([self._prompt(r.prompt, r.clip_skip) for r in few], recipes)
        if not paired:
            return Words(given)
        return Words(given, self._rows([self._prompt(r.negative_prompt, 0) for r in few], recipes))

    def _prompt(self, prompt: str, clip_skip: int) -> dict[str, Any]:
        return self.remembered((prompt, clip_skip), lambda: self.encoded(prompt, clip_skip))

    @abstractmethod
    def encoded(self, prompt: str, clip_skip: int) -> dict[str, Any]:
        """The network's arguments for one prompt, one row each; (t, …) without a batch axis where all share it."""

    def _rows(self, prompts: Sequence[dict[str, Any]], recipes: Sequence[Recipe]) -> dict[str, Any]:
        """Prompts as rows of a batch; a mask is made where they differ in length."""
        return stacked(prompts)

    def prompt_read(self, prompt: str, dialect: str = "plain") -> PromptRead | None:
        spans, begin, _ = self._spans(prompt, cut=False)
        ours = [(a, b) for a, b in spans if a < b and a < begin + len(prompt) and b > begin]
        if not ours and prompt:
            return None
        last = max((b for a, b in self._spans(prompt, cut=True)[0] if a < b), default=begin)
        return PromptRead(len(ours), prompt[max(0, last - begin):].strip())

    def _spans(self, prompt: str, *, cut: bool) -> tuple[list[tuple[int, int]], int, int]:
        """(first and last character of each token, where the prompt begins in that, row of the first token)."""
        tokenizer, text, first = self.reading(prompt)
        begin = text.rfind(prompt)
        if not prompt or not getattr(tokenizer, "is_fast", False) or begin < 0:
            return [], 0, first
        limit = {"truncation": True, "max_length": self.facts.tokens - min(first, 0)} if cut else {}
        return tokenizer(text, return_offsets_mapping=True, **limit).offset_mapping, begin, first

    def word_places(self, prompt: str) -> list[tuple[str, tuple[int, ...]]]:
        spans, begin, first = self._spans(prompt, cut=True)
        found = []
        for word in re.finditer(r"\S+", prompt):
            places = tuple(n + first for n, (a, b) in enumerate(spans)
                           if a < b and a < begin + word.end() and b > begin + word.start() and n + first >= 0)
            found += [(word.group(), places)] if places else []
        return found

    def reading(self, prompt: str) -> tuple[Any, str, int]:
        """(tokenizer, what it is given, row of `Words.text` of its first token: below 0 where it is cut off)."""
        return self.pipe.tokenizer, prompt, 0

    def predict(self, latents: torch.Tensor, timestep: torch.Tensor,
                words: Words) -> tuple[torch.Tensor, torch.Tensor | None]:
        given = self.velocity(latents, timestep, words.given)
        return given, self.velocity(latents, timestep, words.empty) if words.paired else None

    @abstractmethod
    def velocity(self, latents: torch.Tensor, timestep: torch.Tensor, inputs: dict[str, Any]) -> torch.Tensor:
        """The network's prediction (n, c, h, w) for one set of prompts."""


def stacked(prompts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Rows of several prompts: (1, …) tensors one below the other; what has no batch axis is shared."""
    first = prompts[0]
    return {name: torch.cat([p[name] for p in prompts]) if _rowed(value) else value
            for name, value in first.items()}


def _rowed(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.shape[0] == 1 and value.ndim > 1


def as_many(inputs: dict[str, Any], rows: int) -> dict[str, Any]:
    """Inputs with a row for each of `rows` images, where one row stands for all."""
    return {name: value.expand(rows, *value.shape[1:]) if _rowed(value) and rows > 1 else value
            for name, value in inputs.items()}


def equally_long(prompts: Sequence[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor | None]:
    """(n, t, d) of texts (1, t_i, d) filled up with zeros, and their mask (n, t), None for texts of one length."""
    lengths = [p.shape[1] for p in prompts]
    if len(set(lengths)) == 1:
        return torch.cat(list(prompts)), None
    rows = torch.cat([F.pad(p, (0, 0, 0, max(lengths) - p.shape[1])) for p in prompts])
    places = torch.arange(max(lengths), device=rows.device)
    return rows, (places[None] < torch.tensor(lengths, device=rows.device)[:, None]).long()


def packed(latents: torch.Tensor) -> torch.Tensor:
    """(n, h/2·w/2, 4c) tokens of latents (n, c, h, w): a square of 2 × 2 cells each."""
    n, c, h, w = latents.shape
    return latents.view(n, c, h // 2, 2, w // 2, 2).permute(0, 2, 4, 1, 3, 5).reshape(n, h * w // 4, 4 * c)


def unpacked(tokens: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """(n, c, h, w), the shape of `like`, of tokens as `packed` makes them."""
    n, c, h, w = like.shape
    return tokens.view(n, h // 2, w // 2, c, 2, 2).permute(0, 3, 1, 4, 2, 5).reshape(n, c, h, w)
