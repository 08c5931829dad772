"""Settings hidden in the lowest bits of a picture's pixels, column by column ("stealth pnginfo").

In the alpha channel ("stealth_pnginfo", "stealth_pngcomp") or in red, green and blue in turn ("stealth_rgbinfo",
"stealth_rgbcomp"); the "comp" kinds are packed with gzip.
"""

from __future__ import annotations

import zlib

import numpy as np
from PIL import Image

MAX_BYTES = 2**20
_ALPHA = (b"stealth_pnginfo", b"stealth_pngcomp")
_COLOUR = (b"stealth_rgbinfo", b"stealth_rgbcomp")
_HEAD = 15  # characters of each mark


def hidden_text(image: Image.Image) -> str | None:
    """The hidden text of an RGBA or RGB picture; None without one (ValueError and zlib.error if it is damaged)."""
    bands = image.getbands()
    if bands == ("R", "G", "B", "A"):
        found = _read(np.asarray(image)[:, :, 3].T.reshape(-1), _ALPHA)
        if found is not None:
            return found
    if bands[:3] == ("R", "G", "B"):
        return _read(np.asarray(image)[:, :, :3].transpose(1, 0, 2).reshape(-1), _COLOUR)
    return None


def _read(channel: np.ndarray, marks: tuple[bytes, bytes]) -> str | None:
    head = (_HEAD + 4) * 8
    if channel.size <= head:
        return None
    start = np.packbits(channel[:head] & 1).tobytes()
    mark, bits = start[:_HEAD], int.from_bytes(start[_HEAD:], "big")
    if mark not in marks or not 0 < bits <= min(MAX_BYTES * 8, channel.size - head):
        return None
    body = np.packbits(channel[head:head + bits] & 1).tobytes()
    if mark == marks[1]:
        body = zlib.decompressobj(wbits=31).decompress(body, MAX_BYTES)
    return body.decode("utf-8")
