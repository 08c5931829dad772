"""The real app and a real Chromium; without a browser these tests are skipped, unless one is required."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.app import App, browser, chromium, running, settled
from tests.pages.filled import fill

LONG = pytest.mark.skipif(not os.environ.get("AFTERIMAGE_LONG_BROWSER"),
                          reason="takes many minutes: set AFTERIMAGE_LONG_BROWSER=1")


@pytest.fixture(scope="session")
def chrome() -> Iterator:
    if chromium() is None:
        if os.environ.get("AFTERIMAGE_REQUIRE_BROWSER"):
            pytest.fail("no Chromium here, though AFTERIMAGE_REQUIRE_BROWSER is set")
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")
    with browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[App, str]]:
    """The app on a workspace with one case made from records, and that case's id."""
    home = tmp_path_factory.mktemp("filled") / "home"
    case, _ = fill(home)
    case.close()
    with running(home) as app:
        yield app, case.id


@pytest.fixture(scope="session")
def window(chrome) -> Iterator:
    """One browser window for all tests: what Streamlit serves the same to everybody is loaded once."""
    context = chrome.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(120_000)
    yield context
    context.close()


@pytest.fixture
def tab(window) -> Iterator:
    """A new tab, patient enough for a busy machine."""
    page = window.new_page()
    yield page
    page.close()


def visit(page, url: str) -> None:
    """Opens an address and waits until the page is drawn."""
    page.goto(url)
    settled(page)


def picture_file(folder: Path, source: Path) -> Path:
    """A display copy of the world as a PNG, as a person would have it on disk."""
    from PIL import Image
    target = folder / "my-work.png"
    Image.open(source).convert("RGB").save(target)
    return target
