"""Families that only their own call runs: batches, starts from a picture, steps, and what they lack."""

from __future__ import annotations

import diffusers
import numpy as np
import pytest
import torch
from PIL import Image

from explorer.diffusion.exhibit import exhibit
from explorer.diffusion.sampling import batch_key, sample
from explorer.errors import Cancelled, ExplorerError
from explorer.records import ReplaySettings
from explorer.records.families import FAMILIES as ALL
from explorer.records.families import facts
from explorer.search.expand import expand
from tests.diffusion.families import tiny_others
from tests.diffusion.families.tiny_others import FAMILIES, recipe
from tests.heard import Heard

STARTS = tuple(f for f in FAMILIES if facts(f).img2img)


@pytest.fixture(scope="module")
def others(tmp_path_factory):
    made = {}

    def get(family):
        if family not in made:
            made[family] = tiny_others.model(family, tmp_path_factory.mktemp(family))
        return made[family]
    return get


def picture():
    return np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)


def theirs(pipe, wanted, **more):
    """The pipeline's own call as a diffusers user makes it."""
    if "negative_prompt" in more and not more["negative_prompt"]:
        del more["negative_prompt"]
    made = pipe(prompt=wanted.prompt, num_inference_steps=wanted.steps, guidance_scale=wanted.guidance,
                generator=torch.Generator("cpu").manual_seed(wanted.seed), output_type="np", **more).images[0]
    return (np.asarray(made) * 255).round().astype(np.uint8)


@pytest.mark.parametrize("family", FAMILIES)
def test_one_image_is_the_pipelines_own_and_repeats_to_the_byte(others, family):
    model = others(family)
    wanted = recipe(model)
    made = exhibit(model, wanted)
    assert np.array_equal(made.rgb, theirs(model.pipe, wanted, width=32, height=32))
    assert exhibit(model, wanted).hashes == made.hashes
    assert made.unet_evaluations == 4 * (2 if facts(family).negative else 1) and made.latents.size


@pytest.mark.parametrize("family", FAMILIES)
def test_a_batch_of_8_equals_8_of_1(others, family):
    model = others(family)
    wanted = [recipe(model, seed=s, steps=2) for s in range(8)]
    assert len({batch_key(model, r) for r in wanted}) == 1
    together = sample(model, wanted)
    for one, got in zip(wanted, together, strict=True):
        assert np.abs(sample(model, [one])[0].latents - got.latents).max() < 1e-4
    assert batch_key(model, wanted[0]) != batch_key(model, recipe(model, steps=2, prompt="two boats, long"))


@pytest.mark.parametrize("family", STARTS)
def test_a_start_from_a_picture_is_diffusers_own(others, family):
    model = others(family)
    wanted = recipe(model, strength=0.5, start_sha256="0" * 64)
    made = sample(model, [wanted], start_rgb=picture())[0]
    kind = getattr(diffusers, facts(family).pipelines[1])
    parts = dict(model.pipe.components)
    if family == "lcm":
        parts["requires_safety_checker"] = False
    pipe = kind(**parts)
    assert np.array_equal(made.rgb, theirs(pipe, wanted, image=Image.fromarray(picture()), strength=0.5))
    two = [recipe(model, seed=s, strength=0.5, start_sha256="0" * 64) for s in range(2)]
    for one, got in zip(two, sample(model, two, start_rgb=picture()), strict=True):
        assert np.abs(sample(model, [one], start_rgb=picture())[0].latents - got.latents).max() < 1e-4
    only = ReplaySettings("x", seeds=0, strengths=(0.5,))
    assert [r.strength for r in expand(only, model=model.ref, info=model.info, start_sha256="0")] == [0.5]


@pytest.mark.parametrize("family", FAMILIES)
def test_steps_are_seen_and_a_run_ends_between_them(others, family):
    model, seen = others(family), []
    made = sample(model, [recipe(model)], on_step=seen.append)[0]
    assert [s.index for s in seen] == [0, 1, 2, 3] and seen[0].steps == 4
    assert np.array_equal(seen[-1].x0[0].float().numpy(), made.latents)
    with pytest.raises(Cancelled):
        sample(model, [recipe(model)], run=Heard(end_at=2))


def test_what_a_family_lacks_is_refused_before_it_runs(others):
    model = others("pixart")
    with pytest.raises(ExplorerError, match="starting image"):
        sample(model, [recipe(model, strength=0.5, start_sha256="0" * 64)], start_rgb=picture())
    with pytest.raises(ExplorerError, match="not offered"):
        expand(ReplaySettings("x", strengths=(0.5,)), model=model.ref, info=model.info, start_sha256="0")
    with pytest.raises(ExplorerError, match="negative prompt"):
        sample(others("lcm"), [recipe(others("lcm"), negative_prompt="dull")])


def test_every_pipeline_of_the_catalogue_is_one_of_diffusers():
    for known in ALL.values():
        assert all(hasattr(diffusers, kind) for kind in known.pipelines)
