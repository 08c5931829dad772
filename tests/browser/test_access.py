"""What axe finds on every page, in light and dark: nothing serious in our own markup."""

from __future__ import annotations

import pytest

from pages.shared.frame import ALONE, LIBRARY, PATH
from tests.browser.app import unfold
from tests.browser.conftest import visit

# Streamlit's own markup, which no page can change; each rule with the part that it is about.
STREAMLIT: dict[str, str] = {
    "list": 'data-testid="stSidebarNavItems"',  # headings of sections stand between its items
    "listitem": '<li class="st-emotion-cache',
    "aria-dialog-name": 'data-testid="stToast"',  # a passing notice, named by what it says only while it is read
}


# What is being redrawn is pale, and so is a notice that fades; its button takes the focus along when it goes.
AT_REST = """() => !document.querySelector('[data-stale="true"], [data-testid="stToast"]')"""


def serious(tab) -> list[str]:
    """Serious and critical findings on the page at rest, outside what is listed as Streamlit's own."""
    from axe_playwright_python.sync_playwright import Axe
    tab.wait_for_timeout(500)
    tab.wait_for_function(AT_REST)
    found = Axe().run(tab).response["violations"]
    return [f"{v['id']}: {node['html'][:160]}" for v in found if v["impact"] in ("serious", "critical")
            for node in v["nodes"] if STREAMLIT.get(v["id"], "\0") not in node["html"]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_serious(chrome, filled, scheme):
    app, case_id = filled
    context = chrome.new_context(viewport={"width": 1280, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    page.set_default_timeout(120_000)
    found = {}
    for name in ("", *PATH, *ALONE, *LIBRARY):
        visit(page, f"{app.url}/{name}?case={case_id}")
        if problems := serious(page):
            found[name or "start"] = problems
    context.close()
    assert not found, found


@pytest.mark.parametrize("width", [390, 820])
def test_no_page_moves_sideways(chrome, filled, width):
    app, case_id = filled
    page = chrome.new_page(viewport={"width": width, "height": 900})
    page.set_default_timeout(120_000)
    found = {}
    for name in ("", *PATH, *ALONE, *LIBRARY):
        visit(page, f"{app.url}/{name}?case={case_id}")
        unfold(page)
        main = page.locator('[data-testid="stMain"]')
        found[name or "start"] = main.evaluate("m => m.scrollWidth - m.clientWidth")
    page.close()
    assert not any(found.values()), found
