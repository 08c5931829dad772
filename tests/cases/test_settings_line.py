"""Our own settings line: a recipe, written as A1111 writes one and read again, is the recipe that it was."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer.cases.recipes_text import parameter_line
from explorer.diffusion.dialects import DIALECTS
from explorer.images.imported import recipe_from
from explorer.images.settings.a1111 import from_text
from explorer.records import Recipe, Variation
from explorer.records.program_samplers import PRESETS
from tests.cases.made import make_recipe

WORDS = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=60).map(str.strip).filter(
    lambda t: not t.startswith(("Negative prompt:", "Steps:")) and "\u2028" not in t)
WAYS = st.sampled_from([("euler", {}), ("euler_a", {}), ("ddim", {}), ("dpmpp_2m", {}), ("pndm", {}), ("unipc", {}),
                        *((p.key, p.config) for p in PRESETS.values())])


@st.composite
def recipes(draw) -> Recipe:
    scheduler, config = draw(WAYS)
    variation = draw(st.none() | st.builds(Variation, st.integers(0, 2 ** 32), st.floats(0.01, 1.0)))
    return replace(
        make_recipe(),
        prompt=draw(WORDS.filter(bool)),
        negative_prompt=draw(WORDS),
        seed=draw(st.integers(0, 2**64 - 1)),
        steps=draw(st.integers(1, 150)),
        guidance=draw(st.floats(0, 30)),
        scheduler=scheduler,
        scheduler_config=dict(config),
        width_px=8 * draw(st.integers(8, 256)),
        height_px=8 * draw(st.integers(8, 256)),
        dialect=draw(st.sampled_from(DIALECTS)),
        clip_skip=draw(st.integers(0, 3)),
        variation=variation,
        noise_source=draw(st.sampled_from(["torch-cpu", "cuda-philox", "a1111-nv-philox"])),
        start_sha256=None,
        strength=None,
    )


@settings(max_examples=400, deadline=None)
@given(recipes())
def test_written_and_read_again(recipe):
    made = from_text(parameter_line(recipe))
    assert made is not None and made.tool == "Afterimage"
    again = recipe_from(made, recipe.model)
    same = ["prompt", "negative_prompt", "seed", "steps", "scheduler", "scheduler_config", "width_px", "height_px",
            "clip_skip", "noise_source", "eta"]
    same += ["dialect"] if recipe.scheduler_config else []  # the older form is for the plain one
    for name in same:
        assert getattr(again, name) == getattr(recipe, name), name
    assert again.guidance == pytest.approx(recipe.guidance, rel=1e-5)
    assert (again.variation is None) == (recipe.variation is None)
    if recipe.variation is not None:
        assert again.variation.strength == pytest.approx(recipe.variation.strength, rel=1e-5)
        assert again.variation.subseed == recipe.variation.subseed
    assert again.not_replayable == ()


def test_the_older_form_stays_byte_for_byte():
    """Pictures in packages carry it, and a check makes it anew."""
    recipe = replace(make_recipe(), prompt="a boat, red", negative_prompt="fog", clip_skip=1, dialect="a1111",
                     variation=Variation(9, 0.5), eta=0.25, scheduler="ddim")
    assert parameter_line(recipe).splitlines()[1:] == [
        "Negative prompt: fog",
        f"Steps: {recipe.steps}, Sampler: DDIM, CFG scale: 7.5, Seed: {recipe.seed}, Size: "
        f"{recipe.width_px}x{recipe.height_px}, Model hash: {recipe.model.fingerprint[:10]}, Variation seed: 9, "
        "Variation seed strength: 0.5, Clip skip: 1, Eta: 0.25, RNG: CPU, Version: afterimage"]
