"""Our own two components, drawn in the page itself: the compare slider and the gallery.

Pictures travel as the bytes that they are, inside the message to the tab: nothing is encoded again, and
no address is shared with another session.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import streamlit as st

from explorer.cases.case import Case
from explorer.collections.thumbnails import shrink
from explorer.images.decode import png_bytes, read_png
from explorer.settings import ASSETS
from pages.shared.texts import say, texts_of

_STATIC = Path(__file__).with_name("static")
_KINDS = ((b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"RIFF", "image/webp"))
_MOST_BYTES = 8 << 20  # of a collection's display copy
_FEW_BYTES = 32 << 10  # a picture that is sent as it is, however small it is shown


def component(name: str):
    """A component of our own, from the two files of that name in `static`."""
    return st.components.v2.component(
        f"afterimage_{name}", js=(_STATIC / f"{name}.js").read_text("utf-8"),
        css=(_STATIC / f"{name}.css").read_text("utf-8"))


_compare, _gallery = component("compare"), component("gallery")


@dataclass(frozen=True)
class GalleryItem:
    """One picture of a gallery: `src` is a data address, "" where there is none; `above` a line before its row."""

    id: str
    src: str
    title: str
    lines: tuple[str, ...] = ()
    mark: str = ""
    alt: str = ""
    above: str = ""


def data_address(data: bytes) -> str:
    """PNG, JPEG or WebP bytes as a data address, unchanged; "" for anything else."""
    kind = next((kind for mark, kind in _KINDS if data.startswith(mark)), "")
    return f"data:{kind};base64,{base64.b64encode(data).decode()}" if kind else ""


def file_address(path: str) -> str:
    """A local picture as a data address; "" where it is missing, too large or no picture.

    A path that is not absolute is one of the project's own, as the example cases name them.
    """
    return data_address(file_bytes(path, most=_MOST_BYTES))


def file_bytes(path: str, *, most: int) -> bytes:
    """A file that a record names, which the other side may have written: ordinary files of this computer only.

    b"" for devices and pipes (which never end), network places, what is missing and what is larger than
    `most` bytes.
    """
    try:
        whole = ASSETS.parent / path
        if str(whole).startswith(("\\\\", "//")) or not whole.is_file():
            return b""
        with open(whole, "rb") as file:
            data = file.read(most + 1)
    except (OSError, ValueError):
        return b""
    return data if len(data) <= most else b""


def compare(first: tuple[str, bytes], second: tuple[str, bytes], *, key: str, heat: bytes = b"",
            mask: bytes = b"", widest_px: int = 560) -> None:
    """Draws two equally large PNGs, each with its label: slider, side by side, difference, blink, zoom.

    `heat` and `mask` are PNGs of the same size to lay over the second one.
    """
    data = {"first": {"label": first[0], "src": data_address(first[1])},
            "second": {"label": second[0], "src": data_address(second[1])},
            "heat": data_address(heat), "mask": data_address(mask), "widest": widest_px,
            "words": texts_of("compare")}
    _compare(data=data, key=key)


def gallery(items: Sequence[GalleryItem], *, key: str, label: str, chosen: str = "", cell_px: int = 168) -> str:
    """Draws pictures as a grid; returns the id of the one clicked just now, else `chosen`.

    The page keeps what was clicked, in its address where a link should open the same.
    """
    key = _own(key)
    before = getattr(st.session_state.get(key), "picked", None)
    known = {item.id for item in items}
    shown = before if before in known else chosen
    data = _grid(items, label, cell_px) | {"chosen": shown, "several": False}
    clicked = _gallery(data=data, key=key, on_picked_change=lambda: None).picked
    return clicked if clicked in known else shown


def gallery_of_several(items: Sequence[GalleryItem], *, key: str, label: str,
                       cell_px: int = 168) -> tuple[str, ...]:
    """Draws pictures as a grid in which a click selects or lets go; returns the selected ids, in their order."""
    key = _own(key)
    known = {item.id for item in items}
    before = [i for i in getattr(st.session_state.get(key), "selected", None) or () if i in known]
    data = _grid(items, label, cell_px) | {"selected": before, "several": True}
    found = _gallery(data=data, key=key, on_selected_change=lambda: None, default={"selected": []}).selected
    return tuple(i for i in found or () if i in known)


def _own(key: str) -> str:
    return re.sub("_+", "_", key)  # Streamlit keeps double underscores for itself


def _grid(items: Sequence[GalleryItem], label: str, cell_px: int) -> dict[str, object]:
    return {"items": [asdict(item) for item in items], "label": label, "cell": cell_px}


def picture(png: bytes, *, alt: str, width_px: int) -> None:
    """Draws a PNG losslessly: the very bytes go to the browser, shown at `width_px` at most."""
    st.html(f'<img src="{data_address(png)}" alt="{quoted(alt)}" class="evidence" '
            f'style="width:min(100%,{int(width_px)}px);height:auto">')


def thumbnail(case: Case, blob: str, *, alt: str, width_px: int) -> None:
    """Draws a case's PNG small, where many stand together or a page is drawn often; reduced if it is large."""
    picture(reduced(case, blob, 2 * width_px), alt=alt, width_px=width_px)


def thumbnails(case: Case, blobs: Sequence[tuple[str, str]], *, width_px: int) -> None:
    """Draws several of a case's PNGs small in a row that breaks where it must; each is (blob, what it shows)."""
    st.html("".join(
        f'<img src="{data_address(reduced(case, blob, 2 * width_px))}" alt="{quoted(alt)}" class="evidence" '
        f'style="display:inline-block;width:{int(width_px)}px;height:auto;margin:0 0.5rem 0.5rem 0">'
        for blob, alt in blobs))


def reduced(case: Case, blob: str, side_px: int) -> bytes:
    """A case's PNG with its longer side at most `side_px`; the very bytes where they are few."""
    return _reduced(blob, side_px, lambda: case.blob(blob))


@st.cache_data(max_entries=1000, show_spinner=False)
def _reduced(blob: str, side_px: int, _load: Callable[[], bytes]) -> bytes:
    data = _load()
    return data if len(data) <= _FEW_BYTES else png_bytes(shrink(read_png(data), side_px))


def quoted(text: str) -> str:
    """Text as it may stand in HTML, in an attribute too."""
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")


def empty(kind: str) -> None:
    """Draws an empty state that says what will stand here and how to get it."""
    with st.container(border=True):
        st.markdown(f"**{say(f'empty.{kind}_title')}**")
        st.markdown(say(f"empty.{kind}"))
