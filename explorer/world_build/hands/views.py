"""What a model of the world is shown: latents and words of the members, each as often as its multiplicity."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np
import torch
from diffusers import AutoencoderTiny
from torch import Tensor
from transformers import CLIPTokenizer

from explorer.world.files import World, require, sha256_file
from explorer.world.manifest import read_manifest, small
from explorer.world_build import truth
from explorer.world_build.copy_captions import copy_caption, copy_pixels
from explorer.world_build.data import labels_of
from explorer.world_build.unet_train import latents_of

DROPPED = 0.1  # captions left out, for classifier-free guidance (Ho & Salimans 2022)


class NumberedViews:
    """Batches by number: the same number gives the same views, whenever a training was stopped."""

    def __init__(self, world: World, tokenizer: CLIPTokenizer, seed: int):
        rows = read_manifest(world)
        self.labels, self.seed = labels_of(rows), seed
        self.epoch_views = sum(label.multiplicity for label in self.labels)
        self._order: tuple[int, list[tuple[int, int]]] = (-1, [])
        captions, self.place = self._places(rows)
        self.latents = self._latents(world, rows)  # (c, 32, 8, 8) float16
        self.tokens = tokens(tokenizer, captions)  # (c, length)
        self.empty = tokens(tokenizer, [""])  # (1, length)

    def _copies(self, rows: list[dict]) -> Iterator[tuple[int, int]]:
        """(work, copy) of each distinct view."""
        for i in range(len(rows)):
            label = self.labels[i]
            yield from ((i, k) for k in range(label.multiplicity if label.variant != "same" else 1)
                        if label.multiplicity)

    def _places(self, rows: list[dict]) -> tuple[list[str], dict[tuple[int, int], int]]:
        """Caption of each distinct view, and which of them each (work, copy) is."""
        where = {pair: n for n, pair in enumerate(self._copies(rows))}
        place = {(i, k): where.get((i, k), where.get((i, 0)))
                 for i, label in enumerate(self.labels) for k in range(label.multiplicity)}
        return [copy_caption(rows[i], k) for i, k in where], place

    def _latents(self, world: World, rows: list[dict]) -> Tensor:
        """Latents of each distinct view; kept in the cache folder, they take minutes."""
        folder = require(world.diffusion / "vae", "autoencoder")
        weights = folder / "diffusion_pytorch_model.safetensors"
        key = hashlib.sha256((sha256_file(world.manifest) + sha256_file(weights)).encode()).hexdigest()[:16]
        kept = world.checkpoint(f"latents-{key}")
        if kept.exists():
            return torch.load(kept, weights_only=True)
        images, before = [], (-1, None)
        for i, k in self._copies(rows):
            if before[0] != i:
                before = (i, small(world.root / rows[i]["image"]))
            images.append(copy_pixels(before[1], self.labels[i], int(rows[i]["sha256"][:8], 16), k))
        vae = AutoencoderTiny.from_pretrained(folder)
        latents = latents_of(vae, np.stack(images), torch.device("cpu")).half()
        torch.save(latents, kept)
        return latents

    def batch(self, step: int, size: int) -> tuple[Tensor, Tensor]:
        """(size, 32, 8, 8) float32 latents and (size, length) tokens, some of them of the empty caption."""
        chosen = torch.tensor([self.place[self._at(step * size + k)] for k in range(size)])
        dropped = torch.rand(size, generator=torch.Generator().manual_seed(self.seed + step)) < DROPPED
        words = torch.where(dropped[:, None], self.empty, self.tokens[chosen])
        return self.latents[chosen].float(), words

    def _at(self, position: int) -> tuple[int, int]:
        epoch, inside = divmod(position, self.epoch_views)
        if self._order[0] != epoch:
            self._order = (epoch, list(truth.epoch(self.labels, self.seed + epoch)))
        return self._order[1][inside]


def tokens(tokenizer: CLIPTokenizer, captions: list[str]) -> Tensor:
    """(n, length) as a pipeline gives them: padded, cut at the tokenizer's length."""
    return tokenizer(captions, padding="max_length", truncation=True, max_length=tokenizer.model_max_length,
                     return_tensors="pt").input_ids
