"""WebP, JPEG, AVIF and thumbnails at several sizes: what that many bits buy without any image model.

A replay's bits pay for no file header, so neither do these: what every file of a codec, size and quality has is a
rule that both sides have. JPEG (ITU-T T.81) pays from its scan on, with the standard's own Huffman tables; WebP
(RFC 9649) for its frame without the 10 bytes of frame header; AVIF for its media data. All pay for their quality.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from explorer.closeness.pixel_scores import compare

QUALITIES = (1, 5, 10, 20, 35, 50, 65, 80, 90, 95)
_OPTIONS = {"WebP": {"method": 6}, "JPEG": {"optimize": False}, "AVIF": {"speed": 6}}
SIDES = (1, 2, 3, 4, 6, 8, 12, 16)  # of thumbnails
PIXEL_BITS = 12  # of a thumbnail's pixel: four a colour
THUMBNAIL = "thumbnail"


@dataclass(frozen=True, eq=False)
class CodecFile:
    """A picture after a codec: its size without what every such file has, and what comes back, (h, w, 3) uint8."""

    codec: str
    quality: int
    size_bytes: int
    rgb: np.ndarray


@dataclass(frozen=True)
class CodecPoint:
    """One point of a codec's curve: closeness to the picture itself at that many bits."""

    codec: str
    quality: int
    bits: float
    closeness: float


def codec_files(rgb: np.ndarray, qualities: Sequence[int] = QUALITIES) -> list[CodecFile]:
    """The picture through each codec at each quality."""
    files = []
    for codec, options in _OPTIONS.items():
        for quality in qualities:
            out = io.BytesIO()
            Image.fromarray(rgb, "RGB").save(out, codec.upper(), quality=quality, **options)
            with Image.open(io.BytesIO(out.getvalue())) as back:
                size = payload(codec, out.getvalue())
                files.append(CodecFile(codec, quality, size, np.array(back.convert("RGB"))))
    return files


def codec_curve(rgb: np.ndarray, *, score: str = "tiled_l2",
                qualities: Sequence[int] = QUALITIES) -> tuple[CodecPoint, ...]:
    """Bits and closeness of (h, w, 3) uint8 `rgb` to itself after each codec, by codec and size.

    Thumbnails of k × k pixels, enlarged, stand beside the codecs: at few bits they come closer than any of them.
    """
    points = [_thumbnail(rgb, side, score) for side in SIDES if side <= min(rgb.shape[:2])]
    choice = math.log2(len(qualities))
    for file in codec_files(rgb, qualities):
        (closeness,) = compare(rgb, file.rgb, only=[score]).values()
        points.append(CodecPoint(file.codec, file.quality, 8.0 * file.size_bytes + choice, closeness))
    return tuple(sorted(points, key=lambda p: (p.codec, p.bits)))


def payload(codec: str, data: bytes) -> int:
    """Bytes of a file that depend on the picture, as the head of this file says."""
    if codec == "JPEG":
        scan = data.index(b"\xff\xda")
        return len(data) - (scan + 2 + int.from_bytes(data[scan + 2:scan + 4], "big")) - 2  # the end's mark
    if codec == "WebP":
        frame = data.index(b"VP8 ")
        return int.from_bytes(data[frame + 4:frame + 8], "little") - 10
    return len(data) - data.index(b"mdat") - 4


def _thumbnail(rgb: np.ndarray, side: int, score: str) -> CodecPoint:
    """A picture as side × side pixels of four bits a colour, enlarged again; its bits pay for which side it is."""
    small = Image.fromarray(rgb, "RGB").resize((side, side), Image.Resampling.BOX)
    coarse = np.round(np.asarray(small) / 17).astype(np.uint8) * 17  # sixteen levels
    large = Image.fromarray(coarse, "RGB").resize(rgb.shape[1::-1], Image.Resampling.BICUBIC)
    (closeness,) = compare(rgb, np.asarray(large), only=[score]).values()
    return CodecPoint(THUMBNAIL, side, float(PIXEL_BITS * side * side) + math.log2(len(SIDES)), closeness)
