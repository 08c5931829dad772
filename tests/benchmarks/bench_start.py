"""How fast the app starts and changes pages, and how light its process is; the last line is JSON.

    python tests/benchmarks/bench_start.py [--starts 3] [--rounds 3] [--store]
    python tests/benchmarks/bench_start.py --stored

A real headless Chromium, already open, against a freshly started server on an empty workspace.
`first_page_s` runs from the start command until the start page is drawn (median of the starts),
`page_change_median_s` from a click in the navigation until the next page is drawn. `first_page_ratio` is to a page
of one title and nothing else, started by turns with the app in the same run.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import psutil

from pages.shared.frame import LIBRARY, PATH
from pages.shared.texts import say
from tests.benchmarks.stored import add_options, conclude, stored
from tests.browser.app import browser, running

HEAVY = ("torch", "diffusers", "faiss", "open_clip", "transformers", "clip_retrieval", "torchvision")
HELLO = "Hello"
DRAWN = """title => [...document.querySelectorAll('h1')].some(h => h.textContent.includes(title))
  && document.querySelector('[data-testid="stApp"]')?.dataset.testScriptState === 'notRunning'"""


def measure(starts: int, rounds: int) -> dict:
    """The figures over `starts` cold starts and `rounds` walks through the navigation."""
    first, bare, changes, rss_mb, modules = [], [], [], 0, []
    for number in range(starts):
        with tempfile.TemporaryDirectory() as folder, browser() as chrome:
            page = chrome.new_page(viewport={"width": 1280, "height": 900})
            listing = Path(folder) / "modules.json"
            began = time.perf_counter()
            with running(Path(folder) / "home", modules_to=listing) as app:
                page.goto(app.url)
                page.wait_for_function(DRAWN, arg=say("start.title"), polling=20, timeout=60_000)
                first.append(time.perf_counter() - began)
                if number == starts - 1:
                    changes = walk(page, rounds)
                    rss_mb = round(psutil.Process(app.process.pid).memory_info().rss / 1e6)
            modules = json.loads(listing.read_text())
            bare.append(hello(chrome, Path(folder)))
    return {"first_page_s": round(statistics.median(first), 2),
            "bare_page_s": round(statistics.median(bare), 2),
            "first_page_ratio": round(statistics.median(first) / statistics.median(bare), 2),
            "page_change_median_s": round(statistics.median(changes), 3),
            "page_change_slowest_s": round(max(changes), 3), "screen_rss_mb": rss_mb,
            "heavy_modules": [name for name in HEAVY if name in modules]}


def hello(chrome, folder: Path) -> float:
    """Seconds until a page of one title is drawn, from its start command."""
    script = folder / "hello.py"
    script.write_text(f"import streamlit as st\nst.title({HELLO!r})\n", "utf-8")
    page = chrome.new_page(viewport={"width": 1280, "height": 900})
    began = time.perf_counter()
    with running(folder / "bare", script=str(script)) as app:
        page.goto(app.url)
        page.wait_for_function(DRAWN, arg=HELLO, polling=20, timeout=60_000)
        return time.perf_counter() - began


def walk(page, rounds: int) -> list[float]:
    """Seconds of each page change, from the click to the drawn page."""
    spent = []
    for _ in range(rounds):
        for name in (*PATH, *LIBRARY):
            link = page.locator(f'[data-testid="stSidebarNavLink"][href$="/{name}"]')
            began = time.perf_counter()
            link.click()
            page.wait_for_function(DRAWN, arg=say(f"{name}.title"), polling=10, timeout=30_000)
            spent.append(time.perf_counter() - began)
    return spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--starts", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    add_options(parser)
    given = parser.parse_args()
    if given.stored:
        print(stored("bench_start"))
        return
    conclude("bench_start", measure(given.starts, given.rounds), given)


if __name__ == "__main__":
    main()
