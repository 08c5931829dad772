"""A report as plain blocks, which the HTML and the PDF writer both draw; no layout here."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass


@dataclass(frozen=True)
class Heading:
    text: str
    level: int = 2  # 1 is the report's title


@dataclass(frozen=True)
class Text:
    """A paragraph; `tone` is "plain", "answer" (bold), "lead" (larger), "note" (quiet) or "finding" (set apart)."""

    text: str
    tone: str = "plain"


@dataclass(frozen=True)
class Bullets:
    items: tuple[str, ...]
    small: bool = False


@dataclass(frozen=True)
class Figure:
    """A lossless PNG with what it shows; `pixelated` asks for hard pixel edges when it is enlarged."""

    png: bytes
    alt: str
    caption: str = ""
    pixelated: bool = False


@dataclass(frozen=True)
class PictureRow:
    """Pictures side by side, at one height; `large` ones may take half the page's width."""

    pictures: tuple[Figure, ...]
    large: bool = False


@dataclass(frozen=True)
class Table:
    """`wide` marks the columns that take the room that is left (all alike if empty)."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""
    wide: tuple[int, ...] = ()


@dataclass(frozen=True)
class Code:
    """Text set in fixed width, every character as it is."""

    text: str


@dataclass(frozen=True)
class PageBreak:
    pass


Block = Heading | Text | Bullets | Figure | PictureRow | Table | Code | PageBreak


@dataclass(frozen=True)
class Annex:
    """What stands behind the body: folded in HTML, after it in a PDF."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Document:
    """A report's title, one line for every page's foot, its body, and its annexes."""

    title: str
    foot: str
    time: str  # ISO 8601, the log head's
    blocks: tuple[Block, ...]
    logo_png: bytes = b""
    annexes: tuple[Annex, ...] = ()

    def everything(self) -> tuple[Block, ...]:
        """All blocks, those of the annexes last."""
        return (*self.blocks, *(block for annex in self.annexes for block in annex.blocks))


def plain(text: object, limit: int = 20_000) -> str:
    """Anything as text that is safe to set: direction and control characters shown by their code.

    Text from outside could otherwise turn the reading order of what stands around it.
    """
    out = []
    for char in str(text)[:limit]:
        kind = unicodedata.category(char)
        if char in "\n\t" or kind not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"):
            out.append(char)
        elif char not in "\r\u00ad\ufeff":
            out.append(f"⟨U+{ord(char):04X}⟩")
    return "".join(out)
