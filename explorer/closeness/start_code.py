"""What a starting image or given noise costs: the shortest decodable code that does the same job.

"The same job" is measured, not argued: the code's decoded array is put through the same recipe, and it
counts only when the replay comes at least as close. The estimates below it are never bounds.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from explorer.closeness import latent_code
from explorer.records import LedgerEntry
from explorer.records.scores import is_better
from explorer.texts import say

STEPS = tuple(8.0 / 1.5 ** k for k in range(20))  # quantising steps, coarse to fine, in latent units


@dataclass(frozen=True)
class StartCode:
    """A code that was found: `data` decodes to what the recipe needs; `closeness` is what it reached."""

    bits: float
    step: float
    data: bytes
    closeness: float
    replays: int  # how many replays finding it took


@dataclass(frozen=True)
class StartBill:
    """A measured charge for what one replay was given, in place of the ledger's bound; `id` is the replay's.

    The estimates (None for noise) say how much of the image passes at that strength, and are no bounds.
    """

    id: str
    subject_id: str
    source: str  # "starting image" | "noise"
    bits: float
    step: float  # of the quantised latents
    score: str
    closeness: float  # that the code's replay reached
    replays: int  # made to find it
    gaussian_bits: float | None = None
    diffc_bits: float | None = None
    diffc_error: float | None = None  # standard error of that mean


def shortest_latents(latents: np.ndarray, replay: Callable[[np.ndarray], float], *, score: str, target: float,
                     steps: Sequence[float] = STEPS) -> StartCode | None:
    """The smallest code of `latents` (c, h, w) float32 whose replay is at least as close as `target`.

    `replay` takes dequantised latents (or noise) of that shape through the same recipe, and says how close
    by `score` that comes. Tries every step from coarse to fine until one holds; None if none of them does.
    The step travels in the code's head, so it is paid for.
    """
    for tried, step in enumerate(steps, start=1):
        levels = latent_code.quantise(latents, step)
        reached = replay(levels.astype(np.float32) * np.float32(step))
        if reached == target or is_better(score, reached, target):
            data = latent_code.encode(levels, step)
            return StartCode(8.0 * len(data), float(step), data, float(reached), tried)
    return None


def measured_entry(bill: StartBill) -> LedgerEntry:
    """The charge for a measured code."""
    return LedgerEntry(bill.source, bill.bits,
                       say("note.closeness.length_coarsest_quantised"))


def bound_entry(start_rgb: np.ndarray) -> LedgerEntry:
    """The stated upper bound until a code is measured: the smallest lossless picture file.

    `start_rgb` is (h, w, 3) uint8 as it enters the model. Lossless, so the same recipe gives the very
    same replay from it; a real charge is lower at high strengths.
    """
    name, size = min(lossless_sizes(start_rgb).items(), key=lambda pair: pair[1])
    return LedgerEntry("starting image", 8.0 * size,
                       say("note.closeness.most_picture_put", name=name))


def lossless_sizes(rgb: np.ndarray) -> dict[str, int]:
    """Bytes of a (h, w, 3) uint8 picture as lossless WebP and PNG, and as AVIF where it is truly lossless."""
    sizes = {}
    for name, options in {"WebP": {"lossless": True, "quality": 100, "method": 6, "exact": True},
                          "PNG": {"optimize": True},
                          "AVIF": {"quality": 100, "subsampling": "4:4:4", "speed": 4}}.items():
        out = io.BytesIO()
        Image.fromarray(rgb, "RGB").save(out, name.upper(), **options)
        with Image.open(io.BytesIO(out.getvalue())) as back:
            if np.array_equal(np.asarray(back.convert("RGB")), rgb):
                sizes[name] = len(out.getvalue())
    return sizes


def gaussian_estimate(latents: np.ndarray, *, signal: float, noise: float) -> float:
    """Bits that noised latents carry about the clean ones if they were Gaussian; an estimate, no bound.

    latents_t = signal · latents + noise · ε, `latents` (c, h, w). ½ log2(1 + SNR) a coefficient, with each
    channel's own variance.
    """
    if noise <= 0:
        return math.inf
    variance = latents.reshape(latents.shape[0], -1).var(axis=1)  # (c,)
    per = 0.5 * np.log2(1 + signal ** 2 * variance / noise ** 2)
    return float(per.sum() * latents[0].size)


def diffc_estimate(kl_nats: Sequence[Sequence[float]]) -> tuple[float, float]:
    """Mean and standard error, in bits, of DiffC's sum of KL terms over noises; an estimate, no bound.

    `kl_nats` holds, for each of at least 8 noises, the KL of every step in nats. The model in dispute
    computes these terms, so what it remembers makes its own bill cheaper: never the axis of the plane.
    """
    if len(kl_nats) < 8:
        raise ValueError(f"at least 8 noises are needed for this estimate, got {len(kl_nats)}")
    sums = np.array([sum(steps) for steps in kl_nats]) / math.log(2)
    return float(sums.mean()), float(sums.std(ddof=1) / math.sqrt(len(sums)))
