"""Whether the model knows the picture, answered in one sentence with one number; and how it is asked."""

from __future__ import annotations

import dataclasses

import pytest

from explorer.cases.store import CaseStore
from explorer.familiarity.judge import judge
from explorer.familiarity.known_among import among
from explorer.familiarity.records import FamiliarityTest, KnownControls, MadeBy
from explorer.jobs.flows import investigate, own_test
from explorer.jobs.queue import Queue
from explorer.jobs.tasks import MeasureFamiliarity, MeasureKnownControls
from explorer.records import ModelInfo, ModelRef, ReplaySettings
from explorer.records.policy import Policy
from explorer.settings import load_settings, save_settings
from pages.shared.texts import say
from tests.pages.filled import fill
from tests.pages.test_pages import press, written

MODEL = ModelRef("world", "ab" * 32, "sd1")
CONTROLS = KnownControls("k", "world", MODEL.fingerprint, "p", tuple(f"w{n}" for n in range(40)),
                         tuple(f"a{n}" for n in range(40)), tuple(n / 40 for n in range(40)))


def asked(home, value: float, *, controls: KnownControls | None = CONTROLS, earlier: int = 0,
          made: bool = False) -> tuple[str, str]:
    """A case with a test of familiarity of this value on record."""
    case, subject = fill(home)
    sign = MadeBy(made, ("replay",) if made else ())
    finding = judge(subject, value, ratio=0.98, evaluations=15, controls=controls, features={}, made_by=sign,
                    earlier_tests=earlier)
    case.commit_all([*([controls] if controls else []), FamiliarityTest(
        "t", subject, MODEL, "p", "recovered", ("a door",), "a door", value, 0.98, 15, {},
        controls.id if controls else "", finding, sign, earlier)])
    case.close()
    return case.id, subject


@pytest.mark.parametrize(("value", "kind", "at_least"), [(2.0, "known", 0), (0.5, "not_known", 20)])
def test_the_answer_is_a_sentence_with_its_count(opened, home, value, kind, at_least):
    text = written(opened("findings", asked(home, value)))
    assert say(f"familiar.familiarity_{kind}") in text
    assert say("familiar.line_plain", at_least=at_least, controls=40) in text
    assert say(f"familiar.familiarity_{kind}_limit") in text


@pytest.mark.parametrize(("more", "kind"), [({"controls": None}, "no_controls"), ({"earlier": 1}, "exploratory")])
def test_where_nothing_is_decided_it_says_why(opened, home, more, kind):
    text = written(opened("findings", asked(home, 2.0, **more)))
    assert say(f"familiar.familiarity_{kind}") in text and say(f"familiar.familiarity_{kind}_text") in text
    assert say("familiar.line_plain", at_least=0, controls=40) not in text


def test_a_picture_that_the_model_made_is_told_so(opened, home):
    text = written(opened("findings", asked(home, 2.0, made=True)))
    assert say("familiar.familiarity_made") in text


def test_the_count_gives_the_p_value(home):
    case_id, _ = asked(home, 0.5)
    case = CaseStore(home / "cases").open(case_id)
    test, = case.records(FamiliarityTest)
    found = among(test, CONTROLS)
    assert test.finding.numbers["p"] == pytest.approx((1 + found.at_least) / 41) and not found.adjusted
    case.close()


def test_asking_with_another_model_takes_the_controls_that_are_set(opened, home, tmp_path):
    save_settings(dataclasses.replace(load_settings(home), model="/models/other", clip="/clips/other",
                                      controls=str(tmp_path)))
    case, subject = fill(home)
    case.close()
    press(opened("findings", (case.id, subject)), say("familiar.start"))
    tasks = [j.task for j in reversed(Queue(load_settings(home).database).active())]
    assert [type(t) for t in tasks[-2:]] == [MeasureKnownControls, MeasureFamiliarity]
    assert tasks[-1].controls == tasks[-2].controls == str(tmp_path) and tasks[-1].model == "/models/other"


def test_a_model_that_only_its_own_program_runs_is_not_asked(home, tmp_path):
    settings = dataclasses.replace(load_settings(home), model="/m", clip="/c", controls=str(tmp_path))
    other = ModelInfo("/m", "m", "pixart", "ab" * 32, "", 1, 512, 20, 4.5)
    assert own_test(settings, dataclasses.replace(other, family="sd1")).known
    assert not own_test(settings, other).known
    with Queue(settings.database) as queue:
        flow = investigate(queue, "c", "s", settings=ReplaySettings(prompt="a door"), policy=Policy(), known=False)
        kinds = {type(queue.get(job).task).__name__ for job in flow.jobs}
    assert "MeasureSubject" in kinds and "MeasureFamiliarity" not in kinds and flow.known == ()
