"""Recovery of hidden seeds, and what is named where there is none."""

from __future__ import annotations

import io
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from explorer.diffusion.autoencoder import Encoded
from explorer.diffusion.models import Model
from explorer.diffusion.sampling import sample
from explorer.images.decode import png_bytes, read_png
from explorer.records import Recipe
from explorer.records.scans import CLAIM_BELOW, REPEATS_AT
from explorer.search.fit_size import fit
from explorer.search.seed_recovery import BLOCK, _unit, chance_of_cosine, noise_block, scan
from explorer.settings import WORLD
from explorer.world.files import open_world
from explorer.world.manifest import load_small, read_manifest
from tests.benchmarks.race_works import Settings, Work, recipes

WAYS = ("plain", "png", "jpeg85", "crop5")


def rendered(model: Model, wanted: Sequence[Recipe], batch: int) -> list[np.ndarray]:
    """(h, w, 3) uint8 of each recipe."""
    found: list[np.ndarray] = []
    for first in range(0, len(wanted), batch):
        found += [image.rgb for image in sample(model, wanted[first:first + batch])]
    return found


def recovery(model: Model, works: Sequence[Work], settings: Settings, *, hidden: int, foreign: int,
             seeds: int) -> dict[str, Any]:
    """Share of hidden seeds named among `seeds`, by what was done to the image, and false claims.

    Half of the foreign images are works themselves, half were made by this model from seeds outside.
    """
    rng = np.random.default_rng(7)
    truth = rng.integers(0, seeds, hidden).tolist()
    made = rendered(model, [recipes(model, works[n % len(works)], settings, [s])[0]
                            for n, s in enumerate(truth)], settings.batch)
    outside = rng.integers(seeds, REPEATS_AT, foreign - foreign // 2).tolist()
    others = list(load_small(WORLD, [row["image"] for row in read_manifest(open_world())[:foreign // 2]]))
    others += rendered(model, [recipes(model, works[n % len(works)], settings, [s])[0]
                               for n, s in enumerate(outside)], settings.batch)
    pictures = [_changed(rgb, way) for way in WAYS for rgb in made] + others
    best, cosines = _scan(model, pictures, seeds)
    chances = np.array([chance_of_cosine(c, _dimensions(model)) * seeds for c in cosines.tolist()])
    claimed = chances < CLAIM_BELOW
    right = best[:len(WAYS) * hidden].reshape(len(WAYS), hidden) == np.array(truth)
    named = claimed[:len(WAYS) * hidden].reshape(len(WAYS), hidden) & right
    wrong = claimed[:len(WAYS) * hidden].reshape(len(WAYS), hidden) & ~right
    return {"recovered": {w: round(float(named[n].mean()), 4) for n, w in enumerate(WAYS)},
            "wrong_seed_claims": int(wrong.sum()), "hidden": hidden, "range": seeds, "foreign": len(others),
            "seed_false_claims": int(claimed[len(WAYS) * hidden:].sum()),
            "seed_false_claims_expected": round(CLAIM_BELOW * len(others), 2),
            "seed_least_chance": float(chances[len(WAYS) * hidden:].min()),
            "seeds_scanned_per_s": round(_speed(model, pictures[0]))}


def _dimensions(model: Model) -> int:
    channels, cell = model.family.latent_shape
    return channels * (model.info.default_size_px // cell) ** 2


def _latents(model: Model, rgb: np.ndarray) -> np.ndarray:
    return Encoded(model, rgb).draw(None)[0].float().cpu().numpy()


def _scan(model: Model, pictures: Sequence[np.ndarray], seeds: int) -> tuple[np.ndarray, np.ndarray]:
    """Each picture's best seed and its cosine, all pictures against every block of noise at once."""
    latents = [_latents(model, rgb) for rgb in pictures]
    targets = np.stack([_unit(one) for one in latents], 1)  # (d, pictures)
    best, cosines = np.zeros(len(pictures), np.int64), np.full(len(pictures), -1.0, np.float32)
    for first in range(0, seeds, BLOCK):
        block = np.arange(first, min(first + BLOCK, seeds), dtype=np.uint64)
        noise = noise_block(block, latents[0].shape, "torch-cpu")
        now = noise @ targets / np.linalg.norm(noise, axis=1)[:, None]  # (n, pictures)
        place = now.argmax(0)
        value = now[place, np.arange(len(pictures))]
        best = np.where(value > cosines, first + place, best)
        cosines = np.maximum(cosines, value)
    return best, cosines


def _speed(model: Model, rgb: np.ndarray, seeds: int = 3 * BLOCK) -> float:
    began = time.perf_counter()
    *_, _ = scan({"plain": _latents(model, rgb)}, first=0, stop=seeds)
    return seeds / (time.perf_counter() - began)


def _changed(rgb: np.ndarray, way: str) -> np.ndarray:
    """The picture as it comes back after being stored, or cut by 5% of its width and height."""
    side = rgb.shape[0]
    if way == "png":
        return read_png(png_bytes(rgb))
    if way == "jpeg85":
        out = io.BytesIO()
        Image.fromarray(rgb).save(out, "JPEG", quality=85)
        return np.asarray(Image.open(out).convert("RGB"))
    if way == "crop5":
        cut = max(1, round(side * 0.05))
        return fit(rgb[cut // 2:side - (cut - cut // 2), cut // 2:side - (cut - cut // 2)], height_px=side,
                   width_px=side)
    return rgb
