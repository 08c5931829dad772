"""Weights held as narrow as their files have them: the same latents to the byte, in half the memory."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import save_file

from explorer.diffusion import models
from explorer.diffusion.held import is_held
from explorer.diffusion.memory_plan import MemoryPlan
from explorer.diffusion.models import load_model
from explorer.diffusion.sampling import sample
from tests.diffusion import tiny
from tests.diffusion.families import tiny_flows
from tests.diffusion.test_adapters import noise

SAVED = ("sd1-kl", "sdxl", *(f for f in tiny_flows.FAMILIES if f != "flux2"))  # that has no processor when tiny


@pytest.fixture(scope="module")
def halves(tmp_path_factory):
    """name -> a folder with a tiny model's weights in half precision."""
    made = {}

    def get(name):
        if name not in made:
            root = tmp_path_factory.mktemp(name)
            source = tiny if name in tiny.VARIANTS else tiny_flows
            kind = torch.float16 if source is tiny else torch.bfloat16
            source.pipeline(name, root / "parts").to(kind).save_pretrained(root / "model")
            (root / "model" / "afterimage.json").write_text(json.dumps({"default_size_px": 32}))
            made[name] = root / "model"
        return made[name]
    return get


@pytest.fixture
def narrow(monkeypatch):
    """From now on a plan says that only the narrow weights fit."""
    def hold():
        whole = models.plan

        def planned(shape, **facts) -> MemoryPlan:
            least = whole(shape, **facts)
            return whole(shape, **facts | {"free_bytes": least.needed_bytes - least.weights_bytes / 4})
        monkeypatch.setattr(models, "plan", planned)
    return hold


def latents(model):
    wanted = (tiny_flows if model.family.facts.flow else tiny).recipe(model, steps=2)
    return sample(model, [wanted])[0].latents


@pytest.mark.parametrize("name", SAVED)
def test_the_same_latents_to_the_byte(halves, narrow, name):
    plain = load_model(str(halves(name)), device="cpu")
    wide = latents(plain)
    narrow()
    held = load_model(str(halves(name)), device="cpu")
    assert (plain.policy.place, held.policy.place) == ("device", "held")
    assert held.precision == "float32" and any("half the memory" in note for note in held.info.notes)
    assert latents(held).tobytes() == wide.tobytes()
    assert held.info.memory_bytes < 0.95 * plain.info.memory_bytes  # tiny ones are embeddings, mostly


def test_gradients_pass_through_them(halves, narrow):
    narrow()
    network = load_model(str(halves("sd1-kl")), device="cpu").pipe.unet
    given = torch.randn(1, 4, 16, 16, requires_grad=True)
    network(given, 10, encoder_hidden_states=torch.randn(1, 7, 32))[0].sum().backward()
    assert torch.isfinite(given.grad).all() and bool(given.grad.abs().max() > 0)


def test_an_adapter_over_them_is_as_over_wide_ones(halves, narrow, tmp_path):
    source = halves("sd1-kl")
    layer = "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q"
    save_file({f"unet.{layer}.lora_A.weight": noise(2, 32), f"unet.{layer}.lora_B.weight": noise(32, 2)},
              tmp_path / "a.safetensors")
    wanted = f"{source} + {tmp_path / 'a.safetensors'}*0.01"
    wide = latents(load_model(wanted, device="cpu"))
    narrow()
    held = load_model(wanted, device="cpu")
    touched = held.pipe.unet.get_submodule(layer)
    assert is_held(touched) and touched.weight.dtype == torch.float32
    assert abs(latents(held) - wide).max() < 1e-5
