"""Where the answer ends on the screen: `python -m tests.browser.answer_place`, the last line is JSON.

The real app with a finished example, in a window of each width; no scrolling. What is measured is the lower edge of
the answer with its number and its sentence, in pixels from the top of the window.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from explorer.cases.store import CaseStore
from explorer.world.example_cases import open_told, read
from tests.browser.app import browser, running, settled

WIDTHS = (1280, 390)
HEIGHTS = {1280: 900, 820: 1180, 390: 844}  # px of a usual window, tablet, phone
ANSWER = ".st-key-verdict_answer"


def ends_at(page, address: str) -> int:
    """The lower edge of the answer at this address, in px from the top of the window of `page`."""
    page.goto(address)
    settled(page)
    place = page.locator(ANSWER)
    place.wait_for()
    box = place.bounding_box()
    return round(box["y"] + box["height"])


def answer_y_px(*, widths: Sequence[int] = WIDTHS, pages: Sequence[str] = ("findings", "subject"),
                story: str = "comes_back", chrome=None) -> dict[str, int]:
    """Width → the lower edge of the answer in px, the lowest over `pages`, with a finished example open.

    `chrome` is a browser that is open already: only one can be driven at a time.
    """
    found: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        case = open_told(CaseStore(home / "cases"), next(t for t in read() if t.story == story))
        case.close()
        with running(home) as app, nullcontext(chrome) if chrome else browser() as opened:
            for width in widths:
                page = opened.new_page(viewport={"width": width, "height": HEIGHTS.get(width, 900)})
                page.set_default_timeout(120_000)
                found[str(width)] = max(ends_at(page, f"{app.url}/{name}?case={case.id}") for name in pages)
                page.close()
    return found


if __name__ == "__main__":
    print(json.dumps({"answer_y_px": answer_y_px()}))
