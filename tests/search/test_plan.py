import json
import subprocess
import sys
from dataclasses import replace

import pytest

from explorer.errors import ExplorerError
from explorer.records import (
    ModelInfo,
    ModelRef,
    Recipe,
    ReplaySettings,
    Variation,
    from_json,
    recipe_digest,
    to_json,
)
from explorer.search.expand import expand, summarise

INFO = ModelInfo("world", "w", "sd1", "f" * 64, "none", 0, 64, 20, 5.0)
REF = ModelRef("world", "f" * 64, "sd1")


def plan(**settings):
    return expand(ReplaySettings("a boat", **settings), model=REF, info=INFO, start_sha256="a" * 64)


def test_defaults_come_from_the_model():
    recipes = plan(seeds=3, first_seed=10)
    assert [r.seed for r in recipes] == [10, 11, 12]
    assert {(r.steps, r.guidance, r.width_px, r.height_px, r.precision) for r in recipes} == {
        (20, 5.0, 64, 64, "float32")}
    assert all(r.start_sha256 is None and r.strength is None for r in recipes)


def test_the_grid_is_whole_and_without_repeats():
    recipes = plan(seeds=2, steps=(5, 10), guidances=(1.0, 7.0), schedulers=("euler", "pndm"),
                   strengths=(0.3, 0.6), strength_seeds=1)
    assert len(recipes) == (2 + 2) * 8
    assert len({recipe_digest(r) for r in recipes}) == len(recipes)
    assert {r.start_sha256 for r in recipes if r.strength is not None} == {"a" * 64}


def test_every_prompt_gets_the_whole_grid():
    recipes = plan(seeds=2, guidances=(1.0, 7.0), more_prompts=("a red boat", "a boat"))
    assert len(recipes) == 2 * 2 * 2
    assert [r.prompt for r in recipes] == ["a boat"] * 2 + ["a red boat"] * 2 + ["a boat"] * 2 + ["a red boat"] * 2
    for mode in ("exhaustive", "race"):
        one, two = (summarise(ReplaySettings("a boat", seeds=40, mode=mode, more_prompts=more), INFO)
                    for more in ((), ("a red boat",)))
        assert (two.tries, two.unet_evaluations) == (2 * one.tries, 2 * one.unet_evaluations)


def test_summary_counts_what_expand_gives():
    settings = ReplaySettings("a boat", seeds=4, strengths=(0.5,), strength_seeds=2, steps=(10,),
                              guidances=(1.0, 7.0), schedulers=("euler", "pndm"))
    summary = summarise(settings, INFO)
    assert (summary.tries, summary.from_noise, summary.from_subject) == (24, 16, 8)
    # Euler: 4·10 + 2·5 steps; PNDM one more each: 4·11 + 2·6; once without guidance, twice with it.
    assert summary.unet_evaluations == (50 + 56) * 3
    assert summary.seconds(10.0) == pytest.approx(31.8)


@pytest.mark.parametrize(("settings", "says"), [
    ({"seeds": 0}, "0 replays"), ({"seeds": 2_000_000}, "1,000,000"),
    ({"guidances": (31.0,)}, "outside 0 to 30"),
    ({"strengths": (1.5,)}, "strength 1.5"), ({"schedulers": ("dpm_fast",)}, "dpm_fast"),
    ({"steps": (1001,)}, "1001 steps"),
    ({"width_px": 33}, "33 pixels"), ({"steps": (5,), "strengths": (0.1,)}, "at least 0.2"),
    ({"first_seed": -1}, "first seed")])
def test_bad_settings_are_refused_in_a_sentence(settings, says):
    with pytest.raises(ExplorerError, match=says):
        plan(**settings)


def test_strengths_need_a_subject():
    with pytest.raises(ExplorerError, match="need a subject"):
        expand(ReplaySettings("x", strengths=(0.5,)), model=REF, info=INFO)


def test_screens_can_import_it_without_heavy_libraries():
    code = ("import sys, explorer.search.expand; "
            "print(sorted({'torch', 'numpy', 'diffusers'} & set(sys.modules)))")
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_listed_recipes_go_through_whole_but_for_the_model_and_its_precision():
    other = ModelRef("elsewhere", "e" * 64, "sd1")
    given = (Recipe(other, "(a boat:1.2)", 2**40, 25, 6.5, "ddim", 96, 64, negative_prompt="grey", dialect="a1111",
                    clip_skip=2, noise_source="a1111-nv-philox", variation=Variation(7, 0.25), eta=0.5),
             Recipe(other, "a door", 3, 10, 1.0, "euler", 64, 64, start_sha256="b" * 64, strength=0.5))
    settings = ReplaySettings("a boat", recipes=given)
    assert from_json(ReplaySettings, json.loads(json.dumps(to_json(settings)))) == settings
    half = replace(INFO, precision="float16")
    assert expand(settings, model=REF, info=half) == [replace(r, model=REF, precision="float16") for r in given]
    assert expand(settings, model=REF, info=INFO) == [replace(r, model=REF) for r in given]
    planned = summarise(settings, INFO)
    assert (planned.tries, planned.from_noise, planned.unet_evaluations) == (2, 1, 2 * 25 + 5)


def test_listed_recipes_neither_race_nor_are_too_many():
    one = Recipe(REF, "a boat", 1, 10, 5.0, "euler", 64, 64)
    with pytest.raises(ExplorerError, match="one by one"):
        plan(recipes=(one,), mode="race")
    with pytest.raises(ExplorerError, match="1000001 replays"):
        plan(recipes=(one,) * 1_000_001)
