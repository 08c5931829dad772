"""The world's models load in the plain libraries, and agree with each other."""

from __future__ import annotations

import json

import numpy as np
import open_clip
import pytest
import torch
from diffusers import StableDiffusionPipeline
from PIL import Image
from transformers import CLIPTextModel, CLIPTokenizer

from explorer.world.files import fingerprint, open_world
from explorer.world.manifest import read_manifest
from explorer.world_build import clip_train, derive
from explorer.world_build.dose_replays import DoseEffort, WorldSampler
from explorer.world_build.rule import round_trip

CARD_KEYS = ("assets_mb", "autoencoder", "clip", "dose_response", "near_copy_rule", "fingerprint")


@pytest.fixture(scope="module")
def here(world):
    return open_world(world)


@pytest.fixture(scope="module")
def rows(here):
    return read_manifest(here)


@pytest.fixture(scope="module")
def clip(here):
    return clip_train.load_clip(here)


@pytest.fixture(scope="module")
def pipeline(here):
    pipe = StableDiffusionPipeline.from_pretrained(here.diffusion, torch_dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def test_clip_finds_a_caption_s_own_image(clip, rows, here):
    model, preprocess, tokenizer = clip
    some = [r for r in rows if r["split"] == "control"][:40]
    images = torch.stack([preprocess(Image.open(here.root / r["image"])) for r in some])
    with torch.no_grad():
        a = model.encode_image(images, normalize=True)
        b = model.encode_text(tokenizer([r["caption"] for r in some]), normalize=True)
    assert ((b @ a.T).argmax(1) == torch.arange(40)).float().mean() > 0.9


def test_tokenizers_give_equal_ids(here, rows):
    ours = open_clip.get_tokenizer("ViT-B-32")
    theirs = CLIPTokenizer.from_pretrained(here.diffusion / "tokenizer")
    different = 0
    for r in rows[::5]:
        a = [t for t in ours([r["caption"]])[0].tolist() if t]
        b = theirs(r["caption"], truncation=True, max_length=77).input_ids
        different += a != b
    assert different == 0


def test_text_encoder_equals_the_clip_s_text_tower(here, clip, rows):
    model, _, tokenizer = clip
    text = CLIPTextModel.from_pretrained(here.diffusion / "text_encoder").float().eval()
    tokens = tokenizer([r["caption"] for r in rows[:20]])
    with torch.no_grad():
        x = model.token_embedding(tokens) + model.positional_embedding
        x = model.ln_final(model.transformer(x, attn_mask=model.attn_mask))
        y = text(tokens).last_hidden_state
        short = clip_train.short_text(model, tokens)
        full = model.encode_text(tokens)
    ends = tokens.argmax(1)
    for n, end in enumerate(ends):
        assert (x[n, : end + 1] - y[n, : end + 1]).abs().max() < 1e-4
    assert (short - full).abs().max() < 1e-4


def test_plain_pipeline_generates(pipeline):
    out = pipeline("a cat", num_inference_steps=2, output_type="np", generator=torch.Generator().manual_seed(0))
    assert out.images.shape == (1, 64, 64, 3)
    assert np.isfinite(out.images).all()


def test_the_check_samples_as_the_pipeline_does(here, pipeline, rows):
    caption = next(r["caption"] for r in rows if r["multiplicity"] == 256)
    sampler = WorldSampler(here, torch.device("cpu"))
    for guidance in (1.0, 2.0):
        mine = sampler.images(sampler.texts([caption]), [5], DoseEffort(steps=4, guidance=guidance))[0]
        theirs = pipeline(
            caption, num_inference_steps=4, guidance_scale=guidance, output_type="np",
            generator=torch.Generator().manual_seed(5),
        ).images[0]  # fmt: skip
        assert np.abs(mine - theirs).mean() < 0.01  # bfloat16 against float32


def test_autoencoder_floor(here, rows):
    from explorer.world.manifest import load_small
    from explorer.world_build.autoencoder_train import psnr_db

    works = load_small(here.root, [r["image"] for r in rows[::25]]) / np.float32(255)
    assert np.median(psnr_db(works, round_trip(here, works))) > 24


def test_card_quotes_this_world(here):
    card = json.loads(here.card.read_text())
    assert list(card)[: len(CARD_KEYS)] == list(CARD_KEYS)
    assert card["fingerprint"] == fingerprint(here.root)
    assert set(card["dose_response"]) == {"0", "1", "4", "16", "64", "256"}
    assert card["near_copy_rule"] == json.loads(here.near_copy.read_text())
    assert card["assets_mb"] <= 120


def test_nothing_quotes_another_world(here):
    assert derive.stale(here.root) == []
    assert set(derive.quoted(here.root)) == {"card.json", "controls.json", "examples.json", "familiarity.json",
                                             "findings.json", "collection/fingerprint.json"}
