"""Pictures made after a work by changing its pixels: cropped, as if photographed, saved as JPEG; three grades."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageFilter

CROP = {1: 0.08, 2: 0.16, 3: 0.28}  # share of the side that is cut away
QUALITY = {1: 60, 2: 25, 3: 8}
TILT = {1: 2.0, 2: 5.0, 3: 9.0}  # degrees


def cropped(image: Image.Image, grade: int, rng: np.random.Generator) -> Image.Image:
    """A part of the picture, enlarged to its size."""
    side = image.width
    cut = round(CROP[grade] * side)
    left, top = (int(v) for v in rng.integers(0, cut + 1, 2))
    return image.crop((left, top, left + side - cut, top + side - cut)).resize(image.size, Image.Resampling.LANCZOS)


def photographed(image: Image.Image, grade: int, rng: np.random.Generator) -> Image.Image:
    """Tilted, out of focus, unevenly lit and grainy, as a photograph of a print."""
    turned = image.rotate(float(rng.choice((-1, 1))) * TILT[grade], Image.Resampling.BICUBIC, fillcolor="white")
    soft = turned.filter(ImageFilter.GaussianBlur(0.4 * grade * image.width / 128))
    x = np.asarray(soft, np.float32)
    ramp = np.linspace(1, 1 - 0.1 * grade, x.shape[1])[None, :, None]
    warm = np.array([1.0, 1 - 0.02 * grade, 1 - 0.05 * grade])
    lit = x * (ramp if rng.random() < 0.5 else ramp[:, ::-1]) * warm + rng.normal(0, 3 * grade, x.shape)
    return Image.fromarray(lit.clip(0, 255).round().astype(np.uint8))


def jpeg(image: Image.Image, grade: int, rng: np.random.Generator) -> Image.Image:
    """Saved as JPEG and opened again."""
    out = io.BytesIO()
    image.save(out, "JPEG", quality=QUALITY[grade])
    with Image.open(out, formats=["JPEG"]) as again:
        return again.convert("RGB")


KINDS = {"crop": cropped, "photograph": photographed, "jpeg": jpeg}
