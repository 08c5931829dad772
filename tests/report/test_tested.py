"""Measured tests in a report: nothing weighed where nothing is decided, what is ranked is what is drawn."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from explorer.cases.snapshot import snapshot
from explorer.findings.case_plane import case_plane
from explorer.findings.case_tests import Ranked, ranked_tests
from explorer.findings.closeness_finding import judge_measured
from explorer.findings.expectation import Expectation
from explorer.findings.features import FEATURES
from explorer.findings.finding import ControlResults, Finding, Measured
from explorer.images.decode import png_bytes
from explorer.records import Effort, ModelRef, SearchPlan
from explorer.report import drawings, report_texts
from explorer.report.blocks import Figure, PictureRow, Table, Text
from explorer.report.chosen import exhibit_of
from explorer.report.options import ReportOptions
from explorer.report.page_one import answer_blocks
from explorer.report.subject_part import WHOLE_PLANE, body_blocks
from explorer.report.tested import among_controls, dots
from explorer.report.write_report import document_of
from explorer.texts import say
from tests.report.case_for_report import MODEL, make_case, picture

OTHER = ModelRef("another/model", "a" * 64, "sd1")
SIMPLE, EFFORT = FEATURES[0], Effort(8, 320, 4.0)


def controls_of(name="c", *, model=MODEL, expectation=None, count=60):
    """Controls of which the simple ones came closer; each with so much of every feature."""
    draw = np.random.default_rng(3)
    told = [dict(zip(FEATURES, draw.normal(size=len(FEATURES)).tolist(), strict=True)) for _ in range(count)]
    values = tuple(float(np.exp(-1 + 0.3 * f[SIMPLE] + 0.05 * e)) for f, e in
                   zip(told, draw.normal(size=count), strict=True))
    return ControlResults(name, "sixty pictures", model.fingerprint, "tiled_l2", EFFORT,
                          tuple(map(str, range(count))), values, tuple(told), expectation, "p", (20.0,) * count)


def expected(log=True):
    return Expectation((SIMPLE,), (0.0,), (1.0,), (0.3 if log else 0.1,), -1.0 if log else 0.4, 0.6, 50, log)


def put_to_test(case, controls, name="search1", *, features=0.0, value=None, earlier=0):
    """Commits a measured test of the first subject and its finding."""
    subject = case.subjects()[0]
    best = case.replays(subject.id, search_id=name, order_by="tiled_l2", limit=1)[0]
    if value is not None:
        best = dataclasses.replace(best, closeness={**best.closeness, "tiled_l2": value})
    test = Measured(name, subject.id, "p", best.recipe.prompt, best.closeness["tiled_l2"], best.id, EFFORT,
                    dict.fromkeys(FEATURES, features), controls.id, earlier)
    finding = judge_measured(test, best, controls, score="tiled_l2")
    for record in (controls, test, finding):
        case.commit(record)
    return test, finding


def other_model(case, name="search9"):
    """The first search's replays as if another model had made them."""
    for replay in case.replays(case.subjects()[0].id, search_id="search1", limit=-1):
        recipe = dataclasses.replace(replay.recipe, model=OTHER)
        case.commit(dataclasses.replace(replay, id=f"{name}{replay.id}", search_id=name, recipe=recipe))
    return name


def parts(case, *, decided=True):
    """The blocks on the first subject, and those of them that set it beside controls."""
    found = snapshot(case)
    subject = found.subjects()[0]
    exhibit = exhibit_of(found, subject, score="tiled_l2", decided=decided)
    blocks = [*answer_blocks(found, subject, exhibit, score="tiled_l2"),
              *body_blocks(found, subject, exhibit, score="tiled_l2")]
    weighed = [b for b in blocks if isinstance(b, Text) and "controls" in b.text and "bits supplied" in b.text]
    weighed += [b for b in blocks if isinstance(b, Figure) and b.alt.startswith("The subject among its controls")]
    return blocks, weighed


def drawn_plane(case, ranked):
    found = snapshot(case)
    plane = case_plane(found, found.subjects()[0].id, score="tiled_l2", ranked=ranked, **WHOLE_PLANE)
    return plane, next(b.png for b in parts(case, decided=bool(ranked))[0]
                       if isinstance(b, Figure) and b.alt == "Bits supplied against closeness")


def test_a_work_that_is_not_decided_gets_no_band_no_standing_and_no_dots(tmp_path):
    case = make_case(tmp_path)
    put_to_test(case, controls_of(expectation=expected()))
    assert len(parts(case)[1]) == 2 and parts(case, decided=False)[1] == []
    found = snapshot(case)
    ranked = ranked_tests(found, found.subjects()[0].id, score="tiled_l2")
    (with_band, drawn), (without, bare) = drawn_plane(case, ranked), drawn_plane(case, [])
    assert with_band.band and with_band.tested and without.band is without.tested is None
    assert drawn == drawings.plane(with_band) and bare == drawings.plane(without) and drawn != bare


def test_a_set_that_does_not_fit_leaves_no_verdict_in_the_report(tmp_path):
    case = make_case(tmp_path)
    second = case.add_subject(png_bytes(picture(5)), "second.png")
    test, _ = put_to_test(case, controls_of(expectation=expected()), features=50.0)
    case.commit(dataclasses.replace(test, id="m2", subject_id=second.id))
    for name, of in (("search1", test.subject_id), ("m2", second.id)):
        case.commit(Finding(name, of, "stands_out", "It stands out.", {"p": 0.0163}))
    blocks = document_of(case).everything()
    said = [b.text if isinstance(b, Text) else b.alt for b in blocks if isinstance(b, Text | Figure)]
    assert say("document.not_together") in said
    assert not [s for s in said if "It stands out" in s or "controls' band" in s or "among its controls" in s]
    assert case_plane(case, test.subject_id).band is None  # nor on the screen


def test_the_screen_draws_the_band_of_a_work_that_is_decided(tmp_path):
    case = make_case(tmp_path)
    put_to_test(case, controls_of(expectation=expected()))
    assert case_plane(case, case.subjects()[0].id).band is not None


def test_controls_that_do_not_fit_are_not_drawn(tmp_path):
    case = make_case(tmp_path)
    _, finding = put_to_test(case, controls_of(expectation=expected()), features=50.0)
    assert finding.kind == "controls_do_not_fit"
    assert parts(case)[1] == []


@pytest.mark.parametrize("features", [-1.0, 0.0, 1.0])
@pytest.mark.parametrize("expectation", [expected(), expected(log=False), None])
def test_the_dots_are_what_the_p_value_ranks(tmp_path, features, expectation):
    case, controls = make_case(tmp_path), controls_of(expectation=expectation, count=120)
    test, finding = put_to_test(case, controls, features=features, value=0.3)
    one = Ranked(test, controls)
    drawn = dots(one)
    right = sum(t <= drawn.mine if drawn.turned else t >= drawn.mine for t in drawn.theirs)
    assert right == finding.numbers["at_least"] and len(drawn.theirs) == 120
    caption, raw = among_controls(one).caption, sum(v <= 0.3 for v in controls.values)
    assert f"{right} of 120 controls came at least as close" in caption
    if expectation is not None:
        assert f"Before anything is taken off, {raw} of 120 controls came at least as close." in caption
        assert not features or raw != right, "the two counts must be told apart"
    assert ("2 is twice as close" in caption) == (expectation is not None and expectation.log)


def test_half_the_expected_distance_is_two_times_as_close(tmp_path):
    controls = controls_of(expectation=expected())
    test, _ = put_to_test(make_case(tmp_path), controls, features=1.0, value=float(np.exp(-1 + 0.3)) / 2)
    assert dots(Ranked(test, controls)).mine == pytest.approx(2.0)


def test_the_closer_lies_to_the_right_whichever_way_the_score_runs(tmp_path):
    less = drawings.controls([0.1], [0.2, 0.3], label="x", turned=True)
    assert less != drawings.controls([0.1], [0.2, 0.3], label="x")
    controls = controls_of()
    test, _ = put_to_test(make_case(tmp_path), controls)
    assert dots(Ranked(test, controls)).turned  # a distance, nothing taken off


def table(document, first):
    return next(b for b in document.everything() if isinstance(b, Table) and b.head[0] == first)


def test_tests_of_two_models_are_all_printed_each_with_its_model(tmp_path):
    case = make_case(tmp_path)
    _, first = put_to_test(case, controls_of(expectation=expected()))
    name = report_texts.model_name(MODEL, short=True)
    document = document_of(case)
    assert [row[-1] for row in table(document, "Closest prompt").rows] == [name]
    assert not any("not corrected for that" in b.text for b in document.blocks if isinstance(b, Text))
    theirs = controls_of("d", model=OTHER, expectation=expected())
    other = report_texts.model_name(OTHER, short=True)
    _, second = put_to_test(case, theirs, other_model(case), value=0.1)
    document = document_of(case)
    assert [row[-1] for row in table(document, "Closest prompt").rows] == [name, other]
    said = [b.text for b in document.blocks if isinstance(b, Text)]
    assert first.statement != second.statement
    assert said.index(f"Model: {name}. {first.statement}") < said.index(f"Model: {other}. {second.statement}")
    assert "This picture was put through 2 measured tests, with 2 models in all; the p-values are not corrected " \
           "for that." in said
    assert sum(isinstance(b, Figure) and b.caption.startswith("Model: ") for b in document.blocks) == 2


def test_an_exploratory_test_is_not_printed_beside_a_planned_one(tmp_path):
    case = make_case(tmp_path)
    _, first = put_to_test(case, controls_of(expectation=expected()))
    _, later = put_to_test(case, controls_of("d", expectation=expected()), "search2", earlier=1)
    said = " ".join(b.text for b in document_of(case).blocks if isinstance(b, Text))
    assert later.kind == "exploratory" and first.statement in said and later.statement not in said
    assert "put through 2 measured tests, with 1 model in all" in said
    assert [row[4] for row in table(document_of(case), "Closest prompt").rows][1] == "none given"


def test_every_try_names_its_prompt_by_a_number_of_the_list(tmp_path):
    case = make_case(tmp_path)
    first = case.subjects()[0]
    made = case.replays(first.id, search_id="search1", limit=1)[0]
    for seed, text in ((0, "a blue door"), (0, "a boat"), (1, "a blue door")):
        recipe = dataclasses.replace(made.recipe, prompt=text, seed=seed)
        case.commit(dataclasses.replace(made, id=f"{text}{seed}", search_id="search3", recipe=recipe))
    plan = case.record(SearchPlan, "search1")
    case.commit(dataclasses.replace(plan, id="search3", settings={
        **plan.settings, "prompt": "a planned train", "more_prompts": ["a boat", "a blue door"]}))
    full, short = (document_of(case, options=ReportOptions(detail=d)) for d in ("full", "short"))
    for document in (full, short):
        assert table(document, "Prompt").rows == (("1", "a red fox", "10"), ("2", "a blue door", "2"),
                                                  ("3", "a boat", "1"), ("4", "a planned train", "0"))
    tried = table(full, "Try")
    assert tried.head[1] == "Prompt" and [row[1] for row in tried.rows] == ["1"] * 10 + ["2", "3", "2"]


def test_the_first_page_shows_the_tests_own_replay_and_a_closer_one_of_another_search_behind_it(tmp_path):
    case = make_case(tmp_path)
    test, _ = put_to_test(case, controls_of(expectation=expected()))
    subject = case.subjects()[0]
    far = case.replays(subject.id, search_id="search1", limit=-1)[-1]
    case.commit(dataclasses.replace(test, replay_id=far.id, value=far.closeness["tiled_l2"]))
    found = snapshot(case)
    exhibit = exhibit_of(found, subject, score="tiled_l2")
    assert exhibit.best.id == far.id and exhibit.closer.closeness["tiled_l2"] < far.closeness["tiled_l2"]
    assert exhibit.judged == EFFORT
    assert exhibit_of(found, subject, score="tiled_l2", decided=False).closer is None
    blocks = document_of(case).blocks
    captions = [p.caption for b in blocks if isinstance(b, PictureRow) for p in b.pictures]
    assert any(c.startswith("Another search came closer") for c in captions)
