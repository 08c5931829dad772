"""The texts that a picture file carries, each under its own name, whatever the file's kind."""

from __future__ import annotations

import contextlib
import xml.etree.ElementTree as ElementTree
import zlib
from collections.abc import Iterable, Iterator

from PIL import ExifTags, Image

from explorer.images.settings.encodings import decoded, exif_comment
from explorer.images.settings.read_settings import FileText
from explorer.images.settings.stealth import hidden_text

MAX_FIELDS = 200
MAX_TEXT = 2**22
MAX_HIDDEN_PX = 40_000_000  # a larger picture is not searched for hidden text
_TEXTS = {"UserComment", "ImageDescription", "Make", "Model", "Software", "Artist", "Copyright", "XPComment",
          "XPTitle", "XPSubject", "XPKeywords", "DocumentName", "HostComputer"}
_WRAPPERS = ("li", "Alt", "Seq", "Bag", "value")


def texts_of(image: Image.Image | None, blocks: Iterable[tuple[str, bytes]], xmp: str) -> list[FileText]:
    """Text chunks and comments of `blocks` (name, body), EXIF's texts, XMP's fields, a GIF's comment."""
    items = [item for name, body in blocks for item in _block(name, body)]
    if image is not None:
        with contextlib.suppress(Exception):  # Pillow raises whatever a damaged block makes it raise
            items += _exif(image)
        comment = image.info.get("comment")
        if isinstance(comment, (bytes, str)):
            items.append(FileText("GIF comment", decoded(comment) if isinstance(comment, bytes) else comment))
    return items + [
        FileText(k, v) for k, v in xmp_fields(xmp, limit=MAX_TEXT).items() if len(v) > 20 or k == "CreatorTool"
    ]


def _block(name: str, body: bytes) -> Iterator[FileText]:
    words = name.split(" ", 2)
    if words[0] == "PNG" and len(words) == 3 and words[1] in ("tEXt", "zTXt", "iTXt"):
        yield FileText(words[2], decoded(body[:MAX_TEXT]))
    elif name == "JPEG comment":
        yield FileText(name, decoded(body[:MAX_TEXT]))


def _exif(image: Image.Image) -> Iterator[FileText]:
    block = image.getexif()
    for values in (block, block.get_ifd(0x8769)):
        for tag, value in list(values.items())[:MAX_FIELDS]:
            name = str(ExifTags.TAGS.get(tag, ""))
            if name not in _TEXTS or not isinstance(value, (bytes, str, tuple)):
                continue
            if isinstance(value, tuple):  # XP… fields come as numbers
                value = bytes(v for v in value if isinstance(v, int) and 0 <= v < 256)
            if name.startswith("XP") and isinstance(value, bytes):
                yield FileText(name, value.decode("utf-16-le", "replace").rstrip("\0"))
            else:
                yield FileText(name, exif_comment(value))


def hidden(image: Image.Image) -> list[FileText]:
    """Settings hidden in the pixels, as texts by name; empty without any."""
    if image.width * image.height > MAX_HIDDEN_PX or image.mode not in ("RGB", "RGBA"):
        return []
    with contextlib.suppress(ValueError, zlib.error, OSError, SyntaxError):
        text = hidden_text(image)
        if text is not None:
            return _parts(text)
    return []


def _parts(text: str) -> list[FileText]:
    """NovelAI hides its text chunks as one object; others hide one text."""
    from explorer.images.settings.mapped import named_json
    values = named_json(text)
    if values and "Comment" in values:
        return [FileText(str(k), v if isinstance(v, str) else str(v)) for k, v in values.items()]
    return [FileText("hidden in the pixels", text)]


def xmp_fields(text: str, *, limit: int = 4096) -> dict[str, str]:
    """Simple properties of an XMP packet by local name, lists under the property that holds them.

    Nothing if it declares entities. At most MAX_FIELDS of at most `limit` characters.
    """
    fields: dict[str, str] = {}
    if not text or "<!DOCTYPE" in text or "<!ENTITY" in text:
        return fields
    with contextlib.suppress(ElementTree.ParseError, ValueError):
        root = ElementTree.fromstring(text[text.find("<"):text.rfind(">") + 1])
        stack = [(root, "")]
        while stack:
            element, parent = stack.pop()
            name = _local(element.tag)
            name = parent if name in _WRAPPERS and parent else name
            pairs = [*((_local(k), v) for k, v in element.attrib.items()), (name, (element.text or "").strip())]
            for key, value in pairs:
                if value and key not in ("about", "lang", "parseType") and len(fields) < MAX_FIELDS:
                    fields.setdefault(key, value[:limit])
            stack += [(child, name) for child in reversed(list(element)[:10_000])]
    return fields


def _local(tag: object) -> str:
    return str(tag).rsplit("}", 1)[-1]
