"""What a file is, told by its first bytes and never by its name; no decoding happens here."""

from __future__ import annotations

from explorer.errors import ExplorerError
from explorer.texts import say

MAX_BYTES = 192 * 2**20  # a 16-bit TIFF of 24 megapixels is 144 MB
MAX_PIXELS = 64_000_000
MAX_SIDE_PX = 30_000
ALLOWED = ("PNG", "JPEG", "WebP", "GIF", "TIFF", "BMP", "AVIF")
PILLOW_NAMES = {"WebP": "WEBP"}

_FIRST_BYTES = (
    (b"\x89PNG\r\n\x1a\n", "PNG"), (b"\xff\xd8\xff", "JPEG"), (b"GIF87a", "GIF"), (b"GIF89a", "GIF"),
    (b"II*\x00", "TIFF"), (b"MM\x00*", "TIFF"), (b"II+\x00", "TIFF"), (b"MM\x00+", "TIFF"), (b"BM", "BMP"),
    (b"%PDF", "pdf"), (b"%!PS", "postscript"), (b"\xc5\xd0\xd3\xc6", "postscript"),
    (b"8BPS", "photoshop"), (b"PK\x03\x04", "zip_or_office"), (b"PK\x05\x06", "zip"), (b"Rar!", "rar"),
    (b"7z\xbc\xaf", "7z"), (b"\x1f\x8b", "gzip"), (b"\xff\x0a", "jpeg_xl"),
    (b"\x00\x00\x00\x0cJXL ", "jpeg_xl"), (b"\x00\x00\x00\x0cjP  ", "jpeg_2000"),
    (b"\xff\x4f\xff\x51", "jpeg_2000"), (b"\x00\x00\x01\x00", "icon"), (b"MZ", "windows_program"),
    (b"\x7fELF", "program"), (b"#!", "script"), (b"OggS", "sound_or_video"), (b"ID3", "sound"),
    (b"\x1aE\xdf\xa3", "video"), (b"{\\rtf", "text_document"), (b"\xd0\xcf\x11\xe0", "office"),
)
_BRANDS = {b"avif": "AVIF", b"avis": "AVIF", b"heic": "heic", b"heix": "heic", b"hevc": "heic", b"mif1": "heif",
           b"msf1": "heif"}
_PICTURES = ("jpeg_xl", "jpeg_2000", "heic", "heif")  # of a kind that is not read here


def kind_of(data: bytes) -> str:
    """What `data` is: a name of `ALLOWED`, or one of the texts under `file_kind` ("pdf")."""
    if not data:
        return "empty"
    for start, kind in _FIRST_BYTES:
        if data.startswith(start):
            return kind
    if data[:4] == b"RIFF":
        return "WebP" if data[8:12] == b"WEBP" else "sound_or_video"
    if data[4:8] == b"ftyp":
        return _iso_brand(data)
    return _text_kind(data[:4096])


def _iso_brand(data: bytes) -> str:
    """The kind of an ISO base media file: AVIF may hide behind the general HEIF brand."""
    length = min(max(int.from_bytes(data[:4], "big"), 16), 256)
    brands = [data[8:12], *(data[i:i + 4] for i in range(16, length, 4))]
    if b"avif" in brands or b"avis" in brands:
        return "AVIF"
    return next((_BRANDS[b] for b in brands if b in _BRANDS), "video")


def _text_kind(head: bytes) -> str:
    low = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if b"<svg" in low:
        return "svg"
    if low.startswith((b"<!doctype html", b"<html")):
        return "web_page"
    if b"\x00" not in head and sum(b < 9 or 13 < b < 32 for b in head) == 0:
        return "text"
    return "unknown"


def check_kind(data: bytes, *, name: str = "") -> str:
    """The allowed format of `data`; ExplorerError in one sentence for anything else or a file too large."""
    label = shown_name(name)
    if len(data) > MAX_BYTES:
        raise ExplorerError("images.formats_mb_allowed_up", label=label, data_count=len(data) / 2**20,
                            max_bytes=MAX_BYTES // 2**20)
    kind = kind_of(data)
    if kind in ALLOWED:
        return kind
    what = say(f"file_kind.{kind}")
    what = what if kind in _PICTURES else say("file_kind.no_image", what=what)
    advice = say("file_kind.copy_again" if kind == "empty" else "file_kind.export")
    raise ExplorerError("images.formats_allowed_add", label=label, what=what, allowed_text=say("file_kind.allowed"),
                        advice=advice)


def check_size(width_px: int, height_px: int, *, name: str = "") -> None:
    """ExplorerError in one sentence for an image with no pixels or too many."""
    label = shown_name(name)
    if width_px < 1 or height_px < 1:
        raise ExplorerError("images.formats_no_pixels", label=label, width_px=width_px, height_px=height_px)
    if width_px * height_px > MAX_PIXELS or max(width_px, height_px) > MAX_SIDE_PX:
        raise ExplorerError("images.formats_pixels", label=label, width_px=width_px, height_px=height_px,
                            max_pixels=MAX_PIXELS // 10**6, max_side_px=MAX_SIDE_PX)


def shown_name(name: str, limit: int = 80) -> str:
    """A file's name made safe to show: no folders, no control or direction characters, not too long."""
    plain = name.replace("\\", "/").rsplit("/", 1)[-1]
    plain = "".join(c for c in plain if c.isprintable()).strip()
    if len(plain) > limit:
        plain = plain[:limit // 2] + "…" + plain[-limit // 2 + 1:]
    return plain or "The file"
