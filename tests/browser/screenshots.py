"""Renders every page to PNG, at two window sizes, light and dark: `python -m tests.browser.screenshots OUT`.

With `--home DIR` an existing workspace is shown, its newest case opened; else an empty one.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from explorer.cases.store import CaseStore
from pages.components.frame import ALONE, LIBRARY, PATH
from tests.browser.app import browser, running, settled

WIDTHS = (1280, 1920)
SCHEMES = ("light", "dark")


def shoot(url: str, out: Path, *, query: str = "", names: tuple[str, ...] = ()) -> list[Path]:
    """Writes one PNG a page, width and scheme; returns their paths."""
    made = []
    with browser() as chrome:
        for width in WIDTHS:
            for scheme in SCHEMES:
                context = chrome.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
                page = context.new_page()
                for name in names or ("start", *PATH, *ALONE, *LIBRARY):
                    page.goto(f"{url}/{'' if name == 'start' else name}{query}")
                    settled(page)
                    page.wait_for_timeout(700)
                    made.append(_whole(page, out / f"{name}-{width}-{scheme}.png"))
                context.close()
    return made


def _whole(page, path: Path) -> Path:
    """A picture of the page in its full height: the app scrolls inside, so the window grows to fit."""
    width = page.viewport_size["width"]
    height = page.evaluate("() => document.querySelector('[data-testid=\"stMain\"]').scrollHeight")
    page.set_viewport_size({"width": width, "height": max(900, min(int(height) + 20, 6000))})
    page.wait_for_timeout(300)
    page.screenshot(path=str(path))
    page.set_viewport_size({"width": width, "height": 900})
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--url")
    parser.add_argument("--only", nargs="*", default=[])
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    home = given.home or Path(tempfile.mkdtemp()) / "home"
    cases = [row for row in CaseStore(home / "cases").list() if row.subjects]
    query = f"?case={cases[0].id}" if cases else ""
    if given.url:
        shoot(given.url, given.out, query=query, names=tuple(given.only))
        return
    with running(home) as app:
        shoot(app.url, given.out, query=query, names=tuple(given.only))


if __name__ == "__main__":
    main()
