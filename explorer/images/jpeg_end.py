"""JPEG files that lack only their end mark, which some programs and broken copies leave out."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

END = b"\xff\xd9"
PROBE = 24  # bytes taken off the end: they hold a few blocks of the picture, wherever it stops
BLOCK_PX = 16  # the tallest row of blocks
SMOOTHED_PX = 2  # rows above it that colours are smoothed into


def lacks_only_its_end(data: bytes) -> bool:
    """Whether a JPEG without an end mark holds the whole picture all the same.

    A cut file is filled up in grey from where it stops. So a few bytes are taken off: only in a whole picture do
    they change nothing above the last row of blocks. Progressive files change everywhere and are taken for cut.
    """
    if END in data[-64:] or len(data) < 4 * PROBE:
        return False
    whole, less = (np.asarray(_opened(part + END)) for part in (data, data[:-PROBE]))
    rows = np.flatnonzero((whole != less).reshape(len(whole), -1).any(axis=1))
    last = (len(whole) - 1) // BLOCK_PX * BLOCK_PX
    return bool(len(rows)) and int(rows[0]) >= last - SMOOTHED_PX


def _opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data), formats=["JPEG"])
    image.load()
    return image
