"""Seed recovery: the starting noise stays visible in the image (NoisePrints 2025), so seeds are tried without
the network, by correlation of the subject's latents with each seed's noise.

A recovered seed names the noise: the same seed gives the same noise in every model of that latent shape.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.special import betainc

from explorer.diffusion.autoencoder import Encoded
from explorer.diffusion.models import Model
from explorer.diffusion.noise import check_seed, philox_block
from explorer.errors import ExplorerError
from explorer.records.scans import CLAIM_BELOW

BLOCK = 2048
LEAST_LENGTH = 1e-5  # a latent's deviation from its channel's mean, below which there is only rounding


@dataclass(frozen=True)
class Match:
    """A seed whose noise correlates with the subject. `p_one` is the chance of that for one random seed."""

    seed: int
    source: str  # noise generator
    encoding: str  # which latents of the subject (plain, inverted, an alignment)
    correlation: float  # cosine in [-1, 1]
    p_one: float


@dataclass(frozen=True)
class Scan:
    """Where a scan stands: `best` matches, `tried` combinations so far, and the seed to go on from.

    `before` counts what earlier scans of the same picture tried: every one was another chance to be wrong.
    """

    first: int
    stop: int
    next_seed: int
    tried: int = 0
    best: tuple[Match, ...] = ()
    before: int = 0

    @property
    def done(self) -> bool:
        return self.next_seed >= self.stop

    def chance(self, match: Match) -> float:
        """Upper bound of the chance that any combination tried here or in an earlier scan does so (union bound)."""
        return min(1.0, match.p_one * max(1, self.tried + self.before))

    def claims(self) -> tuple[Match, ...]:
        """The matches that may be claimed: rare by chance even after everything that was tried."""
        return tuple(m for m in self.best if self.chance(m) < CLAIM_BELOW)


def chance_of_cosine(cosine: float, dimensions: int) -> float:
    """P(cosine of one fixed and one random direction >= cosine), exact: r² is Beta(1/2, (d - 1)/2)."""
    tail = 0.5 * float(betainc((dimensions - 1) / 2, 0.5, max(0.0, 1.0 - cosine * cosine)))
    return tail if cosine >= 0 else 1.0 - tail


def scan(latents: dict[str, np.ndarray], *, first: int, stop: int, sources: Sequence[str] = ("torch-cpu",),
         keep: int = 10, resume: Scan | None = None, before: int = 0) -> Iterator[Scan]:
    """Tries seeds `first` to `stop` - 1; a Scan after every block, from which `resume` goes on.

    `latents` holds the subject's latents (c, h, w) by encoding, all of one shape; every generator in
    `sources` and every encoding is tried with every seed and counts as one try each. `before` is what earlier scans
    of the picture tried. ExplorerError for latents that are the same everywhere: they hold no direction.
    """
    check_seed(first)
    names = list(latents)
    shape = latents[names[0]].shape
    targets = np.stack([_unit(latents[n]) for n in names], 1)  # (d, encodings)
    state = replace(resume or Scan(first, stop, first), before=before)
    while not state.done:
        seeds = np.arange(state.next_seed, min(state.next_seed + BLOCK, stop), dtype=np.uint64)
        best = list(state.best)
        for source in sources:
            noise = noise_block(seeds, shape, source)  # (n, d)
            cosines = noise @ targets / np.linalg.norm(noise, axis=1)[:, None]  # (n, encodings)
            best += _top(cosines, seeds, source, names, keep, targets.shape[0])
        state = replace(state, next_seed=int(seeds[-1]) + 1, best=_best(best, keep),
                        tried=state.tried + len(seeds) * len(sources) * len(names))
        yield state


def subject_latents(model: Model, pictures: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Latents (c, h, w) of each alignment of the subject (rgb uint8 of one size) by the model's autoencoder."""
    return {name: Encoded(model, rgb).draw(None)[0].float().cpu().numpy() for name, rgb in pictures.items()}


def noise_block(seeds: np.ndarray, shape: tuple[int, ...], source: str) -> np.ndarray:
    """(n, d) float32: the starting noise of every seed, as `starting_noise` gives it one at a time."""
    if source != "torch-cpu":
        return philox_block(seeds, math.prod(shape))
    block, generator = torch.empty((len(seeds), math.prod(shape))), torch.Generator("cpu")
    for row, seed in zip(block, seeds.tolist(), strict=True):
        torch.randn(row.shape, generator=generator.manual_seed(seed), out=row)
    return block.numpy()


def _unit(latents: np.ndarray) -> np.ndarray:
    """Latents less each channel's mean, as one direction (d,): flat areas say nothing about noise."""
    centred = (latents - latents.mean((1, 2), keepdims=True)).astype(np.float32).ravel()
    length = float(np.linalg.norm(centred))
    if length < LEAST_LENGTH * math.sqrt(centred.size):
        raise ExplorerError("search.recovery_latents_constant")
    return centred / length


def _top(cosines: np.ndarray, seeds: np.ndarray, source: str, names: list[str], keep: int,
         dimensions: int) -> list[Match]:
    flat = cosines.ravel()
    places = np.argpartition(-flat, min(keep, flat.size) - 1)[:keep]
    return [Match(int(seeds[p // len(names)]), source, names[p % len(names)], float(flat[p]),
                  chance_of_cosine(float(flat[p]), dimensions)) for p in places.tolist()]


def _best(matches: list[Match], keep: int) -> tuple[Match, ...]:
    return tuple(heapq.nlargest(keep, matches, key=lambda m: m.correlation))
