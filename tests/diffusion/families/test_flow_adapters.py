"""LoRA files for the flow families: diffusers' names in each, kohya's and the original's for FLUX."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import save_file

from explorer.diffusion.models import load_model
from explorer.errors import ExplorerError
from tests.diffusion.families import tiny_flows
from tests.diffusion.test_adapters import noise

SAVED = tuple(f for f in tiny_flows.FAMILIES if f != "flux2")  # a tiny one has no processor of pictures


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    made = {}

    def get(family):
        if family not in made:
            root = tmp_path_factory.mktemp(family)
            tiny_flows.pipeline(family, root / "parts").save_pretrained(root / "model")
            (root / "model" / "afterimage.json").write_text(json.dumps({"default_size_px": 32}))
            made[family] = root / "model"
        return made[family]
    return get


def linear(model):
    """The first attention's query in the network: its name and weight."""
    return next((n, m.weight) for n, m in model.pipe.transformer.named_modules()
                if n.endswith("to_q") and hasattr(m, "weight"))


@pytest.mark.parametrize("family", SAVED)
@pytest.mark.parametrize("before", ["transformer.", "lora_transformer_"])
def test_a_lora_is_added_into_the_transformer(folders, tmp_path, family, before):
    plain = load_model(str(folders(family)), device="cpu")
    name, weight = linear(plain)
    high, wide = weight.shape
    path = tmp_path / "a.safetensors"
    if before == "transformer.":
        tensors = {f"{before}{name}.lora_A.weight": noise(2, wide), f"{before}{name}.lora_B.weight": noise(high, 2)}
        change = noise(high, 2) @ noise(2, wide)
    else:  # LoHa under a flat name
        flat = before + name.replace(".", "_")
        tensors = {f"{flat}.hada_w1_a": noise(high, 2), f"{flat}.hada_w1_b": noise(2, wide),
                   f"{flat}.hada_w2_a": noise(high, 2, seed=1), f"{flat}.hada_w2_b": noise(2, wide, seed=1)}
        change = (noise(high, 2) @ noise(2, wide)) * (noise(high, 2, seed=1) @ noise(2, wide, seed=1))
    save_file(tensors, path)
    laid = load_model(f"{folders(family)} + {path}*0.1", device="cpu")
    made = dict(laid.pipe.transformer.named_modules())[name].weight
    assert torch.allclose(made, weight + 0.1 * change, atol=1e-5)
    assert any("acts: 1 of its 1 parts" in note for note in laid.info.notes)
    assert laid.ref.fingerprint != plain.ref.fingerprint


def test_kohyas_names_for_flux_split_what_the_original_holds_together(folders, tmp_path):
    plain = load_model(str(folders("flux")), device="cpu")
    width = plain.pipe.transformer.inner_dim
    down, up = noise(2, width), noise(3 * width, 2)
    key = "lora_unet_double_blocks_0_img_attn_qkv"
    path = tmp_path / "k.safetensors"
    save_file({f"{key}.lora_down.weight": down, f"{key}.lora_up.weight": up, f"{key}.alpha": torch.tensor(1.0)},
              path)
    laid = load_model(f"{folders('flux')} + {path}", device="cpu")
    change = 0.5 * up @ down  # alpha 1 over rank 2
    for n, side in enumerate(("to_q", "to_k", "to_v")):
        name = f"transformer_blocks.0.attn.{side}"
        before, after = (dict(m.pipe.transformer.named_modules())[name].weight for m in (plain, laid))
        assert torch.allclose(after, before + change[n * width:(n + 1) * width], atol=1e-5)


def test_a_text_encoders_part_and_a_lora_of_another_family(folders, tmp_path):
    path = tmp_path / "t.safetensors"
    module = "text_model.encoder.layers.0.self_attn.q_proj"
    save_file({f"text_encoder.{module}.lora_A.weight": noise(2, 16),
               f"text_encoder.{module}.lora_B.weight": noise(16, 2)}, path)
    laid = load_model(f"{folders('sd3')} + {path}", device="cpu")
    assert any("acts" in note for note in laid.info.notes)
    key = "transformer.elsewhere"
    save_file({f"{key}.lora_A.weight": noise(2, 8), f"{key}.lora_B.weight": noise(8, 2)}, path)
    with pytest.raises(ExplorerError, match="another family"):
        load_model(f"{folders('sd3')} + {path}", device="cpu")
    save_file({"emb_params": noise(1, 16)}, path)
    with pytest.raises(ExplorerError, match="cannot be taught"):
        load_model(f"{folders('qwen')} + {path}", device="cpu")
