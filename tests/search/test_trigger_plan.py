"""What a search for words will take is said beforehand, and its stored controls are for one model and one plan."""

import json
from dataclasses import replace

import pytest

from explorer.errors import ExplorerError
from explorer.records import ReplaySettings, to_json
from explorer.search.expand import summarise
from explorer.search.trigger_controls import FILE, WordsControls, plan_id, words_controls
from explorer.search.trigger_plan import PLAN, TriggerPlan
from tests.search.test_plan import INFO

KEPT = WordsControls("f" * 64, plan_id(), "2026-11-30", 384, (0.3, 0.4), (0.2, 0.35))


def test_every_seed_counts_twice_and_the_search_itself_is_counted():
    settings = ReplaySettings("a red boat", seeds=8, steps=(10,), guidances=(2.0,), strengths=(0.5,),
                              mode="trigger")
    planned = summarise(settings, INFO)
    assert (planned.tries, planned.from_noise, planned.from_subject) == (16, 16, 0)
    assert planned.unet_evaluations == 16 * 10 * 2 + PLAN.looking + PLAN.fitting
    assert PLAN.fitting == PLAN.steps * PLAN.draws * 3


def test_a_model_whose_network_cannot_be_asked_says_so():
    with pytest.raises(ExplorerError, match="another family"):
        summarise(ReplaySettings("a", mode="trigger"), replace(INFO, family="other"))


def test_controls_are_read_for_their_model_and_plan_alone(tmp_path):
    assert words_controls(KEPT.model_fingerprint, root=tmp_path) is None
    (tmp_path / FILE).write_text(json.dumps(to_json(KEPT)))
    assert words_controls(KEPT.model_fingerprint, root=tmp_path) == KEPT
    assert words_controls("0" * 64, root=tmp_path) is None
    (tmp_path / FILE).write_text(json.dumps(to_json(replace(KEPT, plan=plan_id(TriggerPlan(steps=7))))))
    assert words_controls(KEPT.model_fingerprint, root=tmp_path) is None
    (tmp_path / FILE).write_text("{")
    assert words_controls(KEPT.model_fingerprint, root=tmp_path) is None
