"""The replay page with a race on record: its picture, its limit, pause and extension; stop rules in the form."""

from __future__ import annotations

import dataclasses
import json

import pytest

from explorer.cases.store import CaseStore
from explorer.jobs.queue import Queue
from explorer.records import Effort, ReplaySettings, SearchPlan, SearchSummary, StopRules, to_json
from explorer.records.race_records import RaceRound, RaceSetup
from explorer.records.scans import SeedMatch, SeedScan
from explorer.search.race_plan import CALIBRATION
from explorer.settings import load_settings
from pages.shared.texts import say
from tests.pages.filled import MODEL
from tests.pages.test_pages import press, written

RACED = "ace" + "0" * 13


@pytest.fixture
def raced(case, home):
    """A race of six seeds in the filled case: two dropped at the first checkpoint, three at the second."""
    store = CaseStore(home / "cases").open(case[0])
    settings = ReplaySettings("a red ball", seeds=6, mode="race", stop=StopRules(tries=6))
    seeds, far = (4, 0, 3, 5, 1, 2), (0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
    store.commit(SearchPlan(RACED, case[1], to_json(settings), MODEL, "c" * 64, "e" * 64, 6))
    store.commit(RaceSetup(RACED, case[1], (3, 6), (0.6, 0.1), 6, 0.093, 180))
    for n, (reached, kept) in enumerate(((6, 4), (4, 1), (1, 1))):
        store.commit(RaceRound(f"{RACED}/h/{n}", case[1], RACED, "h/0", n, (3, 6, 12)[n], 12, seeds[:reached],
                               far[:reached], kept, n == 2, 12, 0.5))
    store.commit(SearchSummary(RACED, case[1], "stopped", "tiled_l2", "", Effort(6, 36, 1.5), (), 6, "tries", 6,
                               0.093))
    store.close()
    return case


def shown(opened, raced):
    app = opened("replay", raced)
    return next(s for s in app.selectbox if s.key and s.key.startswith("which_search")).set_value(RACED).run()


def test_the_race_says_what_started_and_what_may_be_lost(opened, raced):
    app = shown(opened, raced)
    text = written(app)
    assert not app.exception and say("race.picture") in text
    assert say("race.result", starters=6, finished=1, limit=say("race.limit_known", limit="9%")) in text
    assert say("race.ended", rule=say("stop_rule.tries")) in text


def test_a_stopped_search_goes_on_without_its_rules(opened, raced, home):
    press(shown(opened, raced), say("race.go_on"))
    task = Queue(load_settings(home).database).active()[0].task
    assert task.search_id == RACED and task.settings.stop == StopRules()
    assert (task.settings.seeds, task.settings.mode) == (6, "race")


def test_a_finished_search_is_extended_by_more_seeds(opened, case, home):
    store = CaseStore(home / "cases").open(case[0])
    before, = store.plans(case[1])
    app = opened("replay", case)
    app = next(s for s in app.selectbox if s.key.startswith("which_search")).set_value(before.id).run()
    next(n for n in app.number_input if n.key == f"more_{before.id}").set_value(20).run()
    press(app, say("race.extend"))
    task = Queue(load_settings(home).database).active()[0].task
    assert task.search_id == before.id
    assert task.settings == dataclasses.replace(task.settings, seeds=before.settings["seeds"] + 20)


def test_the_form_says_what_is_known_of_a_race_and_starts_it_with_stop_rules(opened, case, home):
    app = opened("replay", case)
    next(g for g in app.button_group if g.key == "mode").set_value("race").run()
    stored, = json.loads(CALIBRATION.read_text("utf-8"))["calibrations"]
    smallest = stored["plans"][0]
    known = say("race.known", heat=smallest["starters"], limit=f"{smallest['loss_upper']:.0%}",
                works=stored["subjects"])
    assert known in written(app)
    next(n for n in app.number_input if n.key.startswith("guidance")).set_value(7.0).run()
    assert say("race.unknown", heat=16) in written(app) and known not in written(app)
    next(n for n in app.number_input if n.key == "stop_tries").set_value(500).run()
    press(app, say("replay.start"))
    settings = Queue(load_settings(home).database).active()[0].task.settings
    assert settings.mode == "race" and settings.stop == StopRules(tries=500)


def test_closer_steps_and_a_scan_are_queued(opened, case, home):
    app = press(opened("replay", case), say("closer.go"))
    assert not app.exception and "at most" in written(app)
    queue = Queue(load_settings(home).database)
    settings = queue.active()[0].task.settings
    assert (settings.mode, settings.rounds, settings.options) == ("closer", 4, 16) and settings.parent
    press(opened("replay", case), say("seeds.start"))
    task = queue.active()[0].task
    assert (type(task).__name__, task.first, task.stop) == ("RecoverSeed", 0, 1_000_000)


def test_scans_say_what_they_found_and_what_they_did_not(opened, case, home):
    store = CaseStore(home / "cases").open(case[0])
    match = SeedMatch(77, "torch-cpu", "plain", 0.31, 1e-30, 1e-24, {"tiled_l2": 0.12})
    for name, matches in (("a", (match,)), ("b", (dataclasses.replace(match, chance=0.4),))):
        store.commit(SeedScan(name, case[1], "f" * 64, 0, 1000, 1000, 2000, ("torch-cpu",), ("plain",), matches))
    store.close()
    text = written(opened("replay", case))
    assert text.count("This picture contains this noise: that of seed 77") == 1 and "After 4,000 tries" in text
    assert "28 of 100 seeds were named" in text and "the same seed gives the same noise" in text
    assert say("seeds.none", first=0, last=999, tried="2,000", correlation="0.310") in text


def test_a_sweep_is_laid_out_by_two_settings(opened, case):
    app = opened("replay", case)
    next(t for t in app.toggle if t.key.startswith("grid_show")).set_value(True).run()
    assert not app.exception
    table = next(h.body for h in app.get("html") if '<table class="sweep">' in h.body)
    assert table.count("<img ") >= 2 and 'scope="row"' in table and say("grid.from_noise") in table


def test_several_prompts_are_swept(opened, case, home):
    app = opened("replay", case)
    typed = "a red ball\n\n a blue ball \na red ball"
    next(a for a in app.text_area if a.key == "more_prompts").set_value(typed).run()
    press(app, say("replay.start"))
    settings = Queue(load_settings(home).database).active()[0].task.settings
    assert settings.more_prompts == ("a red ball", "a blue ball")
