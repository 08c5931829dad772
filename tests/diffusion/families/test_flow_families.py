"""Our loop against each flow pipeline's own call, over every family."""

from __future__ import annotations

from dataclasses import replace

import diffusers
import numpy as np
import pytest
import torch

from explorer.diffusion.exhibit import exhibit
from explorer.diffusion.sampling import sample
from explorer.errors import ExplorerError
from explorer.records.samplers import offered
from tests.diffusion import tiny
from tests.diffusion.families import own
from tests.diffusion.families.tiny_flows import FAMILIES, recipe

EQUAL, TOGETHER = 1e-5, 1e-4
TAKES_ANY = ("sd3", "flux", "flux2", "klein")  # their own call takes schedulers that make noise levels themselves
IMG2IMG = tuple(f for f in FAMILIES if f not in ("flux2", "klein"))
LONG = "a red boat, " * 80


def picture(height: int = tiny.SIZE_PX, width: int = tiny.SIZE_PX):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def ours(model, wanted, **more):
    return sample(model, [wanted], **more)[0].latents


def apart(model, wanted, **more) -> float:
    """The largest difference of ours to the pipeline's own, in the latents that it hands out."""
    found, start = ours(model, wanted, **more), {"start": more["start_rgb"]} if more else {}
    if model.info.family == "klein":  # hands out the autoencoder's
        found = model.family.raw_of(torch.from_numpy(found)[None])[0].numpy()
    return float(np.abs(found - own.latents(model, wanted, **start)).max())


@pytest.mark.parametrize("sampler", offered(True))
def test_txt2img_equals_the_pipelines_own_call(model, sampler):
    if sampler == "dpmpp_2m" and model.info.family not in TAKES_ANY:
        with pytest.raises((ValueError, AssertionError, TypeError)):
            own.latents(model, recipe(model, scheduler=sampler))  # refused there; ours sets the levels
        assert np.isfinite(ours(model, recipe(model, scheduler=sampler))).all()
        return
    assert apart(model, recipe(model, scheduler=sampler)) < EQUAL


@pytest.mark.parametrize("family", IMG2IMG)
@pytest.mark.parametrize("strength", [0.3, 0.6, 1.0])
def test_img2img_equals_the_pipelines_own_call(flows, family, strength):
    model = flows(family)
    wanted = recipe(model, strength=strength, start_sha256="0" * 64)
    assert apart(model, wanted, start_rgb=picture()) < EQUAL


@pytest.mark.parametrize("sampler", offered(True))
def test_img2img_runs_with_every_sampler(model, sampler):
    wanted = recipe(model, scheduler=sampler, strength=0.5, start_sha256="0" * 64)
    made = sample(model, [wanted], start_rgb=picture())[0]
    assert made.unet_evaluations == 2 * model.family.facts.passes(wanted.guidance)
    other = sample(model, [wanted], start_rgb=255 - picture())[0]
    assert np.isfinite(made.latents).all() and np.abs(made.latents - other.latents).max() > 0.01


def test_pixels_equal_the_pipelines_own(model):
    assert np.abs(sample(model, [recipe(model)])[0].rgb.astype(int) - own.pixels(model, recipe(model))).max() <= 1


@pytest.mark.parametrize("changes", [
    {"guidance": 1.0}, {"height_px": 36, "width_px": 44}, {"prompt": LONG}, {"prompt": ""}, {"steps": 1},
    {"seed": 2 ** 40}], ids=["unguided", "odd size", "long", "empty", "one step", "large seed"])
def test_equal_also_at_the_edges(model, changes):
    if changes.get("guidance") == 1.0:
        changes = {"guidance": model.family.facts.unguided}
    if changes.get("steps") == 1 and model.info.family == "qwen":  # stretching the levels leaves none there
        with pytest.raises(ExplorerError, match="at least 2 steps"):
            ours(model, recipe(model, **changes))
        return
    assert apart(model, recipe(model, **changes)) < EQUAL


def test_a_negative_prompt_counts_or_is_refused(model):
    wanted = recipe(model, negative_prompt="dull")
    if not model.family.facts.negative:
        with pytest.raises(ExplorerError, match="negative prompt"):
            ours(model, wanted)
        return
    if model.info.family != "klein":  # its own call takes none
        assert apart(model, wanted) < EQUAL
    assert np.abs(ours(model, wanted) - ours(model, recipe(model))).max() > 1e-4


def test_the_prompt_and_the_guidance_count(model):
    plain = ours(model, recipe(model))
    assert np.abs(plain - ours(model, recipe(model, prompt="two"))).max() > 1e-4
    assert np.abs(plain - ours(model, recipe(model, guidance=5.0))).max() > 1e-4


@pytest.mark.parametrize("sampler", offered(True))
def test_batch_of_8_equals_8_of_1(model, sampler):
    wanted = [recipe(model, seed=s, scheduler=sampler, guidance=2.0 + s % 2, steps=2, prompt="boat " * (s % 3))
              for s in range(8)]
    together = np.stack([r.latents for r in sample(model, wanted)])
    alone = np.stack([ours(model, r) for r in wanted])
    assert np.abs(together - alone).max() < TOGETHER


def test_a_batch_of_one_prompt_equals_one_at_a_time(model):
    wanted = [recipe(model, seed=s, steps=2, strength=0.7, start_sha256="0" * 64) for s in range(3)]
    together = sample(model, wanted, start_rgb=picture())
    for one, got in zip(wanted, together, strict=True):
        assert np.abs(got.latents - ours(model, one, start_rgb=picture())).max() < TOGETHER


@pytest.mark.parametrize("sampler", offered(True))
def test_a_replay_is_the_same_to_the_byte(model, sampler):
    wanted = recipe(model, scheduler=sampler, steps=2)
    first, second = exhibit(model, wanted), exhibit(model, wanted)
    assert first.hashes == second.hashes and first.png == second.png
    again = exhibit(model, first.recipe)  # with its full scheduler config, as it is on record
    assert again.hashes == first.hashes
    assert exhibit(model, replace(wanted, seed=8)).hashes != first.hashes


def test_the_last_steps_predicted_image_is_what_the_run_ends_on(model):
    views = []
    made = sample(model, [recipe(model)], on_step=views.append)[0]
    assert np.abs(views[-1].x0[0].numpy() - made.latents).max() < 1e-4
    first = views[0]
    alpha, sigma = first.levels
    assert np.abs((alpha * first.x0 + sigma * (first.x0 + first.prediction)) - first.sample).max() < 1e-4


@pytest.mark.parametrize(("changes", "says"), [
    ({"width_px": 33}, "multiples of"), ({"scheduler": "ddim"}, "dpmpp_2m"),
    ({"dialect": "a1111"}, "prompt weights"),
    ({"scheduler": "pndm"}, "not offered")])
def test_what_is_not_offered_is_said(model, changes, says):
    with pytest.raises(ExplorerError, match=says):
        sample(model, [recipe(model, **changes)])


def test_every_flow_family_is_tested_and_its_pipelines_exist():
    from explorer.records.families import FAMILIES as ALL
    assert tuple(sorted(FAMILIES)) == tuple(sorted(k for k, f in ALL.items() if f.flow))
    for facts in ALL.values():
        for kind in facts.pipelines:
            assert hasattr(diffusers, kind)
