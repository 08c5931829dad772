"""A case's replays are billed by their logged plan: from noise a few bits, from the picture thousands."""

import dataclasses

import pytest

from explorer.closeness.ledger import supplied_by_you, total_bits
from explorer.findings.case_ledger import recipe_ledger, replay_ledger
from explorer.records import PromptRead, ReplaySettings
from explorer.records.samplers import offered
from tests.report.case_for_report import make_case


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    return make_case(tmp_path_factory.mktemp("cases"))


def _replays(case, *, given):
    found = case.replays(case.subjects()[0].id, limit=-1)
    return [r for r in found if (r.recipe.start_sha256 is not None) == given]


def test_a_replay_from_noise_costs_its_prompt_and_its_choice(case):
    ledger = {e.source: e for e in replay_ledger(case, _replays(case, given=False)[0])}
    assert ledger["prompt"].bits == 44.0 and "vocabulary" in ledger["prompt"].code  # as interrogation stored it
    assert ledger["seeds"].bits == 3.0 and ledger["settings"].bits == 0.0


def test_a_replay_from_the_picture_is_supplied_by_the_person(case):
    ledger = replay_ledger(case, _replays(case, given=True)[0])
    assert total_bits(ledger) > 1000 and supplied_by_you(ledger) > 0.9
    assert any(e.source == "settings" and e.bits == 1.0 for e in ledger)  # one of two strengths


def test_a_typed_prompt_costs_its_letters_and_given_noise_its_size(case):
    recipe = _replays(case, given=False)[0].recipe
    settings = ReplaySettings(recipe.prompt, seeds=8)
    typed = recipe_ledger(dataclasses.replace(recipe, negative_prompt="blurry"), settings)
    plain = recipe_ledger(recipe, ReplaySettings(recipe.prompt, seeds=8))
    assert typed[0].bits > plain[0].bits > 20 and "letter" in plain[0].code
    made = dataclasses.replace(recipe, noise_blob="b" * 64)
    assert supplied_by_you(recipe_ledger(made, ReplaySettings(recipe.prompt, seeds=8))) > 0.9
    image = dataclasses.replace(recipe, start_sha256="a" * 64, strength=0.2)
    with pytest.raises(ValueError, match="needs that image"):
        recipe_ledger(image, ReplaySettings(recipe.prompt, seeds=8))


def test_the_code_of_a_sampler_names_as_many_as_are_offered(case):
    recipe = _replays(case, given=False)[0].recipe
    ledger = recipe_ledger(recipe, ReplaySettings(recipe.prompt, seeds=8, schedulers=("ddim",)))
    said = {e.source: e.code for e in ledger}["settings"]
    assert f"scheduler by hand: {len(offered(flow=False))} samplers" in said


def test_what_the_model_does_not_read_of_a_prompt_is_said_where_its_bits_are(case):
    recipe = _replays(case, given=False)[0].recipe
    settings = ReplaySettings(recipe.prompt, seeds=8)
    ledger = recipe_ledger(recipe, settings, read=PromptRead(140, "by the sea and far away"))
    assert "140 of the model's own tokens" in ledger[0].code and "by the sea" in ledger[0].code
    assert "does not read" not in recipe_ledger(recipe, settings, read=PromptRead(12))[0].code
    both = recipe_ledger(dataclasses.replace(recipe, negative_prompt="blurry and so on"), settings,
                         read=PromptRead(12), read_negative=PromptRead(90, "so on"))[0].code
    assert both.index("12 of") < both.index("negative prompt") < both.index("90 of") < both.index("“so on”")
