"""Pictures of either family from captions and seeds, batched: what their pipelines draw for the same seeds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from diffusers import StableDiffusion3Pipeline
from torch import Tensor

from explorer.world.files import World, require
from explorer.world_build.dose_replays import DoseEffort, WorldSampler, noise
from explorer.world_build.hands.train_flow import FlowNetworks
from explorer.world_build.hands.views import tokens
from explorer.world_build.training import autocast

Draw = Callable[[list[str], list[int], DoseEffort], np.ndarray]  # (n, 64, 64, 3) float32 on [0, 1]
CPU = torch.device("cpu")


def sampler(world: World, family: str, device: torch.device = CPU) -> Draw:
    """The sampler of one family of a world."""
    return UnetSampler(world, device) if family == "unet" else FlowSampler(world, device)


class UnetSampler:
    """The Stable Diffusion pipeline's parts, each caption encoded once."""

    def __init__(self, world: World, device: torch.device = CPU):
        self.inner = WorldSampler(world, device)

    def __call__(self, captions: list[str], seeds: list[int], effort: DoseEffort) -> np.ndarray:
        """One picture for each caption and its seed."""
        unique = list(dict.fromkeys(captions))
        texts, place = self.inner.texts(unique), {c: i for i, c in enumerate(unique)}
        parts = []
        for start in range(0, len(captions), effort.batch):
            part = slice(start, start + effort.batch)
            parts.append(self.inner.images(texts[[place[c] for c in captions[part]]], seeds[part], effort))
        return np.concatenate(parts)


class FlowSampler:
    """The Stable Diffusion 3 pipeline's parts; empty words weighed instead of repeated."""

    def __init__(self, world: World, device: torch.device = CPU):
        folder = require(world.root / "flow" / "model_index.json", "flow").parent
        pipe = StableDiffusion3Pipeline.from_pretrained(folder, text_encoder_3=None, tokenizer_3=None)
        self.vae, self.scheduler, self.tokenizer = pipe.vae.to(device).eval(), pipe.scheduler, pipe.tokenizer
        self.model = FlowNetworks(pipe.text_encoder, pipe.text_encoder_2, pipe.transformer).to(device).eval()
        self.device = device

    def __call__(self, captions: list[str], seeds: list[int], effort: DoseEffort) -> np.ndarray:
        """One picture for each caption and its seed."""
        parts = [self._some(captions[s:s + effort.batch], seeds[s:s + effort.batch], effort)
                 for s in range(0, len(captions), effort.batch)]
        return np.concatenate(parts)

    @torch.no_grad()
    def _some(self, captions: list[str], seeds: list[int], effort: DoseEffort) -> np.ndarray:
        x = torch.cat([noise(seed) for seed in seeds]).to(self.device)
        guided = effort.guidance > 1
        said = tokens(self.tokenizer, captions + [""] * len(captions) * guided)
        words, whole = self.model.words(said.to(self.device))
        self.scheduler.set_timesteps(effort.steps)
        for time in self.scheduler.timesteps:
            x = self.scheduler.step(self._velocity(x, time, words, whole, effort.guidance), time, x).prev_sample
        y = self.vae.decode(x / self.vae.config.scaling_factor).sample
        return y.float().clamp(-1, 1).add(1).div(2).permute(0, 2, 3, 1).cpu().numpy()

    def _velocity(self, x: Tensor, time: Tensor, words: Tensor, whole: Tensor, guidance: float) -> Tensor:
        both = x.repeat(len(words) // len(x), 1, 1, 1)
        with autocast(x.device):
            out = self.model.transformer(both, words, whole, time.expand(len(both)), return_dict=False)[0].float()
        if len(both) == len(x):
            return out
        told, free = out.chunk(2)
        return free + guidance * (told - free)
