"""A finished image and the hash of every stage that led to it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

import numpy as np

from explorer.images.decode import png_bytes
from explorer.records import Recipe


@dataclass(frozen=True, eq=False)
class Rendered:
    """A finished image: `rgb` (h, w, 3) uint8, its PNG, final `latents` (c, h, w) float32, all hashed.

    `flagged` is the safety checker's word where the model has one; the picture itself is left as it is.
    """

    recipe: Recipe
    rgb: np.ndarray
    png: bytes
    latents: np.ndarray
    hashes: dict[str, str]  # SHA-256 of "noise", "latents", "array", "png"
    unet_evaluations: int
    flagged: bool = False


def rendered(recipe: Recipe, rgb: np.ndarray, latents: np.ndarray, *, noise_sha256: str,
             unet_evaluations: int, flagged: bool = False) -> Rendered:
    """A Rendered with its PNG and hashes made; `noise_sha256` "" where the noise is not known."""
    png = png_bytes(rgb)
    hashes = {"latents": sha256_array(latents), "array": sha256_array(rgb),
              "png": hashlib.sha256(png).hexdigest()}
    if noise_sha256:
        hashes = {"noise": noise_sha256} | hashes
    return Rendered(recipe, rgb, png, latents, hashes, unet_evaluations, flagged)


def sha256_array(array: np.ndarray) -> str:
    """SHA-256 over dtype, shape and C-ordered bytes."""
    head = json.dumps([str(array.dtype), list(array.shape)]).encode()
    return hashlib.sha256(head + np.ascontiguousarray(array).tobytes()).hexdigest()


def noise_bytes(noise: np.ndarray) -> bytes:
    """The blob that a recipe's `noise_blob` names: (c, h, w) as little-endian float32, C order, no header."""
    return np.ascontiguousarray(noise, "<f4").tobytes()


def noise_blob(noise: np.ndarray) -> str:
    """SHA-256 of `noise_bytes`, as recipes hold it."""
    return hashlib.sha256(noise_bytes(noise)).hexdigest()
