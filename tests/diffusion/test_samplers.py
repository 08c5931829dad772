"""The table of samplers: what a row says is what the loop, the screens and the imports go by."""

import diffusers
import pytest

from explorer.diffusion.names import unet_evaluations
from explorer.diffusion.sampling import sample
from explorer.images.imported import recipe_from
from explorer.images.metadata import Generation
from explorer.records import ModelRef
from explorer.records.samplers import OWN_SAMPLER, SAMPLERS, sampler_called, sampler_label
from tests.diffusion import tiny


@pytest.mark.parametrize("sampler", SAMPLERS.values(), ids=SAMPLERS)
def test_a_row_names_a_class_that_takes_its_arguments(sampler):
    made = getattr(diffusers, sampler.made_of)(**sampler.arguments)
    assert {k: made.config[k] for k in sampler.arguments} == sampler.arguments
    assert sampler_label(sampler.key) == sampler.label


def test_a_name_from_elsewhere_means_one_sampler():
    named = [name for s in SAMPLERS.values() for name in s.elsewhere]
    assert len(named) == len(set(named))
    for sampler in SAMPLERS.values():
        assert sampler_called(sampler.label) == sampler_called(f" {sampler.key.upper()} ") == sampler.key
    assert sampler_called("restart") is None and sampler_called("EulerDiscreteScheduler") == "euler"
    assert sampler_label(OWN_SAMPLER) == "the model's own" and sampler_label("restart") == "restart"


@pytest.mark.parametrize("sampler", SAMPLERS.values(), ids=SAMPLERS)
def test_imports_go_by_the_table(sampler):
    told = Generation("Afterimage", prompt="a boat", sampler=sampler.label, seed=1, steps=4)
    assert recipe_from(told, ModelRef("m", "f", "sd1")).scheduler == sampler.key


@pytest.mark.parametrize(("family", "told", "scheduler", "guidance"), [
    ("flux", {"tool": "ComfyUI", "sampler": "euler", "distilled_guidance": 2.5, "guidance": 1.0}, "euler", 2.5),
    ("flux", {"tool": "Forge", "sampler": "Euler a", "guidance": 1.0}, "euler", 1.0),
    ("zimage", {"tool": "ComfyUI", "sampler": "euler", "guidance": 1.0}, "euler", 0.0),
    ("qwen", {"tool": "ComfyUI", "sampler": "dpmpp_2m", "guidance": 4.0}, "dpmpp_2m", 4.0),
    ("chroma", {"tool": "ComfyUI", "sampler": "ddim"}, "euler", 5.0)])
def test_imports_for_a_flow_model_are_of_what_it_takes(family, told, scheduler, guidance):
    made = recipe_from(Generation(prompt="a boat", seed=1, steps=4, **told), ModelRef("m", "f", family))
    assert (made.scheduler, made.guidance, made.dialect) == (scheduler, guidance, "plain")


@pytest.mark.parametrize("key", SAMPLERS)
def test_the_cost_said_beforehand_is_what_a_run_takes(models, key):
    recipe = tiny.recipe(models("sd1-tiny"), scheduler=key)
    told = unet_evaluations(key, steps=recipe.steps, guidance=recipe.guidance)
    assert sample(models("sd1-tiny"), [recipe])[0].unet_evaluations == told
