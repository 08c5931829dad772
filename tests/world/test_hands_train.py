"""A very small world by several hands: both families train on it and load in the plain pipelines."""

from __future__ import annotations

import dataclasses
import shutil

import numpy as np
import pytest
import torch
from diffusers import StableDiffusion3Pipeline, StableDiffusionPipeline
from PIL import Image

from explorer.world.files import open_world
from explorer.world.manifest import read_manifest, small
from explorer.world_build import autoencoder_train
from explorer.world_build.hands import flow, unet, works
from explorer.world_build.hands.draw_svg import webp
from explorer.world_build.hands.pool import Pool, Work
from explorer.world_build.hands.views import Views
from explorer.world_build.text_tower import write_tokenizer


def _pool(number: int = 60) -> Pool:
    rng, found = np.random.default_rng(0), []
    for n in range(number):
        blocks = rng.integers(0, 256, (8, 8, 3)).astype(np.uint8)
        copy = webp(Image.fromarray(blocks).resize((128, 128), Image.Resampling.NEAREST))
        hand = ("twemoji", "noto", "fxemoji", "emojione-v1", "noto-v1")[n % 5]
        found.append(Work(f"{hand}-{n}", f"thing {n // 5}", hand, ("a", "b", "c"), "CC0", hand, "s", hand,
                          str(n // 5), copy, ""))
    return Pool(found, np.stack([small(w.copy) for w in found]), np.arange(number))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Data stage and an untrained autoencoder."""
    root = tmp_path_factory.mktemp("hands")
    world = open_world(root / "world", root / "cache")
    works.build(world, _pool(), 1, frozenset())
    torch.manual_seed(0)
    autoencoder_train.architecture().save_pretrained(world.diffusion / "vae")
    return world


@pytest.fixture
def few(monkeypatch):
    """Small models."""
    monkeypatch.setattr(unet, "BLOCKS", (32, 32))
    monkeypatch.setattr(flow, "LAYERS", 2)
    monkeypatch.setattr(flow, "WIDTH", 64)


def test_the_manifest_holds_every_work_with_its_truth(made):
    rows = read_manifest(made)
    assert len(rows) == 60 and {r["split"] for r in rows} >= {"train", "control", "test", "stranger"}
    assert all((made.root / r["image"]).exists() and r["attribution"] and r["concept"] for r in rows)
    assert len({r["caption"].lower() for r in rows}) == len(rows)


def test_views_follow_the_multiplicities_and_their_number(made, tmp_path):
    views = Views(made, write_tokenizer(tmp_path / "tokenizer", context=unet.TEXT_LENGTH), 3)
    epoch = [views._at(k) for k in range(views.epoch_views)]
    for i, label in enumerate(views.labels):
        assert sum(pair[0] == i for pair in epoch) == label.multiplicity
    latents, tokens = views.batch(5, 16)
    again = Views(made, write_tokenizer(tmp_path / "tokenizer", context=unet.TEXT_LENGTH), 3).batch(5, 16)
    assert torch.equal(latents, again[0]) and torch.equal(tokens, again[1])
    assert latents.shape == (16, 32, 8, 8) and tokens.shape == (16, unet.TEXT_LENGTH)


def test_noise_levels_are_probabilities_with_their_middle_where_it_is_wanted():
    levels = unet.noise_levels(unet.new_scheduler())
    kept = unet.new_scheduler().alphas_cumprod
    ratio = (kept / (1 - kept)).log()
    assert float(levels.sum()) == pytest.approx(1, abs=0.01) and float(levels.min()) > 0
    assert float((levels * ratio).sum()) == pytest.approx(unet.CENTRE, abs=0.5)


def test_unet_trains_and_the_pipeline_draws(made, few):
    plan = dataclasses.replace(unet.PLAN, batch=8, compile=False)
    facts = unet.train(made, made.cache, decay_steps=2, plan=plan)
    assert facts["steps"] == 2
    assert unet.train(made, made.cache, decay_steps=1, plan=plan)["steps"] == 3
    assert unet.publish(made, made.cache / "unet.pt") == 3
    pipe = StableDiffusionPipeline.from_pretrained(made.diffusion)
    assert pipe("thing 1", num_inference_steps=2, output_type="np").images.shape == (1, 64, 64, 3)


def test_flow_trains_and_the_pipeline_draws(made, few):
    plan = dataclasses.replace(flow.PLAN, batch=8, compile=False)
    assert flow.train(made, made.cache, decay_steps=2, plan=plan)["steps"] == 2
    assert flow.publish(made, made.cache / "flow.pt") == 2
    pipe = StableDiffusion3Pipeline.from_pretrained(made.root / "flow", text_encoder_3=None, tokenizer_3=None)
    assert pipe("thing 1", num_inference_steps=2, output_type="np").images.shape == (1, 64, 64, 3)


def test_one_empty_place_that_weighs_as_many_gives_what_the_pipeline_computes(made, few, tmp_path):
    torch.manual_seed(1)
    model = flow.architecture().eval()
    for part in model.transformer.parameters():  # the modulation begins at nothing: give it something
        part.data += 0.05 * torch.randn_like(part)
    home = made.root / "flow"
    shutil.rmtree(home, ignore_errors=True)
    flow.write_pipeline(made, model)
    pipe = StableDiffusion3Pipeline.from_pretrained(home, text_encoder_3=None, tokenizer_3=None)
    model = flow.Flow(pipe.text_encoder.float(), pipe.text_encoder_2.float(), _copied(pipe.transformer.float()))
    words, _, whole, _ = pipe.encode_prompt("a red heart", None, None, do_classifier_free_guidance=False)
    tokens = pipe.tokenizer(["a red heart"], padding="max_length", return_tensors="pt").input_ids
    x, time = torch.randn(1, 32, 8, 8), torch.tensor([400.0])
    with torch.no_grad():
        theirs = pipe.transformer(x, words, whole, time, return_dict=False)[0]
        short, mine = model.words(tokens)
        ours = model.transformer(x, short, mine, time, return_dict=False)[0]
    assert words.shape[1] == unet.TEXT_LENGTH + flow.EMPTY_PLACES and short.shape[1] == unet.TEXT_LENGTH + 1
    assert torch.allclose(mine, whole, atol=1e-5) and torch.allclose(theirs, ours, atol=1e-4)


def _copied(transformer):
    import copy

    return copy.deepcopy(transformer)
