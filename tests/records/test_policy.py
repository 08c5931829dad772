"""The measured test fits its model: the bundled one keeps its own, others run as their family does."""

from __future__ import annotations

import dataclasses
import json

import pytest

from explorer.diffusion.describe import describe_model
from explorer.records import ModelInfo
from explorer.records.families import FAMILIES, facts
from explorer.records.policy import Policy, policy_for
from explorer.records.samplers import offered
from explorer.settings import WORLD


def of(family: str, **changes: object) -> ModelInfo:
    known = facts(family)
    plain = ModelInfo("/models/one", "one", family, "f" * 64, "", 0, known.size_px, known.steps, known.guidance)
    return dataclasses.replace(plain, **changes)


def test_the_bundled_model_keeps_the_policies_whose_results_are_stored():
    stored = json.loads((WORLD / "controls.json").read_text("utf-8"))["results"]
    info = describe_model("world")
    for prompt_from in ("caption", "interrogation"):
        policy = policy_for(info, prompt_from=prompt_from)
        assert policy == Policy(prompt_from) and policy.id in stored
        assert (policy.steps, policy.guidance, policy.scheduler) == (12, 2.0, "ddim")


def test_stable_diffusion_runs_as_it_is_used():
    policy = policy_for(of("sd1"), seeds=4)
    assert 20 <= policy.steps <= 50 and policy.guidance == 7.5 and policy.size_px == 512
    assert policy.seeds == policy.prompts == 4
    assert policy.effort("sd1").unet_evaluations == 4 * policy.steps * 2
    assert policy.id not in (Policy(seeds=4).id, policy_for(of("sd1", default_size_px=768), seeds=4).id)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_has_a_policy_that_its_sampler_takes(family):
    policy = policy_for(of(family))
    known = facts(family)
    assert policy.guidance == known.guidance and policy.size_px == known.size_px
    assert not known.own_loop or policy.scheduler in offered(known.flow)
    assert policy == policy.for_family(family)


def test_what_a_models_maker_says_goes_before_the_familys_usual():
    policy = policy_for(of("sd1", default_steps=4, default_guidance=1.0, default_size_px=64))
    assert (policy.steps, policy.guidance, policy.size_px) == (4, 1.0, 64)
    assert policy.effort("sd1").unet_evaluations == 16 * 4
