"""A family without our own loop, through its pipeline's own call."""

import numpy as np
import pytest
import torch

from explorer.diffusion.exhibit import exhibit
from explorer.errors import Cancelled, ExplorerError
from explorer.jobs.tasks import RunSearch
from explorer.records import ReplaySettings
from explorer.search.expand import expand
from explorer.search.one_search import Given, run_search
from tests.diffusion import tiny
from tests.heard import Heard


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    return tiny.other_model(tmp_path_factory.mktemp("other"))


def test_it_gives_the_pipelines_own_image_and_repeats_it(other):
    recipe = tiny.recipe(other, scheduler="own", negative_prompt="dull")
    ours = exhibit(other, recipe)
    own = other.pipe(recipe.prompt, negative_prompt="dull", num_inference_steps=5, guidance_scale=4.0,
                     width=32, height=32, output_type="np", generator=torch.Generator("cpu").manual_seed(7))
    assert np.array_equal(ours.rgb, (own.images[0] * 255).round().astype(np.uint8))
    assert exhibit(other, recipe).hashes == ours.hashes
    assert ours.unet_evaluations == 10 and ours.latents.shape == (4, 16, 16)
    assert exhibit(other, tiny.recipe(other, scheduler="own", seed=8)).hashes != ours.hashes


def test_short_tasks_run_between_its_steps_and_may_load_what_learns(other):
    class Loads(Heard):
        def tick(self):
            super().tick()
            modes.append((torch.is_inference_mode_enabled(), torch.is_grad_enabled()))

    run, modes, recipe = Loads(), [], tiny.recipe(other, scheduler="own")
    assert exhibit(other, recipe, run=run).hashes == exhibit(other, recipe).hashes
    assert run.ticks == 5 and set(modes) == {(False, True)}
    with pytest.raises(Cancelled):
        exhibit(other, recipe, run=Heard(end_at=2))


def test_a_search_runs_over_it(other):
    settings = ReplaySettings("a red boat", seeds=2, steps=(2,))
    task = RunSearch("case", "subject", "search", settings)
    recipes = expand(settings, model=other.ref, info=other.info)
    made = []
    given = Given(other, None, task, np.zeros((32, 32, 3), np.uint8), lambda replay, png: made.append(replay))
    assert run_search(given, recipes).state == "done"
    assert [r.recipe.seed for r in made] == [0, 1]
    assert {r.recipe.scheduler for r in made} == {"own"}


@pytest.mark.parametrize(("changes", "says"), [
    ({"strength": 0.5, "start_sha256": "0"}, "starting image"),
    ({"scheduler": "ddim", "scheduler_config": {"a": 1}}, "another scheduler")])
def test_what_is_not_offered_is_said(other, changes, says):
    with pytest.raises(ExplorerError, match=says):
        exhibit(other, tiny.recipe(other, **({"scheduler": "own"} | changes)))


def test_strengths_are_refused_in_the_plan(other):
    with pytest.raises(ExplorerError, match="not offered"):
        expand(ReplaySettings("x", strengths=(0.5,)), model=other.ref, info=other.info, start_sha256="0")
