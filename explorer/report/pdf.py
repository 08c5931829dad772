"""A document as a PDF by fpdf2: pictures lossless, letters from the DejaVu fonts that matplotlib brings."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from datetime import datetime
from itertools import zip_longest
from pathlib import Path

import matplotlib
from fpdf import FPDF
from fpdf.enums import XPos, YPos
from fpdf.fonts import FontFace
from PIL import Image

from explorer.report.blocks import (
    Block,
    Bullets,
    Code,
    Document,
    Figure,
    Heading,
    PageBreak,
    PictureRow,
    Table,
    Text,
    plain,
)
from explorer.texts import language, say

_INK, _QUIET, _LINE, _BAND, _MARK = (28, 31, 36), (86, 93, 104), (213, 217, 224), (243, 245, 248), (31, 95, 168)
_SIZES = {1: 20, 2: 14, 3: 11.5}
_MARGIN_MM, _GAP_MM = 20, 5
_TALLEST_MM, _TALLEST_IN_ROW_MM, _TALLEST_LARGE_MM = 120, 50, 110
_HEADING_MM = 14
_SMALLEST_PX = 480  # smaller pictures are enlarged by whole factors, so that viewers do not blur them


class _Paper(FPDF):
    foot = ""

    def footer(self) -> None:
        self.set_y(-14)
        self.set_font("Sans", size=7)
        self.set_text_color(*_QUIET)
        self.cell(self.epw - 22, 4, self.foot[:150])
        self.cell(22, 4, say("document.page", page=self.page_no(), pages="{nb}"), align="R")


def pdf_bytes(document: Document) -> bytes:
    """The document as PDF; the same document gives the same bytes with the same fpdf2 and fonts."""
    paper = _Paper(format="A4")
    paper.foot = plain(document.foot)
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    for family, style, file in (("Serif", "", "DejaVuSerif"), ("Serif", "B", "DejaVuSerif-Bold"),
                                ("Sans", "", "DejaVuSans"), ("Sans", "B", "DejaVuSans-Bold"),
                                ("Mono", "", "DejaVuSansMono")):
        paper.add_font(family, style, folder / f"{file}.ttf")
    paper.set_margins(_MARGIN_MM, _MARGIN_MM)
    paper.set_auto_page_break(True, margin=22)
    paper.set_title(plain(document.title))
    paper.set_lang(language())
    paper.set_creation_date(datetime.fromisoformat(document.time.replace("Z", "+00:00")))
    paper.set_producer("")
    paper.add_page()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # letters that the font lacks are set as a box
        if document.logo_png:
            paper.image(io.BytesIO(document.logo_png), h=16, alt_text="Logo")
            paper.ln(6)
        _blocks(paper, document.blocks)
        _annexes(paper, document)
        return bytes(paper.output())


def _blocks(paper: _Paper, blocks: Sequence[Block]) -> None:
    """One after another; a heading goes to the next page with pictures that have no room under it."""
    for block, following in zip_longest(blocks, blocks[1:]):
        if isinstance(block, Heading) and isinstance(following, (Figure, PictureRow)):
            across, tallest_mm = _layout(following)
            first = _pictures_of(following)[:across]
            if paper.get_y() + _HEADING_MM + _row_height(paper, first, across, tallest_mm) > paper.h - 22:
                paper.add_page()
        _draw(paper, block)


def _pictures_of(block: Figure | PictureRow) -> tuple[Figure, ...]:
    return (block,) if isinstance(block, Figure) else block.pictures


def _layout(block: Figure | PictureRow) -> tuple[int, float]:
    """How many pictures stand side by side, and how tall one may be in mm."""
    if isinstance(block, Figure):
        return 1, _TALLEST_MM
    return (2, _TALLEST_LARGE_MM) if block.large else (3, _TALLEST_IN_ROW_MM)


def _width(paper: _Paper, across: int) -> float:
    return (paper.epw - _GAP_MM * (across - 1)) / across


def _row_height(paper: _Paper, row: Sequence[Figure], across: int, tallest_mm: float) -> float:
    """Of pictures with their captions, in mm."""
    width = _width(paper, across)
    return max(_fit(p.png, width, tallest_mm)[2] for p in row) + max(
        _caption_height(paper, p.caption, width) for p in row) + 2


def _annexes(paper: _Paper, document: Document) -> None:
    """One after another, the first on a new page."""
    for place, annex in enumerate(document.annexes):
        if not place:
            paper.add_page()
        _heading(paper, Heading(annex.title))
        _blocks(paper, annex.blocks)


def _draw(paper: _Paper, block: Block) -> None:
    if isinstance(block, Heading):
        _heading(paper, block)
    elif isinstance(block, Text):
        _paragraph(paper, block)
    elif isinstance(block, Bullets):
        for item in block.items:
            _bullet(paper, plain(item), small=block.small)
        paper.ln(2)
    elif isinstance(block, (Figure, PictureRow)):
        across, tallest_mm = _layout(block)
        _pictures(paper, _pictures_of(block), across=across, tallest_mm=tallest_mm)
    elif isinstance(block, Table):
        _table(paper, block)
    elif isinstance(block, Code):
        paper.set_font("Mono", size=6.8)
        paper.set_text_color(*_INK)
        paper.set_fill_color(*_BAND)
        paper.multi_cell(paper.epw, 3.4, plain(block.text), fill=True, align="L", wrapmode="CHAR",
                         new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        paper.ln(3)
    elif isinstance(block, PageBreak):
        paper.add_page()
    else:
        raise TypeError(f"no way to set a {type(block).__name__}")


def _bullet(paper: _Paper, text: str, *, small: bool) -> None:
    """A point whose lines stand under each other, beside its mark."""
    size, family, colour = (8.5, "Sans", _QUIET) if small else (10, "Serif", _INK)
    paper.set_font(family, size=size)
    if paper.will_page_break(5):
        paper.add_page()
    paper.set_text_color(*colour)
    paper.set_x(_MARGIN_MM + 3)
    paper.cell(4, size * 0.5, "•")
    _lines(paper, text, size=size, colour=colour, indent=7, family=family)
    paper.ln(0.5)


def _heading(paper: _Paper, heading: Heading) -> None:
    size = _SIZES[heading.level]
    if heading.level > 1:
        if paper.get_y() > paper.h - 22 - 30:
            paper.add_page()
        paper.ln(7 if heading.level == 2 else 4)
    paper.set_font("Sans", "B", size)
    paper.set_text_color(*_INK)
    paper.multi_cell(paper.epw, size * 0.48, plain(heading.text), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    paper.ln(2)


def _paragraph(paper: _Paper, text: Text) -> None:
    if text.tone == "answer":
        _lines(paper, plain(text.text), size=14, family="Sans", style="B")
        paper.ln(1.5)
        return
    if text.tone != "finding":
        size, colour = {"lead": (11.5, _INK), "note": (8.5, _QUIET)}.get(text.tone, (10, _INK))
        _lines(paper, plain(text.text), size=size, colour=colour,
               family="Sans" if text.tone == "note" else "Serif")
        paper.ln(1.5)
        return
    if paper.get_y() > paper.h - 22 - 24:
        paper.add_page()
    top, page = paper.get_y() + 1, paper.page_no()
    paper.ln(2)
    _lines(paper, plain(text.text), indent=5)
    if paper.page_no() == page:
        paper.set_fill_color(*_MARK)
        paper.rect(_MARGIN_MM, top, 1.2, paper.get_y() - top + 1, style="F")
    paper.ln(4)


def _lines(paper: _Paper, text: str, *, size: float = 10, colour: tuple[int, int, int] = _INK, indent: float = 0,
           family: str = "Serif", style: str = "") -> None:
    paper.set_font(family, style, size)
    paper.set_text_color(*colour)
    paper.set_x(_MARGIN_MM + indent)
    paper.multi_cell(paper.epw - indent, size * 0.5, text, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def _pictures(paper: _Paper, pictures: tuple[Figure, ...], *, across: int, tallest_mm: float) -> None:
    """Pictures in rows of so many, each with its caption under it."""
    width = _width(paper, across)
    for first in range(0, len(pictures), across):
        part = pictures[first:first + across]
        sized = [(p, *_fit(p.png, width, tallest_mm)) for p in part]
        needed = _row_height(paper, part, across, tallest_mm)
        if paper.get_y() + needed > paper.h - 22:
            paper.add_page()
        top = paper.get_y() + 1
        for i, (picture, png, w, h) in enumerate(sized):
            left = _MARGIN_MM + i * (width + _GAP_MM)
            paper.image(io.BytesIO(png), x=left, y=top, w=w, h=h, alt_text=plain(picture.alt))
            paper.set_draw_color(*_LINE)
            paper.rect(left, top, w, h)
            _caption(paper, picture.caption, left=left, top=top + h + 1, width=width)
        paper.set_xy(_MARGIN_MM, top + needed + 1)


def _fit(png: bytes, width_mm: float, tallest_mm: float) -> tuple[bytes, float, float]:
    """The picture's bytes (a small one enlarged by a whole factor, each pixel a square) and its size."""
    with Image.open(io.BytesIO(png), formats=["PNG"]) as image:
        w, h = image.size
        if max(w, h) < _SMALLEST_PX:
            factor = -(-_SMALLEST_PX // max(w, h))
            out = io.BytesIO()
            image.convert("RGB").resize((w * factor, h * factor), Image.Resampling.NEAREST).save(out, "PNG")
            png = out.getvalue()
    height = width_mm * h / w
    return (png, width_mm, height) if height <= tallest_mm else (png, tallest_mm * w / h, tallest_mm)


def _caption_height(paper: _Paper, text: str, width: float) -> float:
    if not text:
        return 0.0
    paper.set_font("Sans", size=7.5)
    return 1 + paper.multi_cell(width, 3.6, plain(text), align="L", dry_run=True, output="HEIGHT")


def _caption(paper: _Paper, text: str, *, left: float, top: float, width: float) -> None:
    if text:
        paper.set_xy(left, top)
        paper.set_font("Sans", size=7.5)
        paper.set_text_color(*_QUIET)
        paper.multi_cell(width, 3.6, plain(text), align="L")


def _table(paper: _Paper, table: Table) -> None:
    if table.caption:
        _lines(paper, plain(table.caption), size=8, colour=_QUIET, family="Sans")
    paper.set_font("Sans", size=7.5)
    paper.set_text_color(*_INK)
    paper.set_draw_color(*_LINE)
    paper.set_fill_color(255, 255, 255)  # a mark's fill would otherwise go on into the cells
    style = FontFace(emphasis="BOLD", fill_color=_BAND, color=_INK)
    with paper.table(col_widths=_widths(table), headings_style=style, line_height=4, padding=0.8, text_align="LEFT",
                     borders_layout="HORIZONTAL_LINES", wrapmode="WORD",
                     first_row_as_headings=any(table.head)) as drawn:
        for row in (*([table.head] if any(table.head) else []), *table.rows):
            line = drawn.row()
            for cell in row:
                line.cell(_breakable(plain(cell)))
    paper.ln(3)


def _widths(table: Table, line: int = 104) -> tuple[float, ...]:
    """A column's share of the line, in letters: its longest word at least, the rest by how much it holds."""
    columns = list(zip(table.head, *table.rows, strict=True))
    least = [2 + max(len(w) for c in column for w in _breakable(plain(c)).replace("\u200b", " ").split(" "))
             for column in columns]
    wished = [max(0, min(60, max(len(plain(c)) for c in column)) + 2 - n)
              for column, n in zip(columns, least, strict=True)]
    left = max(0, line - sum(least))
    share = min(1.0, left / sum(wished)) if sum(wished) else 0.0
    widths = [n + share * more for n, more in zip(least, wished, strict=True)]
    widths[-1] += max(0.0, line - sum(widths))
    return tuple(widths)


def _breakable(text: str, longest: int = 18) -> str:
    """Long runs without a space (hashes, names of files) get places where a line may end."""
    return " ".join("\u200b".join(word[i:i + longest] for i in range(0, len(word), longest)) or word
                    for word in text.split(" "))
