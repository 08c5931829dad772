"""The Incidence page: a plan is declared and queued, results of both sides, the agreed plan and departures."""

from __future__ import annotations

import pytest

from explorer.cases.store import CaseStore
from explorer.evidence.agreed_plan import write_plan
from explorer.evidence.plan_on_record import put_plan
from explorer.jobs.queue import Queue
from explorer.records.incidence_settings import PopulationAsked
from explorer.settings import load_settings
from explorer.world.example_cases import open_told, read
from pages.shared.texts import say
from tests.pages.test_pages import press, written
from tests.report.test_incidence_part import AGREED, both_signed, incidence


@pytest.fixture
def with_plan(case, home):
    """The filled case with an agreed plan, and one incidence plan with a population inside and one outside."""
    store = CaseStore(home / "cases").open(case[0])
    put_plan(store, write_plan(both_signed(AGREED)))
    incidence(store)
    return case


def test_a_plan_is_declared_with_all_that_it_fixes(opened, case, home):
    app = opened("incidence", case)
    app.selectbox(key="kind_0").set_value("captions").run()
    app.text_input(key="population_0").set_value("captions of ours").run()
    app.text_input(key="side_0").set_value("claimant").run()
    press(app, say("incidence.start"))
    task = Queue(load_settings(home).database).active()[0].task
    assert task.settings.populations == (PopulationAsked("captions of ours", "captions", "claimant"),)
    assert task.settings.works == "case" and task.settings.rivals == "world"
    assert (task.settings.absolute, task.settings.margin, task.settings.looks) == (0.19, 0.8, (1.0,))


def test_nothing_starts_before_every_population_has_a_name(opened, case):
    app = opened("incidence", case)
    assert next(b for b in app.button if b.label == say("incidence.start")).disabled


def test_in_a_case_from_a_package_it_says_where_a_plan_can_be_declared(opened, home):
    case = open_told(CaseStore(home / "cases"), read()[0])
    app = opened("incidence", (case.id, case.subjects()[0].id))
    assert [i.value for i in app.info] == [say("incidence.read_only")] and not app.exception
    assert say("incidence.start") not in [b.label for b in app.button]
    assert say("incidence.new_case") in [b.label for b in app.button]


def test_populations_stand_side_by_side_and_those_outside_the_plan_apart(opened, with_plan):
    app = opened("incidence", with_plan)
    text = written(app)
    assert "named by both" in text and "named by claimant" in text and "one\\-sided 95% limit" in text
    assert any(say("incidence_report.outside_text") in w.value for w in app.warning)
    assert "a population that the plan does not name" in text and not app.exception
    assert len(app.dataframe) == 2  # works that came back, and every prompt


def test_a_model_of_unknown_version_is_told_large(opened, with_plan):
    app = opened("incidence", with_plan)
    assert say("notice.unknown") in [t.value for t in app.title]
    assert AGREED.sha256 in written(app)


def test_a_case_is_made_for_counsel_only_and_says_so_to_its_owner(opened, home):
    app = opened("cases")
    next(t for t in app.toggle if t.label == say("counsel.toggle")).set_value(True)
    next(t for t in app.text_input if t.label == say("case.title")).set_value("Between us")
    press(app, say("case.make"))
    row, = CaseStore(home / "cases").list()
    assert row.counsel_only and row.title == "Between us"
    assert any(say("counsel.banner") in w.value for w in opened("report", (row.id, "")).warning)
