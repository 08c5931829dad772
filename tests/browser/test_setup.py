"""From a fresh workspace to the first tested picture of a real model's shape, in few clicks; and by keyboard.

AFTERIMAGE_FULL_REHEARSAL=1 takes a model and a CLIP of full size, which needs a card or many hours.
"""

from __future__ import annotations

import json
import os

from explorer.cases.store import CaseStore
from explorer.findings.calibration import Calibration
from explorer.findings.finding import Finding, Measured
from pages.shared.texts import say
from tests.browser.conftest import LONG
from tests.browser.rehearsal import MOST_CLICKS, MOST_TYPED, fresh, full, own_pictures, rehearse, small
from tests.browser.test_access import serious
from tests.browser.test_ways import enter, pick, type_into


@LONG
def test_from_nothing_to_a_tested_picture(chrome, tmp_path):
    works, controls = own_pictures(tmp_path)
    made = full(tmp_path) if os.environ.get("AFTERIMAGE_FULL_REHEARSAL") else small(tmp_path)
    faults: dict[str, list] = {}
    with fresh(tmp_path, made) as url:
        page = chrome.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(120_000)

        def look(name):
            faults[name] = serious(page) if name != "start" else []

        took = rehearse(page, url, works=works, controls=controls, look=look)
        page.close()
    print(json.dumps(took))
    assert took["setup_clicks"] <= MOST_CLICKS and took["typed_strings"] <= MOST_TYPED
    assert all(found == [] for found in faults.values()), faults
    home = tmp_path / "home"
    assert json.loads((home / "settings.json").read_text())["offline"] is True
    row, = CaseStore(home / "cases").list()
    case = CaseStore(home / "cases").open(row.id)
    test = case.records(Measured)[0]
    found = case.record(Finding, test.id)
    calibration, = case.records(Calibration)
    assert calibration.works == 40 and calibration.policy.guidance == 7.5 and calibration.policy.steps == 20
    if found.kind in ("stands_out", "does_not_stand_out"):
        assert f"of {calibration.works} control pictures" in found.error_rate
    assert "bundled" not in found.error_rate


@LONG
def test_the_decisions_are_made_by_keyboard(chrome, tmp_path):
    _, controls = own_pictures(tmp_path)
    with fresh(tmp_path, {}) as url:
        page = chrome.new_page(viewport={"width": 820, "height": 1180})
        page.set_default_timeout(90_000)
        page.goto(f"{url}/setup")
        pick(page, say("setup.model_folder"), stands=say("setup.model_list"))
        type_into(page, say("setup.model_path"), str(tmp_path), end="Enter")
        page.get_by_text("model_index").first.wait_for()
        type_into(page, say("setup.controls_label"), controls, end="Enter")
        page.get_by_text("40 pictures.").first.wait_for()
        pick(page, say("setup.model_list"), stands=say("setup.model_folder"))
        enter(page, say("setup.go_on"))
        page.get_by_text(say("setup.will_happen")).wait_for()
        page.close()
