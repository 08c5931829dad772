"""WebP, JPEG and AVIF at several sizes: what that many bits buy without any image model."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from explorer.closeness.scores import compare

QUALITIES = (1, 5, 10, 20, 35, 50, 65, 80, 90, 95)
_OPTIONS = {"WebP": {"method": 6}, "JPEG": {"optimize": True}, "AVIF": {"speed": 6}}


@dataclass(frozen=True, eq=False)
class CodecFile:
    """A picture after a codec: its file's size and the (h, w, 3) uint8 that comes back from it."""

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
                files.append(CodecFile(codec, quality, len(out.getvalue()), np.array(back.convert("RGB"))))
    return files


def codec_curve(rgb: np.ndarray, *, score: str = "tiled_l2",
                qualities: Sequence[int] = QUALITIES) -> tuple[CodecPoint, ...]:
    """Bits and closeness of (h, w, 3) uint8 `rgb` to itself after each codec, by codec and size.

    Sizes are whole files, headers included: at 64 pixels these are most of a small file, as they are
    for anyone who would have to send one.
    """
    points = []
    for file in codec_files(rgb, qualities):
        (closeness,) = compare(rgb, file.rgb, only=[score]).values()
        points.append(CodecPoint(file.codec, file.quality, 8.0 * file.size_bytes, closeness))
    return tuple(sorted(points, key=lambda p: (p.codec, p.bits)))
