"""What a recipe was given, read from where its blobs lie: a picture, stored noise, or fitted words."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from explorer.diffusion.models import Model
from explorer.images.decode import read_png
from explorer.records import Recipe
from explorer.search.fit_size import fit

Blob = Callable[[str], bytes]  # by SHA-256


def start_picture(blob: Blob, recipe: Recipe, *,
                  read: Callable[[bytes], np.ndarray] = read_png) -> np.ndarray | None:
    """(h, w, 3) uint8: the picture that a recipe starts from, at its size; None for one from noise."""
    if recipe.start_sha256 is None:
        return None
    return fit(read(blob(recipe.start_sha256)), height_px=recipe.height_px, width_px=recipe.width_px)


def stored_noise(blob: Blob, recipe: Recipe, model: Model) -> np.ndarray | None:
    """(c, h, w) float32: stored noise that the recipe names; None for one from its seed's."""
    if recipe.noise_blob is None:
        return None
    return np.frombuffer(blob(recipe.noise_blob), "<f4").reshape(model.noise_shape(recipe))


def stored_words(blob: Blob, recipe: Recipe) -> bytes | None:
    """The code of the embedding that a recipe names; None for one with its prompt's own."""
    return None if recipe.embedding_blob is None else blob(recipe.embedding_blob)
