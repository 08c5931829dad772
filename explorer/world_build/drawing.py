"""Draw works on white and measure what a classifier could see without any model."""

from __future__ import annotations

import io
import warnings
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from explorer.world.files import DISPLAY_PX

MAX_SIDE_PX = 8000
WEBP_QUALITY = 80
BOMBS = (Image.DecompressionBombError, Image.DecompressionBombWarning)


def display_copy(png: Path) -> bytes | None:
    """WebP of one work on white, aspect kept, centred in 256 × 256 px; None if unreadable."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(png, formats=["PNG"]) as opened:
                image = opened.convert("RGBA") if max(opened.size) <= MAX_SIDE_PX else None
    except (OSError, SyntaxError, ValueError, *BOMBS):
        return None
    if image is None:
        return None
    image = _fit(image, DISPLAY_PX)
    canvas = Image.new("RGBA", (DISPLAY_PX, DISPLAY_PX), "white")
    corner = ((DISPLAY_PX - image.width) // 2, (DISPLAY_PX - image.height) // 2)
    canvas.alpha_composite(image, corner)
    out = io.BytesIO()
    canvas.convert("RGB").save(out, "WEBP", quality=WEBP_QUALITY, method=6)
    return out.getvalue()


def _fit(image: Image.Image, side: int) -> Image.Image:
    """Scale so that the longer side is `side`; premultiplied, so that edges stay clean."""
    scale = side / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.convert("RGBa").resize(size, Image.Resampling.LANCZOS).convert("RGBA")


def complexity_bytes(pixels: np.ndarray) -> int:
    """Visual complexity: bytes of the 64 px image after deflate at level 9."""
    return len(zlib.compress(np.ascontiguousarray(pixels).tobytes(), 9))


def near_blank(pixels: np.ndarray) -> bool:
    """Whether under 2% of pixels differ from white by more than 24 of 255."""
    ink = (255 - pixels.astype(np.int16)).max(axis=-1)
    return bool((ink > 24).mean() < 0.02)


def plain_features(pixels: np.ndarray, caption: str, keywords: int) -> list[float]:
    """Model-free features of a work: complexity, colour, ink and caption length."""
    x = pixels.astype(np.float32) / 255
    ink = (1 - x).max(axis=-1)
    return [
        np.log(complexity_bytes(pixels)), *x.mean(axis=(0, 1)), *x.std(axis=(0, 1)),
        float((ink > 0.1).mean()), float((x.max(-1) - x.min(-1)).mean()),
        float(np.abs(np.diff(x.mean(-1), axis=0)).mean()), len(caption), keywords,
    ]  # fmt: skip
