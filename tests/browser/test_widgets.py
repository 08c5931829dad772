"""Our own components in a real browser: lossless, by keyboard, by mouse; addresses that open the same view."""

from __future__ import annotations

import base64
import dataclasses
import re

import pytest

from explorer.cases.store import CaseStore
from explorer.images.decode import png_bytes
from pages.shared.texts import say
from tests.browser.app import running
from tests.browser.conftest import visit
from tests.pages.filled import fill, neighbour, picture


@pytest.fixture
def replay(tab, filled):
    app, case_id = filled
    visit(tab, f"{app.url}/replay?case={case_id}")
    tab.get_by_role("button", name=say("compare.slider"), exact=True).wait_for()
    return tab


def test_the_slider_obeys_the_keyboard(replay):
    canvas = replay.get_by_role("img", name=re.compile(say("compare.picture")))
    divider = replay.get_by_role("slider", name=say("compare.divider"))
    before = int(divider.input_value())
    canvas.focus()
    replay.keyboard.press("ArrowRight")
    assert int(divider.input_value()) == before + 20
    for key, mode in (("d", "difference"), ("p", "side"), ("b", "blink"), ("s", "slider")):
        replay.keyboard.press(key)
        button = replay.get_by_role("button", name=say(f"compare.{mode}"), exact=True)
        assert button.get_attribute("aria-pressed") == "true"


def test_the_slider_obeys_the_pointer(replay):
    canvas = replay.get_by_role("img", name=re.compile(say("compare.picture")))
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    canvas.click(position={"x": box["width"] * 0.25, "y": box["height"] / 2})
    divider = replay.get_by_role("slider", name=say("compare.divider"))
    assert abs(int(divider.input_value()) - 250) <= 10


def test_identical_pixels_are_drawn_unchanged(replay):
    """At the whole picture's own size in device pixels every colour is one of the picture's colours."""
    colours = replay.evaluate("""() => {
      const deep = (root) => [root, ...[...root.querySelectorAll('*')].filter(n => n.shadowRoot)
        .flatMap(n => deep(n.shadowRoot))];
      const canvas = deep(document).flatMap(r => [...r.querySelectorAll('.compare canvas')])[0];
      const bits = canvas.getContext('2d').getImageData(4, 4, 40, 40).data;
      return [...new Set(Array.from({length: 1600}, (_, i) => bits.slice(4*i, 4*i+3).join()))];
    }""")
    assert colours == ["255,255,255"]


def test_a_gallery_obeys_the_keyboard_and_the_address_follows(replay):
    items = replay.get_by_role("list", name=say("replay.gallery")).get_by_role("button")
    items.nth(0).focus()
    replay.keyboard.press("ArrowRight")
    replay.keyboard.press("Enter")
    replay.wait_for_url(re.compile("replay=replay0004"))
    assert items.nth(1).get_attribute("aria-pressed") == "true"


def test_what_was_given_the_picture_stands_last_under_a_line_of_its_own(replay):
    cells = replay.get_by_role("list", name=say("replay.gallery")).get_by_role("listitem")
    said = [cell.inner_text() for cell in cells.all()]
    at = said.index(say("replay.given_apart"))
    given = [say("start_short.subject", strength="").strip() in text for text in said]
    assert len(said) == 13 and at == 9 and given == [n > at for n in range(13)]
    assert cells.nth(0).get_by_role("button").get_attribute("aria-pressed") == "true"


def test_the_line_of_keys_names_only_buttons_that_are_there(replay, filled, tmp_path):
    app, _ = filled
    work = tmp_path / "work.png"
    work.write_bytes(png_bytes(picture(3, noise=0.1)))
    case = CaseStore(app.home / "cases").create("A work")
    subject = case.add_subject(work.read_bytes(), "subject.png")
    case.commit(dataclasses.replace(neighbour(subject.id, 1), image_path=str(work)))
    case.close()
    keys_told(replay, "heat", "mask")
    visit(replay, f"{app.url}/neighbours?case={case.id}&work=work-1")
    keys_told(replay)


def keys_told(page, *there):
    """The line below the tool names the keys of these overlays, whose buttons alone are shown."""
    line = page.get_by_text(re.compile(re.escape(say("compare.keys")))).first
    line.wait_for()
    told = ", ".join([say("compare.keys"), *(say(f"compare.{kind}_key") for kind in there)])
    page.wait_for_function("([node, told]) => node.textContent === told", arg=[line.element_handle(), f"{told}."])
    for kind in ("heat", "mask"):
        button = page.get_by_role("button", name=say(f"compare.{kind}"), exact=True)
        assert (button.count() > 0 and button.first.is_visible()) == (kind in there)


def test_the_subject_is_shown_byte_for_byte(tab, filled):
    app, case_id = filled
    visit(tab, f"{app.url}/subject?case={case_id}")
    source = tab.locator("img.evidence").first.get_attribute("src")
    case = CaseStore(app.home / "cases").open(case_id)
    assert base64.b64decode(source.split(",")[1]) == case.blob(case.subjects()[0].pixels_sha256)


def test_a_link_opens_the_same_replay(tab, filled):
    app, case_id = filled
    visit(tab, f"{app.url}/replay?case={case_id}&replay=replay0005")
    tab.get_by_text("Seed 5").first.wait_for()


def test_the_first_visitor_of_a_deep_link_sees_the_page_and_no_notice(tab, tmp_path):
    case, _ = fill(tmp_path / "home", replays=4)
    case.close()
    with running(tmp_path / "home") as app:
        visit(tab, f"{app.url}/findings?case={case.id}")
        tab.wait_for_timeout(1000)
        assert tab.locator('[role="dialog"]').count() == 0
        assert "/findings" in tab.url
        tab.get_by_text(say("verdict.none")).first.wait_for()
