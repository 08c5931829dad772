"""How a model is held for the memory that is free."""

import pytest
import torch

from explorer.diffusion.memory import free_bytes, policy_of
from explorer.diffusion.memory_plan import plan
from explorer.diffusion.models import load_model
from explorer.diffusion.shapes import NetworkShape, Shape
from tests.diffusion import tiny

GB = int(1e9)
SD1 = Shape((NetworkShape("unet", 859_520_964, 32), NetworkShape("vae", 83_653_863, 32),
             NetworkShape("text_encoder", 430_000_000, 32)), 2 * 26 * 320 / 64, 0.0, 768.0)


def policy(shape=SD1, **changes):
    usual = {"device": "cuda", "free_bytes": 24 * GB, "host_bytes": 64 * GB, "width_px": 512, "height_px": 512}
    return policy_of(plan(shape, **(usual | changes)))


def test_a_large_card_holds_everything_in_half_precision():
    got = policy()
    assert (got.precision, got.place, got.batch) == ("float16", "device", 32)
    assert "2.7 GB of weights" in got.notes[0]


@pytest.mark.parametrize(("free", "place"), [(6 * GB, "device"), (3.5 * GB, "parts"), (2 * GB, "layers")])
def test_smaller_cards_take_turns(free, place):
    got = policy(free_bytes=free)
    assert got.place == place and got.batch >= 1
    assert place == "device" or "slow" in " ".join(got.notes)


def test_larger_images_and_precision_shrink_the_batch():
    assert policy(width_px=1024, height_px=1024).batch < policy().batch
    assert policy(precision="float32").batch < policy().batch
    assert policy(device="cpu").precision == "float32"


def test_half_precision_files_are_not_counted_as_double():
    parts = tuple(NetworkShape(p.role, p.numbers, 16) for p in SD1.parts)
    halved = Shape(parts, SD1.a_pixel, SD1.fixed, SD1.decoded)
    assert policy(halved).notes[0] == policy().notes[0]


def test_a_loaded_model_says_what_was_picked(tmp_path):
    tiny.pipeline("sd1-kl", tmp_path / "parts").save_pretrained(tmp_path / "model")
    model = load_model(str(tmp_path / "model"), device="cpu")
    assert model.policy.place == "device" and model.info.memory_bytes > 100_000
    assert any("float32 on cpu" in note for note in model.info.notes)
    assert free_bytes(torch.device("cpu")) > 0
