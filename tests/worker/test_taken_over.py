"""A recipe taken over from a file's metadata is replayed whole, planned as it stands, and charged for its parts."""

from __future__ import annotations

import dataclasses

import pytest

from explorer.findings.case_ledger import replay_ledger
from explorer.images.imported import recipe_from
from explorer.images.metadata import Generation
from explorer.records import ModelRef, Recipe, ReplaySettings, SearchPlan, Variation, from_json
from explorer.records.replay_settings import logged, taken_over
from explorer.search.expand import expand
from tests.diffusion import tiny
from tests.search.test_plan import INFO
from tests.worker.test_runners import sources, work  # noqa: F401

PARTS = {"dialect": "a1111", "clip_skip": 1, "noise_source": "a1111-nv-philox", "variation": Variation(7, 0.25),
         "eta": 0.5, "negative_prompt": "(blur:1.2)", "guidance": 3.5, "scheduler": "ddim"}


def imported(**parts) -> Recipe:
    model = ModelRef("elsewhere", "0" * 64, "sd1")
    return Recipe(**({"model": model, "prompt": "a (red) door", "seed": 2 ** 40, "steps": 2, "guidance": 2.0,
                      "scheduler": "euler", "width_px": tiny.SIZE_PX, "height_px": tiny.SIZE_PX,
                      "not_replayable": ("the file names the model m",)} | parts))


def test_every_part_reaches_the_replay(work):  # noqa: F811
    wanted = imported(**PARTS)
    work.run(dataclasses.replace(work.search(), settings=taken_over(wanted)))
    (made,) = work.case.made(work.subject.id)
    for name in (*PARTS, "prompt", "seed", "steps", "width_px", "height_px"):
        assert getattr(made.recipe, name) == getattr(wanted, name), name
    plan = from_json(ReplaySettings, work.case.record(SearchPlan, "q").settings)
    assert plan.recipes == (wanted,)  # with what was left out of it
    assert "as set in the recipe" in next(e.code for e in replay_ledger(work.case, made) if e.source == "settings")


@pytest.mark.parametrize("name", list(PARTS))
def test_no_single_part_is_lost_on_the_way_to_a_search(name):
    recipe = imported(**{name: PARTS[name]})
    ref = ModelRef("here", "f" * 64, "sd1")
    (found,) = expand(taken_over(recipe), model=ref, info=INFO)
    assert found == dataclasses.replace(recipe, model=ref, not_replayable=())


def test_an_empty_prompt_stays_empty(work):  # noqa: F811
    work.run(dataclasses.replace(work.search(), settings=taken_over(imported(prompt=""))))
    assert work.case.made(work.subject.id)[0].recipe.prompt == ""


def test_plans_without_such_a_recipe_are_written_as_they_always_were():
    assert "recipes" not in logged(ReplaySettings("a door"))
    assert from_json(ReplaySettings, logged(ReplaySettings("a door"))) == ReplaySettings("a door")


def test_what_a_file_says_is_taken_over():
    said = Generation("AUTOMATIC1111", prompt="a (red) door", seed=5, steps=9, guidance=3.5, sampler="DDIM",
                      width_px=64, height_px=64, clip_skip=3, subseed=7, subseed_strength=0.25)
    recipe = recipe_from(said, ModelRef("here", "f" * 64, "sd1"))
    assert taken_over(recipe).recipes == (recipe,) and recipe.variation == Variation(7, 0.25)
