import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from explorer.diffusion.adapter_files import parse_source
from explorer.diffusion.describe import describe_model
from explorer.diffusion.exhibit import exhibit
from explorer.diffusion.models import load_model
from explorer.errors import ExplorerError
from tests.diffusion import tiny

LINEAR = "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q"
CONV = "down_blocks.0.resnets.0.conv1"
TEXT = "text_model.encoder.layers.0.self_attn.q_proj"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("base")
    tiny.pipeline("sd1-kl", root / "parts").save_pretrained(root / "model")
    return root / "model"


def noise(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def diffusers_lora(path):
    save_file({f"unet.{LINEAR}.lora_A.weight": noise(2, 32),
               f"unet.{LINEAR}.lora_B.weight": noise(32, 2, seed=1),
               f"unet.{CONV}.lora_A.weight": noise(2, 16, 3, 3),
               f"unet.{CONV}.lora_B.weight": noise(16, 2, 1, 1),
               f"text_encoder.{TEXT}.lora_A.weight": noise(2, 32),
               f"text_encoder.{TEXT}.lora_B.weight": noise(32, 2)}, path)
    return path


def kohya_lora(path, alpha):
    names = {"lora_unet_" + LINEAR.replace(".", "_"): (32, 32), "lora_te_" + TEXT.replace(".", "_"): (32, 32)}
    tensors = {}
    for name, (wide, high) in names.items():
        tensors |= {f"{name}.lora_down.weight": noise(2, wide),
                    f"{name}.lora_up.weight": noise(high, 2, seed=1), f"{name}.alpha": torch.tensor(alpha)}
    save_file(tensors, path)
    return path


def weight(model, name, part="unet"):
    return dict(getattr(model.pipe, part).named_modules())[name].weight


def test_a_lora_is_added_into_the_weights(folder, tmp_path):
    path = diffusers_lora(tmp_path / "style.safetensors")
    plain, laid = load_model(str(folder)), load_model(f"{folder} + {path}*0.5")
    expected = weight(plain, LINEAR) + 0.5 * noise(32, 2, seed=1) @ noise(2, 32)
    assert torch.allclose(weight(laid, LINEAR), expected, atol=1e-6)
    conv = torch.nn.functional.conv2d(noise(2, 16, 3, 3).permute(1, 0, 2, 3), noise(16, 2, 1, 1))
    assert torch.allclose(weight(laid, CONV), weight(plain, CONV) + 0.5 * conv.permute(1, 0, 2, 3), atol=1e-5)
    text = weight(plain, TEXT, "text_encoder") + 0.5 * noise(32, 2) @ noise(2, 32)
    assert torch.allclose(weight(laid, TEXT, "text_encoder"), text, atol=1e-6)


def test_kohyas_form_with_alpha(folder, tmp_path):
    path = kohya_lora(tmp_path / "k.safetensors", alpha=1.0)
    plain, laid = load_model(str(folder)), load_model(f"{folder} + {path}")
    change = 0.5 * noise(32, 2, seed=1) @ noise(2, 32)  # alpha 1 over rank 2
    assert torch.allclose(weight(laid, LINEAR), weight(plain, LINEAR) + change, atol=1e-6)
    assert torch.allclose(weight(laid, TEXT, "text_encoder"), weight(plain, TEXT, "text_encoder") + change,
                          atol=1e-6)


def test_an_adapter_is_part_of_the_fingerprint_and_of_the_image(folder, tmp_path):
    path = diffusers_lora(tmp_path / "style.safetensors")
    plain, half, full = (load_model(s) for s in (str(folder), f"{folder} + {path}*0.5", f"{folder} + {path}"))
    assert len({m.ref.fingerprint for m in (plain, half, full)}) == 3
    assert describe_model(f"{folder} + {path}").fingerprint == full.ref.fingerprint
    assert describe_model(f"{folder} + {path}").adapters == full.ref.adapters
    adapter, = half.ref.adapters
    assert (adapter.name, adapter.kind, adapter.weight) == ("style.safetensors", "lora", 0.5)
    images = [exhibit(m, tiny.recipe(m)).rgb for m in (plain, half, full)]
    assert not np.array_equal(images[0], images[1]) and not np.array_equal(images[1], images[2])
    with pytest.raises(ExplorerError, match="other weights"):
        exhibit(full, tiny.recipe(half))


def test_a_textual_inversion_gives_a_new_word(folder, tmp_path):
    path = tmp_path / "myword.safetensors"
    save_file({"emb_params": noise(2, 32)}, path)
    plain, laid = load_model(str(folder)), load_model(f"{folder} + {path}")
    assert laid.ref.adapters[0].kind == "textual-inversion"
    same = [exhibit(m, tiny.recipe(m)).hashes["latents"] for m in (plain, laid)]
    assert same[0] == same[1]
    told = [exhibit(m, tiny.recipe(m, prompt="a myword boat")).hashes["latents"]
            for m in (plain, laid)]
    assert told[0] != told[1]


def test_files_that_do_not_fit_are_refused(folder, tmp_path):
    wrong = tmp_path / "wrong.safetensors"
    save_file({f"unet.{LINEAR}.lora_A.weight": noise(2, 64),
               f"unet.{LINEAR}.lora_B.weight": noise(32, 2)}, wrong)
    with pytest.raises(ExplorerError, match="does not fit"):
        load_model(f"{folder} + {wrong}")
    save_file({"unet.elsewhere.lora_A.weight": noise(2, 8),
               "unet.elsewhere.lora_B.weight": noise(8, 2)}, wrong)
    with pytest.raises(ExplorerError, match="another family"):
        load_model(f"{folder} + {wrong}")
    save_file({"lora_unet_x.oft_blocks": noise(2, 2)}, wrong)
    with pytest.raises(ExplorerError, match="another kind"):
        load_model(f"{folder} + {wrong}")
    save_file({"emb_params": noise(1, 5)}, wrong)
    with pytest.raises(ExplorerError, match="5 numbers"):
        load_model(f"{folder} + {wrong}")
    save_file({"a": noise(2, 2, 2)}, wrong)
    with pytest.raises(ExplorerError, match="neither"):
        load_model(f"{folder} + {wrong}")


@pytest.mark.parametrize(("part", "says"), [("x.ckpt", "pickle"), ("none.safetensors", "no adapter file")])
def test_missing_files_and_pickles(part, says):
    with pytest.raises(ExplorerError, match=says):
        parse_source(f"world + {part}")


def test_a_weight_out_of_range(tmp_path):
    save_file({"emb_params": noise(1, 5)}, tmp_path / "a.safetensors")
    with pytest.raises(ExplorerError, match="-4 to 4"):
        parse_source(f"world + {tmp_path / 'a.safetensors'}*9")
    assert parse_source(f"world + {tmp_path / 'a.safetensors'}*-0.5")[1][0].weight == -0.5
