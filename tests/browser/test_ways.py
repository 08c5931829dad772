"""The three ways in, each from the start page to a saved report; the expert's with the keyboard alone.

At two window sizes, light and dark; the two ways that compute use few seeds and steps of the bundled model.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from explorer.cases.store import CaseStore
from explorer.world.example_cases import read
from explorer.world.example_picks import read_examples
from pages.shared.texts import say
from tests.browser.app import App, running, settled
from tests.browser.conftest import picture_file, visit
from tests.browser.test_access import AT_REST, serious

LOOKS = [((1280, 900), "light"), ((1920, 1080), "dark")]
FOCUSED = """() => {
  let node = document.activeElement;
  while (node?.shadowRoot?.activeElement) node = node.shadowRoot.activeElement;
  const labels = [...(node?.labels || [])].map((label) => label.innerText);
  const written = node?.matches?.('button, a, summary') ? node.innerText : '';  // the page scrolls by key, too
  const told = [node?.getAttribute('aria-label'), ...labels, written].filter(Boolean).join('\\n');
  return { field: Boolean(node?.matches?.('input, textarea')), lines: told.split('\\n').map((l) => l.trim()) };
}"""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """One server for all ways, so that its worker loads the model once."""
    with running(tmp_path_factory.mktemp("ways") / "home") as started:
        yield started


@pytest.fixture(params=LOOKS, ids=["1280-light", "1920-dark"])
def look(chrome, request) -> Iterator:
    """A tab of a size and a colour scheme."""
    (width, height), scheme = request.param
    context = chrome.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    context.set_default_timeout(90_000)
    yield context.new_page()
    context.close()


@pytest.fixture
def work(tmp_path, world) -> Path:
    """A picture as a person has it on disk, with a caption that the model knows."""
    copied = next(e for e in read_examples(world) if e.story == "copied")
    return picture_file(tmp_path, world / copied.image)


def saved(tab, tmp_path: Path, *, press) -> bytes:
    """The newest report that the page offers: `press` sets off the download."""
    with tab.expect_download() as download:
        press()
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    return path.read_bytes()


def written(tab, *, press) -> None:
    """Has a report written by `press`, and waits until one more is offered and the page is at rest."""
    told = tab.get_by_text(re.compile("^Report for log entry"))
    before = told.count()
    press()
    told.nth(before).wait_for()
    tab.get_by_text(say("tray.idle")).wait_for()
    settled(tab)


def fill_small(tab, prompt: str) -> None:
    """A search of a few seconds: four seeds, six steps."""
    for label, value in ((say("set.seeds"), "4"), (say("set.steps"), "6")):
        field = tab.get_by_label(label, exact=True)
        field.fill(value)
        field.press("Enter")
    words = tab.get_by_label(say("set.prompt"), exact=True)
    words.fill(prompt)
    words.press("Control+Enter")


def arrived(tab, name: str) -> None:
    """Waits until a page is there and drawn."""
    tab.get_by_role("heading", name=say(f"{name}.title"), exact=True, level=1).wait_for()
    settled(tab)


def step(tab, name: str):
    """The link of a step on the path, above the page."""
    return tab.locator(".st-key-path").get_by_role("link", name=re.compile(say(f"nav.{name}")))


def test_an_artist_checks_a_work(app, look, work, tmp_path):
    visit(look, app.url)
    look.set_input_files('input[type="file"]', str(work))
    look.get_by_role("button", name=say("begin.add", n=1)).click()
    arrived(look, "subject")
    step(look, "replay").click()
    arrived(look, "replay")
    fill_small(look, "Anatra, by Architetto Francesco Rollandin")
    look.get_by_text("6 replays", exact=True).wait_for()
    look.get_by_role("button", name=say("replay.start")).click()
    look.get_by_text(say("replay.count", shown=6, total=6)).wait_for()
    step(look, "findings").click()
    look.get_by_text(say("findings.theft")).wait_for()
    look.get_by_text(say("answer.tried"), exact=True).click()
    look.get_by_text(say("findings.not_absent")).wait_for()
    step(look, "report").click()
    look.get_by_text(say("kind.pdf"), exact=True).click()
    written(look, press=look.get_by_role("button", name=say("report.go")).click)
    button = look.get_by_role("button", name=say("report.download")).first
    assert saved(look, tmp_path, press=button.click).startswith(b"%PDF-")
    assert serious(look) == []


def test_a_journalist_opens_an_example(app, look, tmp_path, world):
    told = next(t for t in read() if t.story == "comes_back")
    visit(look, app.url)
    look.get_by_role("link", name=say("start.journalist_go")).click()
    arrived(look, "examples")
    look.locator(".st-key-story_comes_back").get_by_role("button").click()
    look.get_by_text(say("told.every", n=told.replays)).wait_for()
    look.get_by_role("button", name=say("compare.slider"), exact=True).wait_for()
    look.get_by_text(say("plane.text")).wait_for()
    assert serious(look) == []
    look.locator('[data-testid="stMain"]').get_by_role("link", name=say("nav.report")).click()
    arrived(look, "report")
    written(look, press=look.locator(".st-key-write_report button").click)  # the other screen wrote one before
    button = look.get_by_role("button", name=say("report.download")).first
    page = saved(look, tmp_path, press=button.click).decode()
    assert told.title in page and told.head in page and "<script" not in page


def tab_to(tab, *names: str, field: bool = False, most: int = 150) -> None:
    """Presses Tab until what has the focus, a `field` or not, is called by one of the names."""
    tab.wait_for_timeout(400)  # what was pressed before sets off a run of the page
    settled(tab)
    tab.wait_for_function(AT_REST)
    heard = []
    for _ in range(most):
        tab.keyboard.press("Tab")
        heard.append(tab.evaluate(FOCUSED))
        if set(names) & set(heard[-1]["lines"]) and heard[-1]["field"] == field:
            return
    raise AssertionError(f"{names!r} is not reached by Tab; passed {[h['lines'][:2] for h in heard]}")


def enter(tab, name: str) -> None:
    """Goes to what is called so and presses it, as the keyboard does."""
    tab_to(tab, name)
    tab.keyboard.press("Enter")


def pick(tab, name: str, *, stands: str) -> None:
    """Chooses one of a row of buttons as the keyboard does: Tab leads to one of them, arrows along.

    To the one that `stands`, or to the wanted one where the row, drawn again late, still has its old stop.
    """
    tab_to(tab, stands, name)
    for way in ("ArrowRight",) * 4 + ("ArrowLeft",) * 8:
        if name in tab.evaluate(FOCUSED)["lines"]:
            tab.keyboard.press("Enter")
            return
        tab.keyboard.press(way)
    raise AssertionError(f"no arrow leads from {stands!r} to {name!r}")


def type_into(tab, name: str, text: str, *, end: str = "") -> None:
    tab_to(tab, name, field=True)
    tab.keyboard.press("Control+a")
    tab.keyboard.type(text)
    if end:
        tab.keyboard.press(end)


def choose_file(tab, path: Path) -> None:
    """Opens the drop zone's own file dialogue from the keyboard; a press while the page is drawn may be lost.

    Dialogues are listened for all the while: one that opens late, between two presses, would otherwise open
    unheard, and the browser opens no other beside it.
    """
    opened: list = []
    tab.on("filechooser", lambda chooser: opened.append(chooser))
    for _ in range(3):
        tab_to(tab, "Upload")
        tab.keyboard.press("Enter")
        for _ in range(60):
            if opened:
                opened[0].set_files(str(path))
                return
            tab.wait_for_timeout(250)
    raise AssertionError("no file dialogue was opened by the keyboard")


def test_an_expert_prepares_an_exhibit_by_keyboard(app, look, work, tmp_path):
    visit(look, app.url)
    enter(look, say("case.new"))
    type_into(look, say("case.title"), "Poster against model")
    type_into(look, say("case.number"), "7 O 12/26")
    type_into(look, say("case.question"), "Can the model bring this image back?")
    enter(look, say("case.make"))
    arrived(look, "subject")
    choose_file(look, work)
    look.get_by_role("button", name=say("begin.add", n=1)).wait_for()
    enter(look, say("begin.add", n=1))
    look.get_by_text(say("subject.unaltered")).wait_for()
    enter(look, f"4 {say('nav.replay')}")
    arrived(look, "replay")
    type_into(look, say("set.prompt"), "Anatra, by Architetto Francesco Rollandin", end="Control+Enter")
    type_into(look, say("set.seeds"), "4", end="Enter")
    type_into(look, say("set.steps"), "6", end="Enter")
    enter(look, say("replay.start"))
    look.get_by_text(say("replay.count", shown=6, total=6)).wait_for()
    look.get_by_text(say("tray.idle")).wait_for()  # the page changes once more when the search has ended
    enter(look, say("marks.hide"))
    look.get_by_text(say("replay.count", shown=5, total=5)).wait_for()
    enter(look, f"6 {say('nav.report')}")
    arrived(look, "report")
    written(look, press=lambda: enter(look, say("report.go")))
    page = saved(look, tmp_path, press=lambda: enter(look, say("report.download"))).decode()
    assert "7 O 12/26" in page and "Can the model bring this image back?" in page
    newest = CaseStore(app.home / "cases").list()[0]
    assert newest.replays == 6  # what was hidden is on record
