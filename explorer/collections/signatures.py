"""A picture's signature: 32 × 32 grey values, from which its perceptual hash and its likeness follow.

Hash: pHash (Zauner 2010, "Implementation and Benchmarking of Perceptual Image Hash Functions").
Likeness: the best correlation of two signatures over mirroring and small crops of either.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from PIL import Image

SIDE = 32
LEAST_DETAIL = 3.0  # standard deviation of grey values; below it a picture is a blank page
CROPS = (0.95, 0.90, 0.85)  # share of the side that a small crop keeps


def signature(rgb: np.ndarray) -> np.ndarray:
    """(1024,) uint8 grey values of (h, w, 3) uint8, stretched to a square: aspect does not count."""
    grey = Image.fromarray(np.ascontiguousarray(rgb), "RGB").convert("L")
    return np.asarray(grey.resize((SIDE, SIDE), Image.Resampling.BOX), np.uint8).ravel()


def mirrored(signatures: np.ndarray) -> np.ndarray:
    """(n, 1024): left and right exchanged."""
    return signatures.reshape(-1, SIDE, SIDE)[:, :, ::-1].reshape(len(signatures), -1)


def blank(signatures: np.ndarray) -> np.ndarray:
    """(n,) bool: too little detail for any comparison to mean something."""
    return signatures.astype(np.float32).std(axis=1) < LEAST_DETAIL


def hashes(signatures: np.ndarray) -> np.ndarray:
    """(n,) uint64: signs of the 8 × 8 lowest frequencies about their median, without the mean."""
    if not len(signatures):
        return np.empty(0, np.uint64)
    found = []
    basis = _cosines()  # (8, 32)
    for at in range(0, len(signatures), 16_384):
        x = signatures[at:at + 16_384].reshape(-1, SIDE, SIDE).astype(np.float32)
        low = (basis @ x @ basis.T).reshape(len(x), 64)
        bits = low > np.median(low[:, 1:], axis=1, keepdims=True)
        found.append(np.packbits(bits, axis=1).view(">u8").ravel().astype(np.uint64))
    return np.concatenate(found)


def distance(a: np.ndarray | np.uint64, b: np.ndarray | np.uint64) -> np.ndarray:
    """Bits that differ between hashes, 0 to 64."""
    return _ones()[np.bitwise_xor(a, b)[..., None].view(np.uint8)].sum(axis=-1)


def likeness(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(m,) float32 in [-1, 1]: best correlation of pairs of (m, 1024) signatures, row by row.

    Each is compared with the other as it is, mirrored, and cropped a little at nine places. Brightness,
    contrast and aspect do not count. It cannot see copies that are turned, or small parts of a picture.
    """
    best = np.full(len(a), -1, np.float32)
    for at in range(0, len(a), 4096):
        x, y = (v[at:at + 4096].astype(np.float32).reshape(-1, SIDE, SIDE) for v in (a, b))
        part = best[at:at + 4096]
        for left, right in ((x, y), (x, y[:, :, ::-1]), (y, x), (y, x[:, :, ::-1])):
            fixed = _standard(right)
            for rows, columns in _windows():
                np.maximum(part, (_standard(rows @ left @ columns.T) * fixed).sum(axis=(1, 2)), out=part)
    return best


def crops(signatures: np.ndarray) -> list[np.ndarray]:
    """The signatures cropped about the centre by each of CROPS, each (n, 1024) uint8."""
    x = signatures.astype(np.float32).reshape(-1, SIDE, SIDE)
    cut = [_sampling(share, (1 - share) / 2) for share in CROPS]
    return [(c @ x @ c.T).clip(0, 255).astype(np.uint8).reshape(len(x), -1) for c in cut]


def _standard(x: np.ndarray) -> np.ndarray:
    """Mean 0 and length 1 each, so that a product summed is a correlation."""
    x = x - x.mean(axis=(1, 2), keepdims=True)
    return x / (np.sqrt((x * x).sum(axis=(1, 2), keepdims=True)) + 1e-6)


@lru_cache(maxsize=1)
def _windows() -> list[tuple[np.ndarray, np.ndarray]]:
    """Sampling matrices of the whole picture and of small crops at nine places."""
    found = [(np.eye(SIDE, dtype=np.float32),) * 2]
    for share in CROPS:
        places = [_sampling(share, start) for start in (0, (1 - share) / 2, 1 - share)]
        found += [(rows, columns) for rows in places for columns in places]
    return found


def _sampling(share: float, start: float) -> np.ndarray:
    """(32, 32) float32: linear sampling of a part [start, start + share] of a side of length 1."""
    at = ((np.arange(SIDE) + 0.5) / SIDE * share + start) * SIDE - 0.5
    at = at.clip(0, SIDE - 1)
    low = np.minimum(at.astype(int), SIDE - 2)
    matrix = np.zeros((SIDE, SIDE), np.float32)
    matrix[np.arange(SIDE), low] = 1 - (at - low)
    matrix[np.arange(SIDE), low + 1] = at - low
    return matrix


@lru_cache(maxsize=1)
def _cosines() -> np.ndarray:
    """(8, 32) float32: the eight lowest rows of the discrete cosine transform."""
    k, n = np.arange(8)[:, None], np.arange(SIDE)[None]
    return np.cos(np.pi * k * (2 * n + 1) / (2 * SIDE)).astype(np.float32)


@lru_cache(maxsize=1)
def _ones() -> np.ndarray:
    """(256,) number of set bits of each byte."""
    return np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).sum(axis=1)
