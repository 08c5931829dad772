import pytest
import torch

from explorer.diffusion.memory import choose, free_bytes
from explorer.diffusion.models import load_model
from tests.diffusion import tiny

GB = int(1e9)


def policy(**changes):
    usual = {"stored_bytes": int(5.5 * GB), "stored_bits": 32, "device": "cuda", "free": 24 * GB,
             "size_px": 512}
    return choose(**(usual | changes))


def test_a_large_card_holds_everything_in_half_precision():
    got = policy()
    assert (got.precision, got.place, got.batch) == ("float16", "device", 28)
    assert "2.8 GB of weights" in got.notes[0]


@pytest.mark.parametrize(("free", "place"), [(6 * GB, "device"), (4 * GB, "parts"), (2 * GB, "layers")])
def test_smaller_cards_take_turns(free, place):
    got = policy(free=free)
    assert got.place == place and got.batch >= 1
    assert place == "device" or "slow" in " ".join(got.notes)


def test_larger_images_and_precision_shrink_the_batch():
    assert policy(size_px=1024).batch < policy().batch
    assert policy(precision="float32").batch < policy().batch
    assert policy(device="cpu").precision == "float32"


def test_half_precision_files_are_not_counted_as_double():
    small = policy(stored_bytes=int(2.75 * GB), stored_bits=16)
    assert small.notes[0] == policy().notes[0]


def test_a_loaded_model_says_what_was_picked(tmp_path):
    tiny.pipeline("sd1-kl", tmp_path / "parts").save_pretrained(tmp_path / "model")
    model = load_model(str(tmp_path / "model"), device="cpu")
    assert model.policy.place == "device" and model.info.memory_bytes > 100_000
    assert any("float32 on cpu" in note for note in model.info.notes)
    assert free_bytes(torch.device("cpu")) > 0
