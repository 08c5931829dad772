"""The one answer: which test of several speaks, under which model, and when the works as a set leave none."""

from __future__ import annotations

import dataclasses

import pytest

from explorer.cases.case import Case
from explorer.cases.store import CaseStore
from explorer.findings.among import among
from explorer.findings.finding import ControlResults, Finding, Measured
from explorer.findings.verdict import models_of, policy_of, verdicts
from explorer.images.decode import png_bytes
from explorer.records import Effort, SearchPlan
from explorer.records.policy import Policy
from explorer.world.example_cases import open_told, read
from tests.cases.made import make_replay
from tests.pages.filled import MODEL, picture

OTHER = dataclasses.replace(MODEL, source="/models/other", fingerprint="0" * 64)
CONTROLS = ControlResults("c", "forty", MODEL.fingerprint, "tiled_l2", Effort(16, 384), tuple(map(str, range(40))),
                          tuple(0.3 + n / 100 for n in range(40)), policy="p")


@pytest.fixture
def case(tmp_path) -> Case:
    made = CaseStore(tmp_path / "cases").create("One")
    made.add_subject(png_bytes(picture()), "ball.png")
    made.commit(CONTROLS)
    return made


def measure(case: Case, name: str, kind: str, *, model=MODEL, p: float | None = None, earlier: int = 0,
            value: float = 0.2, replay: bool = True) -> None:
    subject = case.subjects()[0]
    case.commit(SearchPlan(name, subject.id, {"prompt": "a ball"}, model, "c" * 64, "e" * 64, 1))
    if replay:
        made = make_replay(seed=0, subject_id=subject.id, search_id=name)
        case.commit(dataclasses.replace(made, id=f"r{name}", recipe=dataclasses.replace(made.recipe, model=model)))
    case.commit(Measured(name, subject.id, "p", "a ball", value, f"r{name}", Effort(16, 384), {}, "c", earlier))
    case.commit(Finding(name, subject.id, kind, "Something.", {} if p is None else {"p": p}))


def answers(case: Case):
    return verdicts(case, case.subjects()[0].id)


def test_without_a_test_there_is_no_answer(case):
    assert answers(case) == ()


def test_the_first_test_speaks_and_what_was_chosen_after_a_look_does_not(case):
    measure(case, "first", "stands_out", p=0.02)
    measure(case, "later", "exploratory", earlier=1, value=0.01)
    one, = answers(case)
    assert (one.test.id, one.kind, one.p, one.replay.id) == ("first", "stands_out", 0.02, "rfirst")
    assert one.controls == CONTROLS


def test_a_test_with_a_p_value_goes_before_one_without(case):
    measure(case, "none", "no_controls")
    measure(case, "ranked", "does_not_stand_out", p=0.4)
    assert answers(case)[0].test.id == "ranked"


def test_each_model_has_its_own_answer_the_last_one_first(case):
    measure(case, "one", "stands_out", p=0.02)
    measure(case, "two", "does_not_stand_out", model=OTHER, p=0.7)
    assert [(v.model.source, v.kind) for v in answers(case)] == [
        ("/models/other", "does_not_stand_out"), ("world", "stands_out")]
    assert {k: m.source for k, m in models_of(case, case.subjects()[0].id).items()} == {
        "one": "world", "two": "/models/other"}


def test_an_answer_stands_though_its_replay_is_not_in_the_case(case):
    measure(case, "bare", "stands_out", p=0.02, replay=False)
    one, = answers(case)
    assert one.replay is None and one.model == MODEL


def test_the_dots_are_what_the_rank_counts():
    test = Measured("m", "s", "p", "", 0.35, "r", Effort(), {}, "c")
    found = among(test, CONTROLS)
    assert (found.mine, found.unit, found.turned) == (0.35, "score", True)
    assert found.at_least == CONTROLS.as_close(0.35) == 6


@pytest.mark.parametrize("told", [t for t in read() if t.replays < 100], ids=lambda t: t.story)
def test_each_finished_example_has_the_answer_that_went_on_record(tmp_path, told):
    opened = open_told(CaseStore(tmp_path / "cases"), told)
    found = verdicts(opened, opened.subjects()[0].id)
    recorded = opened.records(Finding)
    assert [(v.kind, v.p) for v in found] == [(f.kind, f.numbers.get("p")) for f in recorded]
    for one in found:
        assert policy_of(one.test) == Policy("caption")
        if one.p is not None:
            places = among(one.test, one.controls, one.p)
            assert (1 + places.at_least) / (1 + len(places.theirs)) == pytest.approx(one.p)
