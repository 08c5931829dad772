"""Models whose configs, tables and names are odd: a sentence, soon, whatever is in them."""

from __future__ import annotations

import json
import random
import shutil
import struct
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from explorer.clip.encoder import load_encoder
from explorer.clip.weights import find_clip
from explorer.diffusion.adapter_files import parse_source
from explorer.diffusion.describe import describe_model
from explorer.diffusion.models import load_model
from explorer.errors import ExplorerError
from tests.benchmarks.safety_models import honest_models, open_model
from tests.benchmarks.safety_odd import spoil
from tests.clip.conftest import write_clip

SOON_S = 20.0


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    return honest_models(tmp_path_factory.mktemp("honest"))


@pytest.fixture
def copy(honest, tmp_path):
    return Path(shutil.copytree(honest["sd1-tiny"], tmp_path / "model"))


def edit(path, **entries):
    path.write_text(json.dumps(json.loads(path.read_text()) | entries))


@pytest.mark.parametrize("number", range(40))
def test_a_spoiled_model_loads_or_is_refused_in_a_sentence(honest, tmp_path, number):
    dice = random.Random(f"odd {number}")
    kind = dice.choice(sorted(honest))
    folder = Path(shutil.copytree(honest[kind], tmp_path / "model"))
    spoil(folder, dice)
    begun = time.process_time()
    try:
        open_model(kind, folder)
    except ExplorerError as error:
        assert str(error).rstrip().endswith((".", ")")) and len(str(error)) < 900
    assert time.process_time() - begun < SOON_S


@pytest.mark.parametrize(("name", "entry"), [
    ("unet/config.json", {"layers_per_block": 10**6}), ("unet/config.json", {"block_out_channels": [10**6, 10**6]}),
    ("unet/config.json", {"cross_attention_dim": 10**9}), ("unet/config.json", {"sample_size": 10**6}),
    ("unet/config.json", {"transformer_layers_per_block": 10**5}),
    ("unet/config.json", {"block_out_channels": [16] * 10**5, "down_block_types": ["DownBlock2D"] * 10**5,
                          "up_block_types": ["UpBlock2D"] * 10**5}),
    ("text_encoder/config.json", {"num_hidden_layers": 10**6}),
    ("text_encoder/config.json", {"hidden_size": 10**6}),
    ("text_encoder/config.json", {"vocab_size": 10**6, "hidden_size": 10**5}),
    ("text_encoder/config.json", {"max_position_embeddings": 10**9}),
    ("vae/config.json", {"num_decoder_blocks": [10**6, 10**6]}), ("vae/config.json", {"latent_channels": 10**6}),
    ("scheduler/scheduler_config.json", {"num_train_timesteps": 10**12})])
def test_sizes_beyond_the_weights_are_refused_soon(copy, name, entry):
    edit(copy / name, **entry)
    begun = time.process_time()
    with pytest.raises(ExplorerError, match=r"larger than its weights|which no model has"):
        load_model(str(copy), device="cpu")
    assert time.process_time() - begun < SOON_S


@pytest.mark.parametrize(("part", "entry"), [
    ("vision_cfg", {"layers": 10**6}), ("vision_cfg", {"width": 10**6}), ("text_cfg", {"layers": 10**5}),
    ("text_cfg", {"vocab_size": 10**9}), ("vision_cfg", {"image_size": 4096, "patch_size": 1})])
def test_a_clip_larger_than_its_weights_is_refused_soon(honest, tmp_path, part, entry):
    folder = Path(shutil.copytree(honest["clip"], tmp_path / "clip"))
    config = json.loads((folder / "open_clip_config.json").read_text())
    config["model_cfg"][part].update(entry)
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    begun = time.process_time()
    with pytest.raises(ExplorerError, match=r"larger than its weights|which no model has"):
        load_encoder(str(folder))
    assert time.process_time() - begun < SOON_S


@pytest.mark.parametrize("card", [
    {"default_size_px": 10**9}, {"default_size_px": -64}, {"default_size_px": "512"}, {"default_size_px": True},
    {"default_size_px": [512]}, {"default_steps": 10**12}, {"default_steps": 2.5}, {"default_guidance": -1e300},
    {"default_guidance": "x"}, {"name": "x" * 10**5}, {"name": 3}, {"name": {"a": 1}}, {"licence": ["x"]}])
def test_defaults_that_are_absurd(copy, card):
    (copy / "afterimage.json").write_text(json.dumps(card))
    with pytest.raises(ExplorerError, match="Correct it, or take that file out"):
        describe_model(str(copy))


@pytest.mark.parametrize("sample", ["x", -1, 0.5, {"a": 1}, [], [None], 10**6, True])
def test_a_size_that_is_none(copy, sample):
    edit(copy / "unet" / "config.json", sample_size=sample)
    if not sample:  # the family's usual size then
        assert describe_model(str(copy)).default_size_px == 128
    else:
        with pytest.raises(ExplorerError, match=r"does not say|which no model has"):
            describe_model(str(copy))


@pytest.mark.parametrize("source", [
    "~nosuchuser/model", "x" * 5000, "/" + "y/" * 3000, "a/" + "b" * 5000, "world\0", "\ud800", "", " + ", "+", "~",
    "a/b@" + "c" * 300, "world + ~nosuchuser/a.safetensors", "world + " + "z" * 5000,
    "world + a.safetensors*" + "9" * 5000, "world + " * 500, "..", "owner/..", "./" * 2000])
@pytest.mark.parametrize("reads", [describe_model, parse_source, find_clip])
def test_names_that_are_none(source, reads, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    try:
        reads(source)
    except ExplorerError as error:
        assert len(str(error)) < 1500


def test_files_that_may_not_be_read(copy):
    weights = next((copy / "unet").glob("*.safetensors"))
    weights.unlink()
    weights.symlink_to(copy / "nowhere")
    with pytest.raises(ExplorerError):
        load_model(str(copy))


@pytest.mark.parametrize("tensors", [
    {"unet.a.lora_A.weight": np.zeros(3, np.float32), "unet.a.lora_B.weight": np.zeros(3, np.float32)},
    {"unet.conv_in.lora_A.weight": np.zeros((0, 4, 3, 3), np.float32),
     "unet.conv_in.lora_B.weight": np.zeros((16, 0, 1, 1), np.float32)},
    {"unet.conv_in.lora_A.weight": np.full((2, 4, 3, 3), np.nan, np.float32),
     "unet.conv_in.lora_B.weight": np.ones((16, 2, 1, 1), np.float32)},
    {"unet.conv_in.lora_A.weight": np.zeros((2, 300_000), np.float32),
     "unet.conv_in.lora_B.weight": np.zeros((300_000, 2), np.float32)},
    {"unet.conv_in.lora_A.weight": np.zeros((3, 4, 3, 3), np.float32),
     "unet.conv_in.lora_B.weight": np.zeros((16, 2, 1, 1), np.float32)},
    {"lora_unet_conv_in.lora_down.weight": np.zeros((2, 4, 3, 3), np.float32),
     "lora_unet_conv_in.alpha": np.zeros(5, np.float32)},
    {"lora.weight": np.zeros(2, np.float32)}, {"a": np.zeros((5000, 32), np.float32)},
    {"a": np.full((1, 32), np.inf, np.float32)}, {"a": np.zeros((2, 3), np.float32), "b": np.zeros(3, np.float32)}])
def test_adapters_that_are_none(copy, tmp_path, tensors):
    save_file(tensors, tmp_path / "a.safetensors")
    with pytest.raises(ExplorerError):
        load_model(f"{copy} + {tmp_path / 'a.safetensors'}", device="cpu")


@pytest.mark.parametrize("notes", ["[" * 5000, "null", "[]", '{"unet.lora_alpha": "x"}',
                                   '{"unet.lora_alpha": 1e999}', '{"unet.lora_alpha": [1]}'])
def test_an_adapters_notes(copy, tmp_path, notes):
    weights = load_file(next((copy / "unet").glob("*.safetensors")))["conv_in.weight"]
    out, *into = weights.shape
    save_file({"unet.conv_in.lora_A.weight": np.ones((2, *into), np.float32),
               "unet.conv_in.lora_B.weight": np.ones((out, 2, 1, 1), np.float32)}, tmp_path / "a.safetensors",
              metadata={"lora_adapter_metadata": notes})
    with pytest.raises(ExplorerError):
        load_model(f"{copy} + {tmp_path / 'a.safetensors'}", device="cpu")


@pytest.mark.parametrize("header", [b"null", b"[]", b'"x"', b"[" * 9000, b'{"a": null}', b'{"a":' * 9000, b""])
def test_tables_of_models_clips_and_adapters(copy, tmp_path, header):
    data = struct.pack("<Q", len(header)) + header
    next((copy / "unet").glob("*.safetensors")).write_bytes(data)
    clip = write_clip(tmp_path / "clip")
    (clip / "open_clip_model.safetensors").write_bytes(data)
    (tmp_path / "one.safetensors").write_bytes(data)
    for load in (lambda: load_model(str(copy), device="cpu"), lambda: load_encoder(str(clip)),
                 lambda: load_model(str(tmp_path / "one.safetensors")),
                 lambda: parse_source(f"world + {tmp_path / 'one.safetensors'}")):
        with pytest.raises(ExplorerError):
            load()
