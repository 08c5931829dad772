"""The one door for images from outside: bytes in, 8-bit sRGB pixels out, or one sentence why not."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from PIL import Image, PngImagePlugin

from explorer.errors import ExplorerError
from explorer.images.formats import check_kind, check_size, shown_name
from explorer.images.sandbox import Sandbox, SandboxFailure, shared_sandbox
from explorer.texts import say


@dataclass(frozen=True)
class Picture:
    """A decoded image. `sha256` is of the original bytes; `notes` say what decoding had to change."""

    rgb: np.ndarray  # (height_px, width_px, 3) uint8, sRGB
    format: str  # "PNG", "JPEG", "WebP", "GIF", "TIFF", "BMP" or "AVIF"
    width_px: int
    height_px: int
    sha256: str
    notes: tuple[str, ...] = ()


def open_image(data: bytes, *, name: str = "", sandbox: Sandbox | None = None) -> Picture:
    """Decode an untrusted file in the sandbox process.

    The format is told by content; allowed are PNG, JPEG, WebP, GIF (first frame), TIFF, BMP and AVIF.
    EXIF orientation is applied, ICC colours become sRGB, 16 bits become 8, transparency lies on white.
    ExplorerError in one sentence, with the file's `name`, for everything that is refused.
    """
    check_kind(data, name=name)
    try:
        header, body = (sandbox or shared_sandbox()).call({"op": "decode", "name": name}, data)
    except SandboxFailure as failure:
        raise ExplorerError("images.decode_refused", shown_name=shown_name(name),
                            why=say(f"note.sandbox.{failure.reason}")) from failure
    width, height = int(header["width_px"]), int(header["height_px"])
    check_size(width, height, name=name)
    if len(body) != 3 * width * height:
        raise ExplorerError("images.decode_refused", shown_name=shown_name(name), why=say("note.sandbox.crash"))
    rgb = np.frombuffer(body, np.uint8).reshape(height, width, 3)
    return Picture(rgb=rgb, format=str(header["format"]), width_px=width, height_px=height,
                   sha256=hashlib.sha256(data).hexdigest(), notes=tuple(map(str, header["notes"])))


def png_bytes(rgb: np.ndarray, *, text: Mapping[str, str] | None = None) -> bytes:
    """A PNG of (h, w, 3) uint8 pixels with fixed settings; no metadata but `text`, its keys sorted.

    The same pixels give the same bytes with the same Pillow and zlib.
    """
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3:
        raise ValueError(f"expected (h, w, 3) uint8, got {rgb.shape} {rgb.dtype}")
    info = PngImagePlugin.PngInfo()
    for key in sorted(text or {}):
        info.add_itxt(key, text[key])
    out = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(rgb), "RGB").save(out, "PNG", compress_level=6, pnginfo=info)
    return out.getvalue()


def read_png(data: bytes) -> np.ndarray:
    """(h, w, 3) uint8 of a PNG that `png_bytes` made; ExplorerError for any other file.

    For our own blobs only: it decodes in this process. Files from outside go through `open_image`.
    """
    try:
        if data[:8] != b"\x89PNG\r\n\x1a\n" or data[12:16] != b"IHDR" or data[24:29] != b"\x08\x02\0\0\0":
            raise ValueError("not an 8-bit RGB PNG")
        check_size(int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big"))
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            return np.array(image.convert("RGB"))
    except (OSError, ValueError, SyntaxError) as error:
        raise ExplorerError("images.decode_stored_picture_damaged") from error
