"""Starting noise from a seed: one generator an image, so that it never depends on batch or device."""

from __future__ import annotations

import numpy as np
import torch

from explorer.errors import ExplorerError
from explorer.records import Recipe, Variation

SOURCES = ("torch-cpu", "cuda-philox", "a1111-nv-philox")
_ROUNDS, _MUL, _WEYL = 10, (0xD2511F53, 0xCD9E8D57), (0x9E3779B9, 0xBB67AE85)


def starting_noise(seed: int, shape: tuple[int, ...], source: str = "torch-cpu",
                   variation: Variation | None = None) -> torch.Tensor:
    """Standard normal noise of `shape` (c, h, w), float32 on the CPU, before any scheduler's scale.

    `source` names the generator: "torch-cpu" (diffusers with a CPU generator), "cuda-philox" (a CUDA
    generator) or "a1111-nv-philox" (A1111's CPU copy of it; the same numbers at usual sizes).
    `variation` mixes in a second seed as A1111 does. ExplorerError for other sources or seeds.
    """
    noise = _draw(check_seed(seed), shape, source)
    if variation is None or variation.strength == 0:
        return noise
    return slerp(noise, _draw(check_seed(variation.subseed), shape, source), variation.strength)


def generator_for(recipe: Recipe) -> torch.Generator:
    """The recipe's generator: starting noise is its first draw, later draws feed ancestral samplers."""
    return torch.Generator("cpu").manual_seed(check_seed(recipe.seed))


def check_seed(seed: int) -> int:
    """The seed itself; ExplorerError outside [0, 2^64)."""
    if not 0 <= seed < 2 ** 64:
        raise ExplorerError("diffusion.noise_seed_outside_0_2", seed=seed)
    return seed


def slerp(low: torch.Tensor, high: torch.Tensor, strength: float) -> torch.Tensor:
    """Spherical interpolation along the row axis of (c, h, w), the axis that A1111's variations use."""
    unit_low = low / low.norm(dim=1, keepdim=True)  # (c, h, w)
    unit_high = high / high.norm(dim=1, keepdim=True)
    cosine = (unit_low * unit_high).sum(1)  # (c, w)
    if cosine.mean() > 0.9995:  # as good as parallel: A1111 mixes linearly, weights as it has them
        return low * strength + high * (1 - strength)
    angle = torch.acos(cosine)
    part_low = (torch.sin((1.0 - strength) * angle) / torch.sin(angle)).unsqueeze(1)
    part_high = (torch.sin(strength * angle) / torch.sin(angle)).unsqueeze(1)
    return part_low * low + part_high * high


def _draw(seed: int, shape: tuple[int, ...], source: str) -> torch.Tensor:
    if source == "torch-cpu":
        # The leading 1 is diffusers' batch axis; it does not change the numbers.
        return torch.randn((1, *shape), generator=torch.Generator("cpu").manual_seed(seed))[0]
    if source in SOURCES:
        return torch.from_numpy(philox_normal(seed, int(np.prod(shape)))).reshape(shape)
    raise ExplorerError("diffusion.check_recipe_noise_source_unknown", noise_source=source,
                        sources=", ".join(SOURCES))


def philox_normal(seed: int, count: int, offset: int = 0) -> np.ndarray:
    """`count` float32 normals as CUDA's Philox 4x32-10 gives them (Salmon et al. 2011), Box-Muller.

    One thread an element, as torch launches it for up to about 200,000 elements; a card with few
    multiprocessors wraps earlier, and larger noise than that differs by card.
    """
    return philox_block(np.array([seed], np.uint64), count, offset)[0]


def philox_block(seeds: np.ndarray, count: int, offset: int = 0) -> np.ndarray:
    """(n, count) float32 normals, `philox_normal` of every seed at once; `seeds` (n,) uint64."""
    low, high = seeds[:, None] & np.uint64(0xFFFFFFFF), seeds[:, None] >> np.uint64(32)
    zero = np.zeros((len(seeds), count), np.uint64)
    counter = [zero + np.uint64(offset), zero, zero + np.arange(count, dtype=np.uint64), zero]
    words = _philox(counter, [low, high])
    u = words[0].astype(np.float32) * np.float32(2.0 ** -32) + np.float32(2.0 ** -33)
    v = words[1].astype(np.float32) * np.float32(2.0 ** -32 * 2 * np.pi) + np.float32(2.0 ** -32 * np.pi)
    return (np.sqrt(-2.0 * np.log(u), dtype=np.float32) * np.sin(v, dtype=np.float32)).astype(np.float32)


def _philox(counter: list[np.ndarray], key: list[np.ndarray]) -> list[np.ndarray]:
    mask, half = np.uint64(0xFFFFFFFF), np.uint64(32)
    for turn in range(_ROUNDS):
        left, right = counter[0] * np.uint64(_MUL[0]), counter[2] * np.uint64(_MUL[1])
        counter = [(right >> half) ^ counter[1] ^ key[0], right & mask,
                   (left >> half) ^ counter[3] ^ key[1], left & mask]
        if turn < _ROUNDS - 1:
            key = [(k + np.uint64(w)) & mask for k, w in zip(key, _WEYL, strict=True)]
    return counter
