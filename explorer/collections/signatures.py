"""A picture's signature: 32 × 32 pixels, from which its perceptual hash and descriptor follow.

Hash: pHash (Zauner 2010, "Implementation and Benchmarking of Perceptual Image Hash Functions").
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from PIL import Image

SIDE = 32
LENGTH = 3 * SIDE * SIDE
LEAST_DETAIL = 3.0  # standard deviation of grey values; below it a picture is a blank page


def signature(rgb: np.ndarray) -> np.ndarray:
    """(3072,) uint8: three colour planes of (h, w, 3) uint8, stretched to a square: aspect does not count.

    Zeros everywhere stand for a picture that was never read, so black is 1.
    """
    small = Image.fromarray(np.ascontiguousarray(rgb), "RGB").resize((SIDE, SIDE), Image.Resampling.BOX)
    return np.maximum(np.asarray(small, np.uint8), 1).transpose(2, 0, 1).ravel()


def planes(signatures: np.ndarray) -> np.ndarray:
    """(n, 3, 32, 32) view of (n, 3072) signatures."""
    return signatures.reshape(-1, 3, SIDE, SIDE)


def grey(signatures: np.ndarray) -> np.ndarray:
    """(n, 32, 32) float32 brightness, ITU-R BT.601."""
    return np.einsum("ncyx,c->nyx", planes(signatures).astype(np.float32),
                     np.array([0.299, 0.587, 0.114], np.float32))


def mirrored(signatures: np.ndarray) -> np.ndarray:
    """(n, 3072): left and right exchanged."""
    return planes(signatures)[..., ::-1].reshape(len(signatures), -1)


def blank(signatures: np.ndarray) -> np.ndarray:
    """(n,) bool: too little detail for any comparison to mean something."""
    found = np.empty(len(signatures), bool)
    for at in range(0, len(signatures), 16_384):
        part = signatures[at:at + 16_384]
        found[at:at + len(part)] = grey(part).std(axis=(1, 2)) < LEAST_DETAIL
    return found


def hashes(signatures: np.ndarray) -> np.ndarray:
    """(n,) uint64: signs of the 8 × 8 lowest frequencies about their median, without the mean."""
    low = _frequencies(signatures)
    if not len(low):
        return np.empty(0, np.uint64)
    bits = low > np.median(low[:, 1:], axis=1, keepdims=True)
    return np.packbits(bits, axis=1).view(">u8").ravel().astype(np.uint64)


def distance(a: np.ndarray | np.uint64, b: np.ndarray | np.uint64) -> np.ndarray:
    """Bits that differ between hashes, 0 to 64."""
    return _ones()[np.bitwise_xor(a, b)[..., None].view(np.uint8)].sum(axis=-1)


def descriptors(signatures: np.ndarray) -> np.ndarray:
    """(n, 64) float32, L2-normalised: the lowest frequencies without the mean (which is 0). Pictures that
    are the same but for a small crop are near in cosine; so are many that only look alike."""
    low = _frequencies(signatures)
    low[:, 0] = 0
    return low / (np.linalg.norm(low, axis=1, keepdims=True) + 1e-6)


def _frequencies(signatures: np.ndarray) -> np.ndarray:
    """(n, 64) float32: the 8 × 8 lowest frequencies."""
    basis, found = _cosines(), np.empty((len(signatures), 64), np.float32)
    for at in range(0, len(signatures), 16_384):
        x = grey(signatures[at:at + 16_384])
        found[at:at + len(x)] = (basis @ x @ basis.T).reshape(len(x), 64)
    return found


@lru_cache(maxsize=1)
def _cosines() -> np.ndarray:
    """(8, 32) float32: the eight lowest rows of the discrete cosine transform."""
    k, n = np.arange(8)[:, None], np.arange(SIDE)[None]
    return np.cos(np.pi * k * (2 * n + 1) / (2 * SIDE)).astype(np.float32)


@lru_cache(maxsize=1)
def _ones() -> np.ndarray:
    """(256,) number of set bits of each byte."""
    return np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).sum(axis=1)
