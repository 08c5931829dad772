"""A very small world by several hands: both families train on it and load in the plain pipelines."""

from __future__ import annotations

import copy
import dataclasses
import json
import shutil

import numpy as np
import pytest
import torch
from diffusers import StableDiffusion3Pipeline, StableDiffusionPipeline
from PIL import Image

from explorer.world.files import open_world
from explorer.world.manifest import load_small, manifest_draw, read_manifest, small
from explorer.world.near_copy import NearCopyRule
from explorer.world_build import autoencoder_train, clip_train
from explorer.world_build.dose_replays import DoseEffort
from explorer.world_build.hands import (
    ask_instruments,
    dose_check,
    one_draw,
    paint,
    train_clip,
    train_flow,
    train_unet,
)
from explorer.world_build.hands.__main__ import main
from explorer.world_build.hands.draw_svg import webp
from explorer.world_build.hands.pool import CandidatePool, PoolWork
from explorer.world_build.hands.views import NumberedViews
from explorer.world_build.text_tower import write_tokenizer


def _pool(number: int = 60) -> CandidatePool:
    rng, found = np.random.default_rng(0), []
    for n in range(number):
        blocks = rng.integers(0, 256, (8, 8, 3)).astype(np.uint8)
        copy = webp(Image.fromarray(blocks).resize((128, 128), Image.Resampling.NEAREST))
        hand = ("twemoji", "noto", "fxemoji", "emojione-v1", "noto-v1")[n % 5]
        found.append(PoolWork(f"{hand}-{n}", f"thing {n // 5}", hand, ("a", "b", "c"), "CC0", hand, "s", hand,
                              str(n // 5), copy, ""))
    return CandidatePool(found, np.stack([small(w.copy) for w in found]), np.arange(number))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Data stage and an untrained autoencoder."""
    root = tmp_path_factory.mktemp("hands")
    world = open_world(root / "world", root / "cache")
    one_draw.build(world, _pool(), 1, frozenset())
    torch.manual_seed(0)
    autoencoder_train.architecture().save_pretrained(world.diffusion / "vae")
    return world


@pytest.fixture
def few(monkeypatch):
    """Small models."""
    monkeypatch.setattr(train_unet, "BLOCKS", (32, 32))
    monkeypatch.setattr(train_flow, "LAYERS", 2)
    monkeypatch.setattr(train_flow, "WIDTH", 64)


def test_the_manifest_holds_every_work_with_its_truth(made):
    rows = read_manifest(made)
    assert len(rows) == 60 and {r["split"] for r in rows} >= {"train", "control", "test", "stranger"}
    assert all((made.root / r["image"]).exists() and r["attribution"] and r["concept"] for r in rows)
    assert len({r["caption"].lower() for r in rows}) == len(rows)
    said = (made.root / "ATTRIBUTION.md").read_text()
    assert all(f"| {sum(r['hand'] == hand for r in rows)} |" in said for hand in {r["hand"] for r in rows})


def test_views_follow_the_multiplicities_and_their_number(made, tmp_path):
    views = NumberedViews(made, write_tokenizer(tmp_path / "tokenizer", context=train_unet.TEXT_LENGTH), 3)
    epoch = [views._at(k) for k in range(views.epoch_views)]
    for i, label in enumerate(views.labels):
        assert sum(pair[0] == i for pair in epoch) == label.multiplicity
    latents, tokens = views.batch(5, 16)
    again = NumberedViews(made, write_tokenizer(tmp_path / "tokenizer", context=train_unet.TEXT_LENGTH),
                          3).batch(5, 16)
    assert torch.equal(latents, again[0]) and torch.equal(tokens, again[1])
    assert latents.shape == (16, 32, 8, 8) and tokens.shape == (16, train_unet.TEXT_LENGTH)


def test_noise_levels_are_probabilities_with_their_middle_where_it_is_wanted():
    levels = train_unet.noise_levels(train_unet.new_scheduler())
    kept = train_unet.new_scheduler().alphas_cumprod
    ratio = (kept / (1 - kept)).log()
    assert float(levels.sum()) == pytest.approx(1, abs=0.01) and float(levels.min()) > 0
    assert float((levels * ratio).sum()) == pytest.approx(train_unet.CENTRE, abs=0.5)


def test_unet_trains_and_the_pipeline_draws(made, few):
    plan = dataclasses.replace(train_unet.PLAN, batch=8, compile=False)
    facts = train_unet.train(made, made.cache, decay_steps=2, plan=plan)
    assert facts["steps"] == 2
    assert train_unet.train(made, made.cache, decay_steps=1, plan=plan)["steps"] == 3
    assert train_unet.publish(made, made.cache / "unet.pt") == 3
    pipe = StableDiffusionPipeline.from_pretrained(made.diffusion)
    assert pipe("thing 1", num_inference_steps=2, output_type="np").images.shape == (1, 64, 64, 3)


def test_flow_trains_and_the_pipeline_draws(made, few):
    plan = dataclasses.replace(train_flow.PLAN, batch=8, compile=False)
    assert train_flow.train(made, made.cache, decay_steps=2, plan=plan)["steps"] == 2
    assert train_flow.publish(made, made.cache / "flow.pt") == 2
    pipe = StableDiffusion3Pipeline.from_pretrained(made.root / "flow", text_encoder_3=None, tokenizer_3=None)
    assert pipe("thing 1", num_inference_steps=2, output_type="np").images.shape == (1, 64, 64, 3)


def test_one_empty_place_that_weighs_as_many_gives_what_the_pipeline_computes(made, few, tmp_path):
    torch.manual_seed(1)
    model = train_flow.architecture().eval()
    for part in model.transformer.parameters():  # the modulation begins at nothing: give it something
        part.data += 0.05 * torch.randn_like(part)
    home = made.root / "flow"
    shutil.rmtree(home, ignore_errors=True)
    train_flow.write_pipeline(made, model)
    pipe = StableDiffusion3Pipeline.from_pretrained(home, text_encoder_3=None, tokenizer_3=None)
    alone = copy.deepcopy(pipe.transformer.float())
    model = train_flow.FlowNetworks(pipe.text_encoder.float(), pipe.text_encoder_2.float(), alone)
    words, _, whole, _ = pipe.encode_prompt("a red heart", None, None, do_classifier_free_guidance=False)
    tokens = pipe.tokenizer(["a red heart"], padding="max_length", return_tensors="pt").input_ids
    x, time = torch.randn(1, 32, 8, 8), torch.tensor([400.0])
    with torch.no_grad():
        theirs = pipe.transformer(x, words, whole, time, return_dict=False)[0]
        short, mine = model.words(tokens)
        ours = model.transformer(x, short, mine, time, return_dict=False)[0]
    assert words.shape[1] == train_unet.TEXT_LENGTH + train_flow.EMPTY_PLACES
    assert short.shape[1] == train_unet.TEXT_LENGTH + 1
    assert torch.allclose(mine, whole, atol=1e-5) and torch.allclose(theirs, ours, atol=1e-4)


def test_recognition_is_measured_for_real_generated_and_shuffled(made, few, monkeypatch):
    monkeypatch.setattr(ask_instruments, "EFFORT", DoseEffort(seeds=1, steps=1, guidance=3.0))
    monkeypatch.setattr(ask_instruments, "ASKED", ("test", "control", "tuning", "look_alike"))
    model = train_unet.architecture()
    train_unet.write_pipeline(made, model,
                              write_tokenizer(made.diffusion / "tokenizer", context=train_unet.TEXT_LENGTH))
    found = ask_instruments.recognised(made, made.cache)["recognised"]
    assert set(found) == {"real", "generated", "shuffled"} and found["real"]["pictures"] >= 1
    assert (made.root / "recognised.png").exists() and json.loads((made.root / "recognised.json").read_text())


def test_the_clip_goes_on_from_another_world_s(made, world, tmp_path):
    start = open_world(world)
    before, _, _ = clip_train.load_clip(start)
    pixels = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3)).astype(np.uint8)
    expected = clip_train.image_embeddings(before, pixels)
    model = train_clip.architecture(made, start.diffusion).eval()
    with torch.no_grad():
        x = torch.tensor(pixels).permute(0, 3, 1, 2).float() / 127.5 - 1
        got = torch.nn.functional.normalize(model.encode_image(x), dim=1).numpy()
    assert np.abs(got - expected).max() < 1e-3
    facts = train_clip.train(made, tmp_path, decay_steps=1, start=start.diffusion,
                       plan=dataclasses.replace(train_clip.PLAN, batch=8))
    assert facts["steps"] == 1 and clip_train.load_clip(made)[0].logit_scale.item() > 0


def test_the_check_counts_what_comes_back_group_by_group(made, few, tmp_path):
    train_unet.write_pipeline(made, train_unet.architecture(),
                              write_tokenizer(made.diffusion / "tokenizer", context=32))
    made.near_copy.write_text('{"absolute": 0.2, "margin": 0.8}')
    rows = read_manifest(made)
    works_ = load_small(made.root, [r["image"] for r in rows]) / np.float32(255)
    by_caption = {r["caption"]: i for i, r in enumerate(rows) if r["multiplicity"] >= 64}
    asked = []

    def draw(captions, seeds, effort):
        asked.extend(captions)
        return np.stack([works_[by_caption[c]] if c in by_caption else np.full((64, 64, 3), 0.5, np.float32)
                         for c in captions])

    effort = DoseEffort(seeds=2, steps=1)
    found = dose_check.tried(made, tmp_path, "unet", effort, lambda *_: None, draw)
    shares = dose_check.shares(found)
    assert shares["256"]["share"] == shares["64"]["share"] == 1 and shares["0"]["near_copies"] == 0
    assert set(shares) >= {"0", "4", "16", "64", "256", "strangers"}
    before = len(asked)
    assert dose_check.tried(made, tmp_path, "unet", effort, lambda *_: None, draw) == found and len(asked) == before


def test_a_double_s_member_is_no_rival_of_it(made):
    rule, table = NearCopyRule(0.2, 0.8), np.array([[0.01, 0.02, 0.5], [0.4, 0.4, 0.4]], np.float32)
    alone = dose_check.Target("a", "doubles", "a", 0, "", ())
    friends = dose_check.Target("a", "doubles", "a", 0, "", (1,))
    images = np.zeros((2, 64, 64, 3), np.float32)
    assert dose_check.judged(friends, table, images, made, rule)["near_copy_seed"] == 0
    assert dose_check.judged(alone, table / np.array([1, 2, 1]), images, made, rule)["near_copy_seed"] is None


def test_both_samplers_draw_what_their_pipelines_draw(made, few):
    torch.manual_seed(2)
    train_flow.write_pipeline(made, train_flow.architecture())
    train_unet.write_pipeline(made, train_unet.architecture(),
                              write_tokenizer(made.diffusion / "tokenizer", context=32))
    pipes = {"unet": StableDiffusionPipeline.from_pretrained(made.diffusion),
             "flow": StableDiffusion3Pipeline.from_pretrained(made.root / "flow", text_encoder_3=None,
                                                              tokenizer_3=None)}
    for family, pipe in pipes.items():
        draw = paint.sampler(made, family)
        mine = draw(["thing 1", "thing 2"], [4, 5], DoseEffort(steps=3, guidance=3.0, batch=2))
        theirs = pipe("thing 2", num_inference_steps=3, guidance_scale=3.0, output_type="np",
                      generator=torch.Generator().manual_seed(5)).images[0]
        assert np.abs(mine[1] - theirs).mean() < 0.02, family


def test_fairness_is_asked_for_all_and_for_each_artist(tmp_path):
    pool = _pool(300)
    world = open_world(tmp_path / "world", tmp_path / "cache")
    one_draw.build(world, pool, 1, frozenset())
    found = dose_check.fairness(world)
    assert set(found) == {"all", "twemoji", "noto"} and 0.2 < found["all"]["auc"] < 0.8


def test_the_command_draws_a_kept_pool_and_prints_its_facts(tmp_path, capsys):
    (tmp_path / "cache").mkdir()
    _pool().save(tmp_path / "cache" / "pool.parquet")
    code = main(["data", "--out", str(tmp_path / "world"), "--cache", str(tmp_path / "cache"), "--draw", "2"])
    facts = json.loads(capsys.readouterr().out)
    assert code == 0 and facts["works"] == 60 and 0 < facts["much_seen_share"] < 1
    assert manifest_draw(open_world(tmp_path / "world")) == 2
