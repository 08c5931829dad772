"""The whole loop in a real browser: upload, run, replays, cancel a second run, reload: everything is there."""

from __future__ import annotations

import re

from explorer.cases.store import CaseStore
from explorer.findings.finding import Finding
from explorer.jobs.queue import Queue
from explorer.settings import load_settings
from explorer.world.example_picks import read_examples
from pages.shared.texts import say
from tests.browser.app import running, settled
from tests.browser.conftest import picture_file, visit


def until_idle(page, home, *, timeout_s: int = 900) -> None:
    """Waits until no job runs or waits any more, and the page has seen it."""
    queue = Queue(load_settings(home).database)
    for _ in range(timeout_s):
        if not queue.active():
            break
        page.wait_for_timeout(1000)
    assert not queue.active(), [(j.name, j.state, j.error) for j in queue.active()]
    failed = [(j.name, j.error) for j in queue.recent() if j.state == "failed"]
    assert not failed, failed
    page.get_by_text(say("tray.idle")).wait_for()


def test_the_whole_loop_and_what_outlives_it(tab, tmp_path, world):
    home = tmp_path / "home"
    copied = next(e for e in read_examples(world) if e.story == "copied")
    with running(home) as app:
        visit(tab, app.url)
        tab.set_input_files('input[type="file"]', str(picture_file(tmp_path, world / copied.image)))
        tab.get_by_role("button", name=say("begin.add", n=1)).click()
        tab.wait_for_url(re.compile("/subject"))
        tab.get_by_role("button", name=say("subject.run")).click()
        tab.locator('[data-testid="stSidebar"]').get_by_text(say("task.RunSearch")).wait_for()
        until_idle(tab, home)
        case = CaseStore(home / "cases").open(CaseStore(home / "cases").list()[0].id)
        subject = case.subjects()[0]
        assert case.neighbours(subject.id) and case.chosen_prompt(subject.id)
        made = case.count_replays(subject.id)
        assert made == 18 + 16  # the loop's own replays, and the measured test's
        assert [f.kind for f in case.records(Finding, subject_id=subject.id)] == ["stands_out"]
        tab.get_by_text(case.neighbours(subject.id)[0].creator, exact=True).first.wait_for()

        start_and_cancel(tab, app.url, case.id)
        until_idle(tab, home)
        kept = case.count_replays(subject.id)
        assert made <= kept < made + 400
        tab.reload()
        settled(tab)
        tab.get_by_text(say("replay.count", shown=min(24, kept), total=kept)).wait_for()
        address = tab.url
    with running(home) as again:  # the server ended meanwhile: the same address still opens the same case
        visit(tab, again.url + address[address.index("/", 8):])
        tab.get_by_text(say("replay.count", shown=min(24, kept), total=kept)).wait_for()


def start_and_cancel(tab, url: str, case_id: str) -> None:
    """Starts a long search on the Replay page and cancels it from the tray."""
    visit(tab, f"{url}/replay?case={case_id}")
    tab.get_by_text(say("replay.form_again")).click()
    seeds = tab.get_by_label(say("set.seeds"), exact=True)
    seeds.fill("400")
    seeds.press("Enter")
    tab.get_by_text("402 replays").wait_for()
    tab.get_by_role("button", name=say("replay.start")).click()
    tab.locator('[data-testid="stSidebar"]').get_by_role("button", name=say("tray.cancel")).first.click()
    tab.get_by_text(say("live.cancelled")).first.wait_for()
