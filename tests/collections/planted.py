"""Copies planted on purpose: eight ways in which a picture comes back changed but the same."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageEnhance, ImageOps


def _again(image: Image.Image, kind: str, **options) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return Image.open(io.BytesIO(buffer.getvalue())).convert("RGB")


def _cropped(image: Image.Image, share: float, rng: np.random.Generator) -> Image.Image:
    w, h = round(image.width * share), round(image.height * share)
    x, y = (int(rng.integers(0, full - part + 1)) for full, part in ((image.width, w), (image.height, h)))
    return image.crop((x, y, x + w, y + h))


def _scaled(image: Image.Image, wide: float, high: float) -> Image.Image:
    return image.resize((max(8, round(image.width * wide)), max(8, round(image.height * high))),
                        Image.Resampling.BICUBIC)


KINDS: dict[str, Callable[[Image.Image, np.random.Generator], Image.Image]] = {
    "jpeg 30": lambda i, r: _again(i, "JPEG", quality=30),
    "webp 20": lambda i, r: _again(i, "WEBP", quality=20),
    "half size": lambda i, r: _scaled(i, 0.5, 0.5),
    "stretched": lambda i, r: _scaled(i, 1.15, 0.9),
    "cropped": lambda i, r: _cropped(i, float(r.uniform(0.88, 0.97)), r),
    "mirrored": lambda i, r: ImageOps.mirror(i),
    "brighter": lambda i, r: ImageEnhance.Contrast(ImageEnhance.Brightness(i).enhance(1.12)).enhance(0.85),
    "all at once": lambda i, r: _again(ImageOps.mirror(_scaled(_cropped(i, 0.94, r), 0.7, 0.7)), "JPEG",
                                       quality=60),
}


def plant(rgb: np.ndarray, kind: str, seed: int) -> np.ndarray:
    """A copy (h', w', 3) uint8 of a picture (h, w, 3) uint8, changed in one of the KINDS."""
    return np.asarray(KINDS[kind](Image.fromarray(rgb), np.random.default_rng(seed)))
