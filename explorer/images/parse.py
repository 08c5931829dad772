"""What a file says of itself, as plain JSON values; runs only inside the sandbox process (see sandbox.py).

Everything here is a claim by whoever wrote the file. Raw blocks are kept beside what was parsed, cut
at a stated length, so that nothing rests on a parser's reading alone.
"""

from __future__ import annotations

import contextlib
import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from typing import Any

from PIL import ExifTags, Image

from explorer.images.c2pa_check import check_c2pa
from explorer.images.formats import PILLOW_NAMES, kind_of
from explorer.images.settings.claims import Generation
from explorer.images.settings.containers import hidden, texts_of, xmp_fields
from explorer.images.settings.encodings import exif_comment
from explorer.images.settings.read_settings import FileText, read_settings
from explorer.records import to_json

MAX_TEXT = 65_536  # characters of one raw block that are kept
MAX_BLOCKS = 200


def parse(data: bytes) -> dict[str, Any]:
    """Raw blocks, generation settings, EXIF, XMP and C2PA state of an image file."""
    kind = kind_of(data)
    blocks = list(_limited(_blocks(data, kind)))
    raw = [_block(name, body) for name, body in blocks]
    xmp_text = next((_text(body) for name, body in blocks if "xmp" in name.lower()), "")
    exif: dict[str, str] = {}
    generation: list[Generation] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with _opened(data, kind) as image:
            if image is not None:
                with contextlib.suppress(Exception):  # Pillow raises whatever a damaged block makes it raise
                    exif = _exif(image)
                    xmp_text = xmp_text or _text(image.info.get("xmp", b""))
            generation = _settings(image, texts_of(image, blocks, xmp_text))
    return {"raw": raw, "generation": to_json(generation), "exif": exif, "xmp": xmp_text[:MAX_TEXT],
            "xmp_fields": xmp_fields(xmp_text), "c2pa": check_c2pa(data, kind)}


@contextlib.contextmanager
def _opened(data: bytes, kind: str) -> Iterator[Image.Image | None]:
    """The picture, its header read; None where Pillow cannot read that."""
    try:
        image = Image.open(io.BytesIO(data), formats=[PILLOW_NAMES.get(kind, kind)])
    except Exception:
        yield None
        return
    with image:
        yield image


def _settings(image: Image.Image | None, items: list[FileText]) -> list[Generation]:
    """What the texts tell of; without any, what is hidden in the pixels."""
    found = read_settings(items, size=None if image is None else image.size)
    if found or image is None or image.format not in ("PNG", "WEBP"):
        return found
    return read_settings(hidden(image), size=image.size)


def _limited(blocks: Iterator) -> Iterator:
    """At most MAX_BLOCKS blocks; a malformed rest ends the list quietly."""
    with contextlib.suppress(struct.error, ValueError, IndexError, zlib.error):
        for i, block in enumerate(blocks):
            if i >= MAX_BLOCKS:
                return
            yield block


def _block(name: str, body: bytes) -> dict[str, Any]:
    text = _text(body)
    return {"name": name, "text": text[:MAX_TEXT], "bytes": len(body), "cut": len(text) > MAX_TEXT}


def _text(body: bytes | str) -> str:
    """Text as UTF-8, else the first bytes in hexadecimal."""
    if isinstance(body, str):
        return body
    try:
        text = body.decode("utf-8").rstrip("\0")
        if sum(c < " " and c not in "\t\r\n" for c in text[:4096]) <= 2:
            return text
    except UnicodeDecodeError:
        pass
    return body[:256].hex(" ") + (" …" if len(body) > 256 else "")


def _blocks(data: bytes, kind: str) -> Iterator[tuple[str, bytes]]:
    if kind == "PNG":
        yield from _png_blocks(data)
    elif kind == "JPEG":
        yield from _jpeg_blocks(data)
    elif kind == "WebP":
        yield from _webp_blocks(data)


def _png_blocks(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Every chunk that is not pixels; text chunks unpacked (at most 4 MB each)."""
    at = 8
    while at + 12 <= len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + length]
        at += 12 + length
        if kind == b"IEND":
            if len(data) > at:
                yield "bytes after the end of the picture", data[at:]
            return
        if kind in (b"tEXt", b"zTXt", b"iTXt"):
            yield _png_text(kind, body)
        elif kind not in (b"IHDR", b"IDAT", b"PLTE", b"fdAT", b"fcTL", b"tRNS"):
            yield f"PNG {kind.decode('latin-1')}", body


def _png_text(kind: bytes, body: bytes) -> tuple[str, bytes]:
    key, _, rest = body.partition(b"\0")
    if kind == b"zTXt":
        rest = zlib.decompressobj().decompress(rest[1:], 2**22)
    elif kind == b"iTXt":
        packed, rest = rest[:1] == b"\1", rest[2:].split(b"\0", 2)[2]
        rest = zlib.decompressobj().decompress(rest, 2**22) if packed else rest
    return f"PNG {kind.decode()} {key.decode('latin-1')}", rest if kind == b"iTXt" else _utf8(rest)


def _utf8(body: bytes) -> bytes:
    """PNG's Latin-1 text as UTF-8; text that is UTF-8 already (as some generators write) is kept."""
    try:
        body.decode("utf-8")
        return body
    except UnicodeDecodeError:
        return body.decode("latin-1").encode()


def _jpeg_blocks(data: bytes) -> Iterator[tuple[str, bytes]]:
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != 0xDA:
        marker, length = data[at + 1], struct.unpack(">H", data[at + 2:at + 4])[0]
        body = data[at + 4:at + 2 + length]
        at += 2 + length
        if marker == 0xFE:
            yield "JPEG comment", body
        elif 0xE1 <= marker <= 0xEF:
            name = body.split(b"\0", 1)[0][:40].decode("latin-1")
            is_xmp = name.startswith("http://ns.adobe.com/xap")
            yield (f"JPEG APP{marker - 0xE0} {'XMP' if is_xmp else name}",
                   body.split(b"\0", 1)[1] if is_xmp and b"\0" in body else body)


def _webp_blocks(data: bytes) -> Iterator[tuple[str, bytes]]:
    at = 12
    while at + 8 <= len(data):
        kind, length = data[at:at + 4], struct.unpack("<I", data[at + 4:at + 8])[0]
        if kind in (b"EXIF", b"XMP ", b"C2PA", b"ICCP"):
            yield f"WebP {kind.decode().strip()}", data[at + 8:at + 8 + length]
        at += 8 + length + length % 2


def _exif(image: Image.Image) -> dict[str, str]:
    """EXIF values as text by the standard's names, the camera's and the GPS block too."""
    found: dict[str, str] = {}
    block = image.getexif()
    groups = [(block, ExifTags.TAGS), (block.get_ifd(0x8769), ExifTags.TAGS),
              (block.get_ifd(0x8825), ExifTags.GPSTAGS)]
    for values, names in groups:
        for tag, value in list(values.items())[:MAX_BLOCKS]:
            name = str(names.get(tag, f"tag {tag:#06x}"))
            if name not in ("ExifOffset", "GPSInfo", "MakerNote", "XMLPacket"):
                found[name] = exif_comment(value)[:MAX_TEXT] if name == "UserComment" and isinstance(
                    value, (bytes, str)) else _text_of(value)[:4096]
    return found


def _text_of(value: Any) -> str:
    return _text(value) if isinstance(value, bytes) else str(value)
