"""What surrounds every page: the navigation's sections, and where errors of a page are shown."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

from explorer.errors import ExplorerError
from pages.server import screen_memory
from pages.shared.texts import plain, say

PATH = ("subject", "prompt", "neighbours", "replay", "findings", "report")
ALONE = ("portfolio", "incidence")  # beside the path: many works, or many prompts, at once
LIBRARY = ("examples", "cases", "collections", "models", "settings", "methods")
ROOMS = dict.fromkeys(LIBRARY, "library") | {"portfolio": "findings"}  # other pages have a room of their own
ICONS = {
    "start": "home", "subject": "image", "prompt": "chat", "neighbours": "grid_view", "replay": "replay",
    "findings": "balance", "report": "description", "examples": "menu_book", "cases": "folder_open",
    "collections": "collections_bookmark", "models": "deployed_code", "settings": "settings",
    "methods": "help", "portfolio": "photo_library", "incidence": "percent", "setup": "tune",
}
_CLOSE_NOTICE_JS = """export default function () {
  const look = () => document.querySelector('[role="dialog"] button[aria-label="Close"]')?.click();
  const timer = setInterval(look, 60);
  setTimeout(() => clearInterval(timer), 3000);
  look();
}"""
_close_notice = st.components.v2.component("afterimage_close_notice", js=_CLOSE_NOTICE_JS)
log = logging.getLogger("explorer.screens")


def script(name: str) -> str:
    """Path of a page's script below the repository, as `st.switch_page` and `st.page_link` take it."""
    return f"pages/{ROOMS.get(name, name)}/{name}_page.py"


def _page(name: str) -> Any:
    return st.Page(script(name), title=say(f"nav.{name}"), icon=f":material/{ICONS[name]}:",
                   url_path=name, default=name == "start")


def pages() -> dict[str, list[Any]]:
    """Section → pages, for `st.navigation`."""
    return {"": [_page("start"), _page("setup")], say("nav.investigate"): [_page(n) for n in (*PATH, *ALONE)],
            say("nav.library"): [_page(n) for n in LIBRARY]}


def navigation() -> Any:
    """The page in the address, with the navigation drawn.

    Until `st.navigation` has run once in a process, Streamlit takes a folder named `pages` for its older
    scheme and tells the first visitor of a deep link that the page does not exist; that notice is closed.
    """
    first = PagesManager.uses_pages_directory is not False
    page = st.navigation(pages(), expanded=True)
    if first:
        _close_notice(key="close_notice")
    return page


def show(page: Any) -> None:
    """Runs a page's script; what it refuses becomes a sentence, and the app goes on."""
    guarded(page.run)()


def guarded(draw: Callable[..., Any]) -> Callable[..., Any]:
    """`draw`, with an ExplorerError shown as it is and any other error logged and named a fault.

    What lasts is set aside from the collection after it (see `memory`).
    """

    @functools.wraps(draw)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return draw(*args, **kwargs)
        except ExplorerError as error:
            st.error(plain(str(error)), icon=":material/error:")
        except Exception:
            log.exception("a page failed")
            st.error(say("app.fault"), icon=":material/bug_report:")
        finally:
            screen_memory.loaded.set_aside()
        return None

    return run
