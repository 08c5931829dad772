"""The noise that k-diffusion's programs draw: at the start, at each step, and along a Brownian path.

Where A1111's setting says GPU or nothing, the numbers are those of CUDA's Philox; its steps go on from the same
generator, each draw one block further. ComfyUI draws the start on the CPU and the steps on the card, from the
seed anew. SDE samplers take their steps' noise from torchsde's Brownian tree (Li et al. 2020) of the seed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch

from explorer.diffusion.noise import philox_normal, slerp
from explorer.records import Variation

CELL_PX = 8  # A1111 counts latent cells of 8 px, whatever the model
DIGITS = 6  # decimals to which torchsde rounds times
POOL = 24  # words of its entropy pool
Draw = Callable[[int], torch.Tensor]


class Stream:
    """One generator of a named source; each `draw` goes on where the last one ended."""

    def __init__(self, source: str, seed: int) -> None:
        """`source` as in `explorer.diffusion.noise`; `seed` in [0, 2^64)."""
        self.source, self.seed, self.draws = source, seed, 0
        self._generator = torch.Generator("cpu").manual_seed(seed) if source == "torch-cpu" else None

    def draw(self, shape: tuple[int, ...]) -> torch.Tensor:
        """Standard normal noise of `shape`, float32 on the CPU."""
        if self._generator is not None:
            return torch.randn(shape, generator=self._generator)
        noise = philox_normal(self.seed, int(np.prod(shape)), self.draws)
        self.draws += 1
        return torch.from_numpy(noise).reshape(shape)


def start(stream: Stream, shape: tuple[int, ...], *, variation: Variation | None = None,
          resized_from: Sequence[int] = ()) -> torch.Tensor:
    """A1111's starting noise (c, h, w) of `stream`: its first draw, mixed with a variation's, or drawn at another
    size ((width, height) in px) and laid into the middle of this one.
    """
    small = (shape[0], resized_from[1] // CELL_PX, resized_from[0] // CELL_PX) if resized_from else shape
    resized = small != shape and min(small[1:]) > 0
    noise = Stream(stream.source, stream.seed).draw(small) if resized else stream.draw(shape)
    if variation is not None and variation.strength:
        noise = slerp(noise, Stream(stream.source, variation.subseed).draw(tuple(noise.shape)), variation.strength)
    return _laid_into(stream.draw(shape), noise) if resized else noise


def _laid_into(wide: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    """`noise` in the middle of `wide`, both (c, h, w); what overlaps is cut."""
    places = []
    for axis in (1, 2):
        apart = (wide.shape[axis] - noise.shape[axis]) // 2
        length = noise.shape[axis] if apart >= 0 else noise.shape[axis] + 2 * apart
        places.append((max(apart, 0), max(-apart, 0), length))
    (to_y, from_y, high), (to_x, from_x, across) = places
    wide[:, to_y:to_y + high, to_x:to_x + across] = noise[:, from_y:from_y + high, from_x:from_x + across]
    return wide


class BrownianPath:
    """A Brownian motion from `low` to `high`, fixed by its seed whatever is asked of it in which order.

    Halved down to the times asked for, every half's part drawn from the seed of its place in the tree: the
    numbers of torchsde's BrownianTree with a tolerance of 1e-6.
    """

    def __init__(self, low: float, high: float, seed: int, draw: Draw) -> None:
        """`draw(seed)` gives standard normal noise; the path has its shape."""
        self.seed, self._draw = seed, draw
        self.low, self.high = round(low, DIGITS), round(high, DIGITS)
        self._parts: dict[tuple[int, int], torch.Tensor] = {}
        first = np.random.SeedSequence(entropy=seed, pool_size=POOL).generate_state(3)[0]
        self._whole = draw(int(first)) * math.sqrt(high - low)

    def between(self, a: float, b: float) -> torch.Tensor:
        """The path's increment from a to b, low <= a <= b <= high."""
        a, b = (min(max(round(t, DIGITS), self.low), self.high) for t in (a, b))
        if a >= b:
            return torch.zeros_like(self._whole)
        return self._sum((0, 0), self.low, self.high, self._whole, a, b)

    def _sum(self, place: tuple[int, int], low: float, high: float, whole: torch.Tensor, a: float,
             b: float) -> torch.Tensor:
        if (a, b) == (low, high):
            return whole
        mid = round(0.5 * (low + high), DIGITS)
        left = self._left(place, low, mid, high, whole)
        key, depth = place
        if b <= mid:
            return self._sum((2 * key, depth + 1), low, mid, left, a, b)
        if a >= mid:
            return self._sum((2 * key + 1, depth + 1), mid, high, whole - left, a, b)
        return (self._sum((2 * key, depth + 1), low, mid, left, a, mid)
                + self._sum((2 * key + 1, depth + 1), mid, high, whole - left, mid, b))

    def _left(
        self, place: tuple[int, int], low: float, mid: float, high: float, whole: torch.Tensor
    ) -> torch.Tensor:
        """The left half's increment, given the whole's: a Brownian bridge."""
        if place not in self._parts:
            if len(self._parts) > 64:
                self._parts.pop(next(iter(self._parts)))
            words = np.random.SeedSequence(entropy=self.seed, spawn_key=place, pool_size=POOL).generate_state(4)
            part, rest = mid - low, high - mid
            noise = self._draw(int(words[0]))
            self._parts[place] = part * whole / (high - low) + math.sqrt(part * rest / (high - low)) * noise
        return self._parts[place]


class BrownianNoise:
    """A step's noise for one image: its path's increment between two levels, brought to unit variance."""

    def __init__(self, sigmas: torch.Tensor, seed: int, shape: tuple[int, ...], source: str) -> None:
        levels = sigmas[sigmas > 0]
        self.path = BrownianPath(float(levels.min()), float(levels.max()), seed,
                                 lambda place: Stream(source, place).draw(shape))

    def __call__(self, sigma: torch.Tensor, sigma_next: torch.Tensor) -> torch.Tensor:
        """(c, h, w) noise for the step from `sigma` down to `sigma_next`."""
        a, b = float(sigma), float(sigma_next)
        sign = 1 if a < b else -1
        return self.path.between(min(a, b), max(a, b)) * sign / math.sqrt(abs(b - a))
