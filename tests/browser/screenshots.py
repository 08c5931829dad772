"""Renders every page and both reports to PNG: `python -m tests.browser.screenshots OUT`.

Pages at three widths, light and dark; one with a finished example open, the others with the newest case of the
workspace given by `--home DIR`, else of an empty one in which all examples were opened.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

from pypdfium2 import PdfDocument

from explorer.cases.case import Case
from explorer.cases.store import CaseStore
from explorer.report.write_report import make_report
from explorer.world.example_cases import open_told, read
from pages.shared.frame import ALONE, LIBRARY, PATH
from tests.browser.app import browser, running, settled

WIDTHS = (1280, 1920, 820)
SCHEMES = ("light", "dark")
TALLEST_PX = 7000
DRAWN = """() => !document.querySelector('[data-stale="true"], [data-testid="stSkeleton"]')"""


def shoot(url: str, out: Path, *, query: str, names: tuple[str, ...] = (), widths: tuple[int, ...] = WIDTHS,
          schemes: tuple[str, ...] = SCHEMES) -> Iterator[Path]:
    """Writes one PNG a page, width and scheme; yields their paths."""
    with browser() as chrome:
        for width in widths:
            for scheme in schemes:
                context = chrome.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
                page = context.new_page()
                page.set_default_timeout(120_000)
                for name in names or ("start", *PATH, *ALONE, *LIBRARY, "story"):
                    page.goto(address(url, name, query))
                    settled(page)
                    page.wait_for_timeout(1500)
                    page.wait_for_function(DRAWN)
                    yield _whole(page, out / f"{name}-{width}-{scheme}.png")
                context.close()


def address(url: str, name: str, query: str) -> str:
    """Where a page is shown; "story" is a finished example."""
    if name == "story":
        return f"{url}/examples?story=comes_back"
    return f"{url}/{'' if name == 'start' else name}{query}"


def _whole(page, path: Path) -> Path:
    """A picture of the page in its full height: the app scrolls inside, so the window grows to fit."""
    width = page.viewport_size["width"]
    for _ in range(2):  # what is drawn only where it can be seen makes the page longer once more
        height = page.evaluate("() => document.querySelector('[data-testid=\"stMain\"]').scrollHeight")
        page.set_viewport_size({"width": width, "height": max(900, min(int(height) + 20, TALLEST_PX))})
        page.wait_for_timeout(700)
    page.screenshot(path=str(path))
    page.set_viewport_size({"width": width, "height": 900})
    return path


def reports(case: Case, out: Path, *, schemes: tuple[str, ...] = SCHEMES) -> Iterator[Path]:
    """Writes the case's two reports, the HTML as pictures in light and dark, the PDF page by page."""
    for kind in ("html", "pdf"):
        (out / f"report.{kind}").write_bytes(make_report(case, kind=kind))
    with browser() as chrome:
        for scheme in schemes:
            page = chrome.new_page(viewport={"width": 1000, "height": 900}, color_scheme=scheme)
            page.goto((out / "report.html").resolve().as_uri())
            path = out / f"report-html-{scheme}.png"
            page.screenshot(path=str(path), full_page=True)
            yield path
    for number, page in enumerate(PdfDocument(out / "report.pdf"), 1):
        path = out / f"report-pdf-{number:02d}.png"
        page.render(scale=1.5).to_pil().save(path)
        yield path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--url", help="of a running app on that home; else one is started")
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--widths", nargs="*", type=int, default=list(WIDTHS))
    parser.add_argument("--schemes", nargs="*", default=list(SCHEMES))
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    home = given.home or Path(tempfile.mkdtemp()) / "home"
    store = CaseStore(home / "cases")
    if given.home is None:
        for told in read():
            open_told(store, told).close()
    cases = [row for row in store.list() if row.subjects]
    query = f"?case={cases[0].id}" if cases else ""
    chosen = {"query": query, "names": tuple(n for n in given.only if n != "reports"),
              "widths": tuple(given.widths), "schemes": tuple(given.schemes)}
    if cases and (not given.only or "reports" in given.only):
        for path in reports(store.open(cases[0].id), given.out, schemes=chosen["schemes"]):
            print(path, flush=True)
    if given.only == ["reports"]:
        return
    if given.url:
        for path in shoot(given.url, given.out, **chosen):
            print(path, flush=True)
        return
    with running(home) as app:
        for path in shoot(app.url, given.out, **chosen):
            print(path, flush=True)


if __name__ == "__main__":
    main()
