"""SVG to pixels: display copies of the emoji sets, on white."""

from __future__ import annotations

import io

import resvg_py
from PIL import Image

EMOJI_PX = 128  # side of their display copies: flat drawings gain nothing from more
WEBP_QUALITY = 80


def rendered(svg: str, side: int = EMOJI_PX) -> Image.Image:
    """RGB image of an SVG on white; ValueError where it is no SVG."""
    png = resvg_py.svg_to_bytes(svg_string=svg, width=side, height=side, background="#ffffff",
                                skip_system_fonts=True)
    with Image.open(io.BytesIO(bytes(png)), formats=["PNG"]) as image:
        image = image.convert("RGB")
    if image.size == (side, side):
        return image
    canvas = Image.new("RGB", (side, side), "white")  # an SVG that is not square
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    canvas.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    return canvas


def webp(image: Image.Image) -> bytes:
    """Display copy."""
    out = io.BytesIO()
    image.save(out, "WEBP", quality=WEBP_QUALITY, method=4)
    return out.getvalue()
