"""Every template: no forbidden word, no hole, its limits; and the judge picks the right one."""

import dataclasses
import json

import numpy as np
import pytest

from explorer.closeness.ledger import supplied_by_you
from explorer.findings import wording
from explorer.findings.case_ledger import recipe_ledger
from explorer.findings.closeness_finding import judge, judge_measured
from explorer.findings.features import FEATURES, fit_expectation
from explorer.findings.finding import ControlResults, ErrorRate, Finding, Measured
from explorer.findings.rates import FILE, stored_rate
from explorer.records import (
    Adapter,
    Effort,
    LedgerEntry,
    ModelRef,
    Recipe,
    Replay,
    ReplaySettings,
    from_json,
    to_json,
)
from explorer.records.policy import Policy
from explorer.texts import catalogue, fields, say

STATEMENTS = catalogue()["statement"]
ALL_TEXTS = {f"{section}.{name}": text for section in ("statement", "error_rate", "limit")
             for name, text in catalogue()[section].items()}
MODEL = ModelRef("world", "f" * 64, "sd1")


@pytest.mark.parametrize("name", ALL_TEXTS)
def test_no_text_says_what_cannot_be_known(name):
    text = ALL_TEXTS[name].lower()
    assert not [word for word in wording.BANNED if word in text]
    assert not [word for word in ("copied", "stolen", "infringes") if word in text]
    assert "  " not in text and text.strip() == text.rstrip()


@pytest.mark.parametrize("kind", STATEMENTS)
def test_every_statement_takes_its_values_and_has_limits(kind):
    names = fields(STATEMENTS[kind])
    said = wording.statement(kind, **{name: f"<{name}>" for name in names})
    assert all(f"<{name}>" in said for name in names) and "{" not in said
    assert wording.limits(kind)
    with pytest.raises(TypeError):
        wording.statement(kind, **dict.fromkeys(names, 1), surplus=2)
    if names:
        with pytest.raises(TypeError):
            wording.statement(kind)


def test_every_judged_statement_tells_its_effort():
    for kind in ("stands_out", "does_not_stand_out", "too_few_controls", "no_controls",
                 "controls_do_not_fit", "exploratory", "portfolio", "portfolio_none", "portfolio_does_not_fit"):
        assert "tries" in fields(STATEMENTS[kind]), kind
    assert set(wording.LIMITS_OF) == set(STATEMENTS)
    every = " ".join(catalogue()["limit"].values())
    for words in ("Similar is not derived", "Reproducible is not a member", "not in training can come back",
                  "Not found with this effort is not absent"):
        assert words in every


def test_values_are_never_read_as_templates():
    said = wording.statement("neighbour", collection="{tries}", title="{0}{title!r}", creator="%s",
                       similarity="0.9", percentile="99%")
    assert "{0}{title!r}" in said and "{tries}" in said


def test_numbers_and_shares():
    assert [wording.number(v) for v in (3, 0.0123456, 1234567, 0.00001234, 16.25)] == [
        "3", "0.0123", "1,234,567", "0.0000123", "16.2"]
    assert [wording.percent(v) for v in (0, 0.0001, 0.05, 0.9999, 1)] == [
        "0%", "under 0.1%", "5%", "over 99.9%", "100%"]


def _replay(value, **recipe):
    return Replay("r1", "s1", "q1", Recipe(MODEL, "a fox", 1, 20, 7.5, "euler", 64, 64, **recipe), "0" * 64,
                  {"tiled_l2": value}, 40, 1.0)


def _features(draw):
    return dict(zip(FEATURES, draw.normal(size=len(FEATURES)).tolist(), strict=True))


def _controls(count=60, *, with_features=True, seed=0):
    draw = np.random.default_rng(seed)
    found = tuple({**_features(draw), "size": float(0.1 * draw.normal())}
                  for _ in range(count)) if with_features else ()
    return ControlResults("c1", "the world's control works", MODEL.fingerprint, "tiled_l2",
                          Effort(16, 640, 9.0), tuple(f"w{i}" for i in range(count)),
                          tuple((0.3 + 0.02 * draw.normal(size=count)).tolist()), found)


EFFORT = Effort(16, 640, 9.0)
TYPICAL = dict.fromkeys(FEATURES, 0.0)


def test_a_subject_far_closer_than_all_controls_stands_out_with_numbers():
    found = judge("s1", _replay(0.05), EFFORT, score="tiled_l2", controls=_controls(), features=TYPICAL)
    assert found.kind == "stands_out"
    assert found.numbers["p"] == pytest.approx(1 / 61)
    for words in ("60 control works", "16 tries", "640 network evaluations", "0 came at least as close",
                  "p = 0.0164", "0.050"):
        assert words in found.statement
    assert found.error_rate == say("error_rate.elsewhere")
    assert from_json(Finding, json.loads(json.dumps(to_json(found)))) == found


def test_an_ordinary_subject_does_not_and_says_that_absence_is_not_shown():
    found = judge("s1", _replay(0.3), EFFORT, score="tiled_l2", controls=_controls(), features=TYPICAL)
    assert found.kind == "does_not_stand_out" and found.numbers["p"] > 0.2
    assert say("limit.absent") in found.limits


def test_no_p_value_without_controls_with_few_or_with_unfit_ones():
    assert judge("s1", _replay(0.05), EFFORT, score="tiled_l2").kind == "no_controls"
    few = judge("s1", _replay(0.05), EFFORT, score="tiled_l2", controls=_controls(9, with_features=False))
    assert few.kind == "controls_not_matched" and "19 such controls are needed" in few.statement
    least = judge("s1", _replay(0.05), EFFORT, score="tiled_l2", controls=_controls(60), features=TYPICAL,
                  level=0.01)
    assert least.kind == "too_few_controls" and "99 controls are needed" in least.statement
    odd = {**TYPICAL, "size": 30.0}
    unfit = judge("s1", _replay(0.05), EFFORT, score="tiled_l2", controls=_controls(), features=odd)
    assert unfit.kind == "controls_do_not_fit" and "p" not in unfit.numbers
    assert "compresses" in unfit.statement
    assert judge("s1", None, Effort(), score="tiled_l2").kind == "not_run"


def test_a_replay_that_was_given_its_picture_is_said_to_be_supplied():
    ledger = (LedgerEntry("prompt", 40, "x"), LedgerEntry("starting image", 4000, "y"))
    found = judge("s1", _replay(0.01, start_sha256="a" * 64, strength=0.1), EFFORT, score="tiled_l2",
                  ledger=ledger, controls=_controls(), features=TYPICAL)
    assert found.kind == "supplied_by_you" and "99%" in found.statement and "p" not in found.numbers


@pytest.mark.parametrize("given", [{"start_sha256": "a" * 64, "strength": 0.3}, {"noise_blob": "b" * 64},
                                   {"embedding_blob": "c" * 64}])
@pytest.mark.parametrize("words", [{"prompt": "a fox" + ", very finely detailed masterpiece" * 30},
                                   {"negative_prompt": "blurry, watermark, deformed, " * 60}])
def test_words_never_turn_what_was_given_into_the_models_own(given, words):
    """Attack: thirty filler phrases, or a long negative prompt, until the image is a small share of the bits."""
    replay = _replay(0.01, **given)
    replay = dataclasses.replace(replay, recipe=dataclasses.replace(replay.recipe, **words))
    ledger = recipe_ledger(replay.recipe, ReplaySettings(replay.recipe.prompt, seeds=1),
                           start=LedgerEntry("starting image", 300.0, "x"), noise=LedgerEntry("noise", 300.0, "x"),
                           words=LedgerEntry("words", 300.0, "x"))
    assert supplied_by_you(ledger) < 0.2
    for bill in (ledger, ()):
        found = judge("s1", replay, EFFORT, score="tiled_l2", ledger=bill, controls=_controls(), features=TYPICAL)
        assert found.kind == "supplied_by_you" and "p" not in found.numbers


def test_a_lora_of_the_subject_says_nothing_of_the_model_beneath_it():
    """Attack: an adapter trained on the subject, which then stands out."""
    replay = _replay(0.02)
    laid = dataclasses.replace(MODEL, fingerprint="1" * 64, adapters=(Adapter("fox-lora", "a" * 64, "lora"),))
    replay = dataclasses.replace(replay, recipe=dataclasses.replace(replay.recipe, model=laid))
    measured = Measured("q1", "s1", "", "a fox", 0.02, "r1", EFFORT, TYPICAL, "c1")
    with pytest.raises(ValueError, match="same search"):  # the base's controls are not this model's
        judge_measured(measured, replay, _controls(), score="tiled_l2")
    own = dataclasses.replace(_controls(), model_fingerprint="1" * 64)
    found = judge_measured(measured, replay, own, score="tiled_l2")
    assert found.kind == "stands_out" and "fox-lora" in found.limits[0] and "without it" in found.limits[0]
    assert found.limits[1:] == wording.limits("stands_out")


def test_tests_of_other_works_and_models_stand_beside_p_with_a_corrected_bound():
    measured = Measured("q1", "s1", "", "a fox", 0.05, "r1", EFFORT, TYPICAL, "c1", other_models=1, other_works=4)
    found = judge_measured(measured, _replay(0.05), _controls(), score="tiled_l2")
    assert found.kind == "stands_out" and found.numbers["tests"] == 6
    assert found.numbers["p_bound"] == pytest.approx(6 / 61)
    assert "1 other model," in found.limits[0] and "0.0984" in found.limits[0]
    alone = dataclasses.replace(measured, other_models=0, other_works=0)
    assert "p_bound" not in judge_measured(alone, _replay(0.05), _controls(), score="tiled_l2").numbers
    far = judge_measured(measured, _replay(0.6), _controls(), score="tiled_l2")
    assert far.numbers["p_bound"] == 1.0


def test_what_complexity_predicts_is_taken_off_and_said():
    draw = np.random.default_rng(5)
    tuning = [_features(draw) for _ in range(200)]
    expected = fit_expectation(tuning, [0.3 - 0.1 * f["flat"] for f in tuning])
    base = _controls()
    values = tuple(0.3 - 0.1 * f["flat"] + 0.001 * i for i, f in enumerate(base.features))
    controls = dataclasses.replace(base, expectation=expected, values=values)
    simple = {**TYPICAL, "flat": 1.5}  # near 0.15 by its simplicity alone
    found = judge("s1", _replay(0.15 + 0.03), EFFORT, score="tiled_l2", controls=controls, features=simple)
    assert found.kind == "does_not_stand_out" and say("aside.allowing") in found.statement
    raw = dataclasses.replace(controls, expectation=None)
    untaken = judge("s1", _replay(0.1), EFFORT, score="tiled_l2", controls=raw, features=simple)
    assert untaken.numbers["p"] < 0.2


def test_error_rates_are_read_and_only_for_their_model_and_policy(tmp_path):
    policy, model = Policy(), {"model_fingerprint": MODEL.fingerprint}
    assert stored_rate(tmp_path, policy, **model) is None
    part = {"held_out": {"share": 0.01, "low": 0.002, "high": 0.03, "works": 400},
            "strangers": {"share": 0.0, "low": 0.0, "high": 0.024, "works": 150}}
    seen = {str(n): {"flagged_at_1": {"share": 0.1, "low": 0.0}, "flagged_at_5": {"share": n / 256, "low": n / 512}}
            for n in (1, 4, 16, 64, 256)}
    stored = {"flagged": {policy.id: {"flagged_at_1": part, "flagged_at_5": part}}, "date": "2026-11-22", **model,
              "blind": {"policy": policy.id, "by_multiplicity": seen}}
    (tmp_path / FILE).write_text(json.dumps(stored))
    rate = stored_rate(tmp_path, policy, **model)
    assert isinstance(rate, ErrorRate) and rate.cases == 400 and "held-out" in rate.measured_on
    assert stored_rate(tmp_path, policy, model_fingerprint="e" * 64) is None
    assert stored_rate(tmp_path, Policy(seeds=64), **model) is None
    found = judge("s1", _replay(0.05), EFFORT, score="tiled_l2", controls=_controls(), features=TYPICAL,
                  error_rate=rate)
    assert "1% of 400 works" in found.error_rate and "2026-11-22" in found.error_rate
    assert rate.missed[0] == (1, 1 - 1 / 256, 1 - 1 / 512) and rate.missed[-1] == (256, 0.0, 0.5)
    far = judge("s1", _replay(0.9), EFFORT, score="tiled_l2", controls=_controls(), features=TYPICAL,
                error_rate=rate)
    assert far.kind == "does_not_stand_out" and "400 works" not in far.error_rate  # what is missed, not flagged
    assert "98% (at most 100%) of works seen 4 times" in far.error_rate and "0% (at most 50%)" in far.error_rate
    other = dataclasses.replace(rate, model_fingerprint="e" * 64)
    elsewhere = judge("s1", _replay(0.05), EFFORT, score="tiled_l2", controls=_controls(), features=TYPICAL,
                      error_rate=other)
    assert elsewhere.error_rate == say("error_rate.elsewhere")
    (tmp_path / FILE).write_text("{broken")
    assert stored_rate(tmp_path, policy, **model) is None
