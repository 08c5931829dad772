"""DoRA, LoHa and LoKr against peft's own layers; several files at once; what a file did is measured and told."""

from __future__ import annotations

import peft
import pytest
import torch
from safetensors.torch import save_file

from explorer.diffusion.adapter_changes import changed, part_of
from explorer.diffusion.models import load_model
from explorer.errors import ExplorerError
from tests.diffusion import tiny
from tests.diffusion.test_adapters import CONV, LINEAR, TEXT, diffusers_lora, noise, weight

KOHYA = "lora_unet_" + LINEAR.replace(".", "_")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("base")
    tiny.pipeline("sd1-kl", root / "parts").save_pretrained(root / "model")
    return root / "model"


def by_peft(plain, config, tensors):
    """The merged weight of a linear layer with these adapter tensors, computed by peft."""
    layer = torch.nn.Sequential(torch.nn.Linear(*plain.T.shape, bias=False))
    layer[0].weight.data = plain.clone()
    model = peft.get_peft_model(layer, config)
    told = dict(model.named_parameters())
    for name, value in tensors.items():
        key = next(k for k in told if k.split("0.", 1)[-1].startswith(name))
        told[key].data = value.clone()
    return model.merge_and_unload()[0].weight.data


def laid(folder, tmp_path, tensors, *, strength="", metadata=None):
    path = tmp_path / "a.safetensors"
    save_file({k: v.contiguous() for k, v in tensors.items()}, path, metadata=metadata)
    return load_model(f"{folder} + {path}{strength}")


@pytest.mark.parametrize("form", ["peft", "kohya"])
def test_dora(folder, tmp_path, form):
    plain = weight(load_model(str(folder)), LINEAR)
    down, up, length = noise(2, 32), noise(32, 2, seed=1), 1 + noise(32, seed=2).abs()
    config = peft.LoraConfig(r=2, lora_alpha=2, target_modules=["0"], use_dora=True)
    wanted = by_peft(plain, config, {"lora_A": down, "lora_B": up, "lora_magnitude_vector": length})
    tensors = {f"unet.{LINEAR}.lora_A.weight": down, f"unet.{LINEAR}.lora_B.weight": up,
               f"unet.{LINEAR}.lora_magnitude_vector": length}
    if form == "kohya":
        tensors = {f"{KOHYA}.lora_down.weight": down, f"{KOHYA}.lora_up.weight": up,
                   f"{KOHYA}.dora_scale": length[:, None], f"{KOHYA}.alpha": torch.tensor(2.0)}
    whole = weight(laid(folder, tmp_path, tensors), LINEAR)
    assert torch.allclose(whole, wanted, atol=1e-5)
    half = weight(laid(folder, tmp_path, tensors, strength="*0.5"), LINEAR)
    assert torch.allclose(half, (plain + wanted) / 2, atol=1e-5)


def test_dora_with_a_length_for_each_input():
    plain, change, length = noise(6, 4), noise(6, 4, seed=1), 1 + noise(4, seed=2).abs()
    made = changed(plain, change, length[None], 1.0)
    assert torch.allclose(made.norm(dim=0), length, atol=1e-5)


def test_loha(folder, tmp_path):
    plain = weight(load_model(str(folder)), LINEAR)
    factors = {"hada_w1_a": noise(32, 2), "hada_w1_b": noise(2, 32, seed=1), "hada_w2_a": noise(32, 2, seed=2),
               "hada_w2_b": noise(2, 32, seed=3)}
    wanted = by_peft(plain, peft.LoHaConfig(r=2, alpha=1, target_modules=["0"]), factors)
    tensors = {f"{KOHYA}.{k}": v for k, v in factors.items()} | {f"{KOHYA}.alpha": torch.tensor(1.0)}
    assert torch.allclose(weight(laid(folder, tmp_path, tensors), LINEAR), wanted, atol=1e-4)


def test_lokr(folder, tmp_path):
    plain = weight(load_model(str(folder)), LINEAR)
    factors = {"lokr_w1": noise(4, 4), "lokr_w2_a": noise(8, 2, seed=1), "lokr_w2_b": noise(2, 8, seed=2)}
    config = peft.LoKrConfig(r=2, alpha=1, target_modules=["0"], decompose_factor=4)
    wanted = by_peft(plain, config, factors)
    tensors = {f"{KOHYA}.{k}": v for k, v in factors.items()} | {f"{KOHYA}.alpha": torch.tensor(1.0)}
    assert torch.allclose(weight(laid(folder, tmp_path, tensors), LINEAR), wanted, atol=1e-4)
    whole = {f"{KOHYA}.lokr_w1": noise(4, 4), f"{KOHYA}.lokr_w2": noise(8, 8, seed=1)}
    made = weight(laid(folder, tmp_path, whole), LINEAR)
    assert torch.allclose(made, plain + torch.kron(noise(4, 4), noise(8, 8, seed=1)), atol=1e-4)


def test_names_in_the_original_layout_of_xl(tmp_path):
    root = tmp_path / "xl"
    tiny.pipeline("sdxl", root / "parts").save_pretrained(root / "model")
    plain = load_model(str(root / "model"))
    # Block 3 of the way down in the original's counting is the first attention of the second block here.
    name = "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q"
    key = "lora_unet_input_blocks_3_1_transformer_blocks_0_attn1_to_q"
    factors = {"hada_w1_a": noise(32, 2), "hada_w1_b": noise(2, 32), "hada_w2_a": noise(32, 2, seed=1),
               "hada_w2_b": noise(2, 32, seed=1)}
    made = laid(root / "model", tmp_path, {f"{key}.{k}": v for k, v in factors.items()})
    product = (factors["hada_w1_a"] @ factors["hada_w1_b"]) * (factors["hada_w2_a"] @ factors["hada_w2_b"])
    assert torch.allclose(weight(made, name), weight(plain, name) + product, atol=1e-4)


def test_what_it_did_is_told(folder, tmp_path):
    path = diffusers_lora(tmp_path / "style.safetensors")
    note = next(n for n in load_model(f"{folder} + {path}*0.5").info.notes if "acts" in n)
    assert "style.safetensors acts: 3 of its 3 parts found a place" in note and note.endswith("%.")
    tensors = {f"unet.{LINEAR}.lora_A.weight": noise(2, 32), f"unet.{LINEAR}.lora_B.weight": noise(32, 2),
               "unet.elsewhere.lora_A.weight": noise(2, 8), "unet.elsewhere.lora_B.weight": noise(8, 2)}
    part = laid(folder, tmp_path, tensors)
    assert any("1 of its 2 parts" in n for n in part.info.notes)


@pytest.mark.parametrize("nothing", ["zeros", "unused"])
def test_what_does_not_act_is_an_error(folder, tmp_path, nothing):
    up = torch.zeros(32, 2) if nothing == "zeros" else noise(32, 2) * 1e-12
    tensors = {f"unet.{LINEAR}.lora_A.weight": noise(2, 32), f"unet.{LINEAR}.lora_B.weight": up}
    with pytest.raises(ExplorerError, match="does not act"):
        laid(folder, tmp_path, tensors)


def test_several_at_once_with_weights(folder, tmp_path):
    first, second = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    for n, path in enumerate((first, second)):
        save_file({f"unet.{LINEAR}.lora_A.weight": noise(2, 32, seed=n),
                   f"unet.{LINEAR}.lora_B.weight": noise(32, 2, seed=9 + n)}, path)
    plain, both = load_model(str(folder)), load_model(f"{folder} + {first}*0.5 + {second}*-0.25")
    change = 0.5 * noise(32, 2, seed=9) @ noise(2, 32) - 0.25 * noise(32, 2, seed=10) @ noise(2, 32, seed=1)
    assert torch.allclose(weight(both, LINEAR), weight(plain, LINEAR) + change, atol=1e-5)
    assert sum("acts" in n for n in both.info.notes) == len(both.ref.adapters) == 2


@pytest.mark.parametrize(("name", "base", "kind"), [
    (f"unet.{CONV}.lora_A.default.weight", f"unet.{CONV}", "down"), ("lora_te_x.lora_up.weight", "lora_te_x", "up"),
    (f"text_encoder.{TEXT}.lora_linear_layer.down.weight", f"text_encoder.{TEXT}", "down"),
    ("x.to_q_lora.up.weight", "x.to_q", "up"), ("lora_unet_x.alpha", "lora_unet_x", "alpha"),
    ("lora_unet_x.dora_scale", "lora_unet_x", "magnitude"), ("lora_unet_x.lokr_w2_b", "lora_unet_x", "k2_b")])
def test_names_say_what_a_tensor_is(name, base, kind):
    part = part_of(name)
    assert (part.base, part.kind) == (base, kind)
    assert part_of("lora_unet_x.oft_blocks") is None
