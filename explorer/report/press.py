"""A picture for an article: subject and replay side by side, pixel for pixel, with caption and method below."""

from __future__ import annotations

import importlib.util
import textwrap
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from explorer.images.decode import png_bytes

SIDE_PX = 512  # each picture is enlarged by a whole number, so that single pixels stay square
GAP_PX = 24
TITLE_PX, TEXT_PX = 24, 17
LETTERS = 108  # of a line of text below the pictures


def press_picture(subject_rgb: np.ndarray, replay_rgb: np.ndarray, *, labels: tuple[str, str], title: str,
                  lines: Sequence[str]) -> bytes:
    """PNG of two (h, w, 3) uint8 of one size side by side, their labels, and lines of text below them.

    The pictures are enlarged by repeating pixels and never resampled. ValueError if their sizes differ.
    """
    if subject_rgb.shape != replay_rgb.shape:
        raise ValueError("the two pictures must have one size")
    factor = max(1, SIDE_PX // max(subject_rgb.shape[:2]))
    pair = [np.repeat(np.repeat(rgb, factor, axis=0), factor, axis=1) for rgb in (subject_rgb, replay_rgb)]
    height, width = pair[0].shape[:2]
    text = [part for line in lines for part in textwrap.wrap(line, LETTERS)]
    top = 2 * GAP_PX + TITLE_PX
    total = top + height + GAP_PX + (len(text) + 1) * (TEXT_PX + 7) + GAP_PX
    sheet = Image.new("RGB", (max(2 * width + 3 * GAP_PX, 2 * SIDE_PX + 3 * GAP_PX), total), "white")
    pen = ImageDraw.Draw(sheet)
    pen.text((GAP_PX, GAP_PX), title, fill="#1f2328", font=_font(TITLE_PX))
    below = top + height + 8
    for number, (rgb, label) in enumerate(zip(pair, labels, strict=True)):
        left = GAP_PX + number * (width + GAP_PX)
        sheet.paste(Image.fromarray(rgb, "RGB"), (left, top))
        pen.rectangle((left - 1, top - 1, left + width, top + height), outline="#7d8288")
        pen.text((left, below), label, fill="#1f2328", font=_font(TEXT_PX))
    for number, line in enumerate(text, 1):
        pen.text((GAP_PX, below + number * (TEXT_PX + 7)), line, fill="#4a5056",
                 font=_font(TEXT_PX))
    return png_bytes(np.asarray(sheet))


def _font(size_px: int) -> ImageFont.FreeTypeFont:
    """DejaVu Sans as matplotlib brings it: Pillow's own font lacks most letters of artists' names."""
    place = importlib.util.find_spec("matplotlib")
    folder = Path(place.origin).parent if place and place.origin else Path()
    return ImageFont.truetype(folder / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf", size_px)
