"""The answer first in a real browser: after "Run it all", on a phone, for every finished example run again."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from explorer.cases.store import CaseStore
from explorer.findings.finding import Finding
from explorer.jobs.queue import Queue
from explorer.settings import load_settings
from explorer.world.example_cases import open_told, read
from explorer.world.example_picks import read_examples
from pages.shared.frame import ALONE, LIBRARY, PATH
from pages.shared.texts import say
from tests.browser.answer_place import ANSWER, HEIGHTS, answer_y_px
from tests.browser.app import App, running
from tests.browser.conftest import LONG, picture_file, visit
from tests.browser.test_access import serious

TOLD = {t.story: t for t in read() if t.replays < 100 and t.work_id}
CHIP = ".st-key-model_chip"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """A workspace into which the other side's package was taken: it holds a test of the picture used below."""
    home = tmp_path_factory.mktemp("answer") / "home"
    open_told(CaseStore(home / "cases"), TOLD["comes_back"]).close()
    with running(home) as started:
        yield started


def answered(tab) -> None:
    """Waits for the verdict, as it comes by itself, and takes its lower edge into view for nobody."""
    tab.locator(ANSWER).wait_for(timeout=850_000)


def stop(tab, app: App) -> None:
    """Cancels what is left of a run: the answer is there already."""
    from explorer.jobs import launch
    queue = Queue(load_settings(app.home).database)
    for job in queue.active():
        launch.cancel(load_settings(app.home), job.id, person="")
    for _ in range(120):
        if not queue.active():
            return
        tab.wait_for_timeout(500)


def in_view(tab, selector: str) -> bool:
    """Whether all of it lies inside the window, as the page stands."""
    box, size = tab.locator(selector).bounding_box(), tab.viewport_size
    return box["y"] >= 0 and box["y"] + box["height"] <= size["height"] and box["x"] + box["width"] <= size["width"]


def test_after_run_it_all_the_verdict_is_in_view_and_another_ones_package_did_not_count(app, tab, tmp_path, world):
    copied = next(e for e in read_examples(world) if e.story == "copied")
    visit(tab, app.url)
    tab.set_input_files('input[type="file"]', str(picture_file(tmp_path, world / copied.image)))
    tab.get_by_role("button", name=say("begin.add", n=1)).click()
    tab.wait_for_url(re.compile("/subject"))
    tab.get_by_text(say("subject.run_test", seeds=16, controls=400)).wait_for()
    tab.get_by_role("button", name=say("subject.run"), exact=True).click()
    answered(tab)
    tab.get_by_text(say("verdict.stands_out")).wait_for()
    stop(tab, app)
    tab.wait_for_timeout(3000)
    assert tab.evaluate("document.querySelector('[data-testid=\"stMain\"]').scrollTop") == 0
    assert in_view(tab, ANSWER)
    assert tab.get_by_text(say("verdict.exploratory")).count() == 0
    assert serious(tab) == []


@LONG
@pytest.mark.parametrize("story", TOLD)
def test_run_this_one_gives_the_storys_answer_and_never_a_repeat_test(app, tab, story):
    told = TOLD[story]
    visit(tab, f"{app.url}/examples?story={story}")
    wanted, = open_told(CaseStore(app.home / "cases"), told).records(Finding)
    tab.get_by_role("button", name=say("told.try"), exact=True).click()
    tab.wait_for_url(re.compile("/subject"))
    answered(tab)
    tab.get_by_text(say(f"verdict.{wanted.kind}"), exact=True).first.wait_for()
    stop(tab, app)
    newest = CaseStore(app.home / "cases").list()[0]
    found, = CaseStore(app.home / "cases").open(newest.id).records(Finding)
    assert found.kind == wanted.kind  # its rank may differ by a few where the rule of ranking is of a later day


@LONG
@pytest.mark.parametrize("width", [1280, 820, 390])
def test_the_model_under_test_is_in_view_on_every_page(app, chrome, width):
    context = chrome.new_context(viewport={"width": width, "height": HEIGHTS[width]})
    context.set_default_timeout(120_000)
    page = context.new_page()
    for name in ("", *PATH, *ALONE, *LIBRARY):
        visit(page, f"{app.url}/{name}")
        chip = page.locator(f"{CHIP} button:visible").first  # a narrow window has a second one, without the tip
        chip.wait_for()
        assert say("chip.world") in chip.inner_text() and in_view(page, CHIP), name
        page.evaluate("document.querySelector('[data-testid=\"stMain\"]').scrollTo(0, 1e6)")
        assert in_view(page, CHIP), name
    context.close()


def test_the_chip_opens_by_keyboard_and_offers_another_model(app, tab):
    visit(tab, app.url)
    tab.locator(f"{CHIP} button").first.focus()
    tab.keyboard.press("Enter")
    tab.get_by_text(say("chip.switch")).wait_for()
    tab.get_by_role("link", name=say("chip.more")).click()
    tab.get_by_role("heading", name=say("setup.title"), exact=True, level=1).wait_for()


def test_the_answer_ends_within_the_first_screen_and_on_a_phone_within_one_and_a_half(chrome):
    found = answer_y_px(chrome=chrome)
    assert found["1280"] <= HEIGHTS[1280] and found["390"] <= 1.5 * HEIGHTS[390]
