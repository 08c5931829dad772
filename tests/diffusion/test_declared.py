"""What model and adapter files declare: used, or refused in a sentence; never dropped in silence."""

from __future__ import annotations

import json
import math

import pytest
import torch
from safetensors.torch import load_file, save_file

from explorer.diffusion.declared import check_checkpoint, scheduler_of
from explorer.diffusion.describe import describe_model
from explorer.diffusion.locate import locate
from explorer.diffusion.models import load_model
from explorer.errors import ExplorerError
from explorer.foreign.reading import read_table
from tests.diffusion import tiny
from tests.diffusion.test_adapters import LINEAR, TEXT, noise, weight

WHOLE = {"cond_stage_model.transformer.x": torch.zeros(1), "first_stage_model.x": torch.zeros(1),
         "model.diffusion_model.input_blocks.0.0.weight": torch.zeros(8, 4, 3, 3)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("base")
    tiny.pipeline("sd1-kl", root / "parts").save_pretrained(root / "model")
    return root / "model"


@pytest.mark.parametrize(("name", "more", "header", "expected"), [
    ("a.safetensors", {}, None, {}), ("a.safetensors", {"v_pred": torch.zeros(0)}, None, {
        "prediction_type": "v_prediction"}),
    ("a.safetensors", {"v_pred": torch.zeros(0), "ztsnr": torch.zeros(0)}, None, {
        "prediction_type": "v_prediction", "rescale_betas_zero_snr": True}),
    ("a.safetensors", {}, {"modelspec.prediction_type": "v"}, {"prediction_type": "v_prediction"}),
    ("a.safetensors", {}, {"modelspec.prediction_type": "epsilon"}, {"prediction_type": "epsilon"}),
    ("noob-v-pred-1.safetensors", {}, None, {"prediction_type": "v_prediction"}),
    ("noob_vpred.safetensors", {}, {"modelspec.prediction_type": "epsilon"}, {"prediction_type": "epsilon"}),
    ("improved.safetensors", {}, None, {})])
def test_a_checkpoints_prediction_type(tmp_path, name, more, header, expected):
    save_file(WHOLE | more, tmp_path / name, metadata=header)
    assert scheduler_of(read_table(tmp_path / name), tmp_path / name) == expected


@pytest.mark.parametrize(
    ("name", "header", "says"),
    [
        ("a.safetensors", None, "epsilon, as models of its family"),
        ("a_vpred.safetensors", None, "v-prediction, as the file's name"),
        ("a.safetensors", {"modelspec.prediction_type": "v"}, "v-prediction, as the file's header"),
    ],
)
def test_a_description_says_what_a_single_file_predicts(tmp_path, name, header, says):
    save_file(WHOLE, tmp_path / name, metadata=header)
    assert any(says in note for note in describe_model(str(tmp_path / name)).notes)


@pytest.mark.parametrize(("change", "says"), [
    ({"first_stage_model.x": None}, "no autoencoder"), ({"edm_mean": torch.zeros(1)}, "EDM"),
    ({"model.diffusion_model.input_blocks.0.0.weight": torch.zeros(8, 9, 3, 3)}, "inpainting")])
def test_checkpoints_that_are_no_whole_text_to_image_model(tmp_path, change, says):
    tensors = {k: v for k, v in (WHOLE | change).items() if v is not None}
    save_file(tensors, tmp_path / "m.safetensors")
    with pytest.raises(ExplorerError, match=says):
        check_checkpoint(read_table(tmp_path / "m.safetensors"), tmp_path / "m.safetensors")
    with pytest.raises(ExplorerError, match=says):
        load_model(str(tmp_path / "m.safetensors"))


def test_a_refiner_is_refused_as_a_file_and_as_a_folder(tmp_path, folder):
    save_file({"conditioner.embedders.0.model.x": torch.zeros(1)}, tmp_path / "r.safetensors")
    with pytest.raises(ExplorerError, match="refiner"):
        locate(str(tmp_path / "r.safetensors"))
    tiny.pipeline("sdxl", tmp_path / "parts").save_pretrained(tmp_path / "xl")
    index = json.loads((tmp_path / "xl" / "model_index.json").read_text())
    index |= {
        "_class_name": "StableDiffusionXLImg2ImgPipeline",
        "text_encoder": [None, None],
        "tokenizer": [None, None],
    }
    (tmp_path / "xl" / "model_index.json").write_text(json.dumps(index))
    with pytest.raises(ExplorerError, match="refiner"):
        locate(str(tmp_path / "xl"))


def test_a_folder_that_samples_in_karras_form_is_refused(tmp_path):
    tiny.pipeline("sd1-tiny", tmp_path / "parts").save_pretrained(tmp_path / "m")
    index = json.loads((tmp_path / "m" / "model_index.json").read_text())
    index["scheduler"] = ["diffusers", "EDMDPMSolverMultistepScheduler"]
    (tmp_path / "m" / "model_index.json").write_text(json.dumps(index))
    with pytest.raises(ExplorerError, match="EDM"):
        locate(str(tmp_path / "m"))


def test_a_pickle_in_a_part_that_can_be_left_out_is_left_out(tmp_path):
    tiny.pipeline("sd1-tiny", tmp_path / "parts").save_pretrained(tmp_path / "m")
    index = json.loads((tmp_path / "m" / "model_index.json").read_text())
    index["safety_checker"] = ["stable_diffusion", "StableDiffusionSafetyChecker"]
    (tmp_path / "m" / "model_index.json").write_text(json.dumps(index))
    (tmp_path / "m" / "safety_checker").mkdir()
    (tmp_path / "m" / "safety_checker" / "pytorch_model.bin").write_bytes(b"\x80\x04")
    (tmp_path / "m" / "safety_checker" / "config.json").write_text("{}")
    located = locate(str(tmp_path / "m"))
    assert "safety_checker" in located.index.left_out and not any("safety_checker" in f for f in located.files)
    assert load_model(str(tmp_path / "m")).pipe.safety_checker is None
    (tmp_path / "m" / "vae" / "diffusion_pytorch_model.safetensors").rename(tmp_path / "m" / "vae" / "x.bin")
    with pytest.raises(ExplorerError, match="pickle"):
        locate(str(tmp_path / "m"))


# -- adapters -------------------------------------------------------------------------------------

def sides(prefix="unet.", suffix=""):
    return {f"{prefix}{LINEAR}.lora_A{suffix}.weight": noise(4, 32), f"{prefix}{LINEAR}.lora_B{suffix}.weight":
            noise(32, 4, seed=1)}


def change(folder, path, weighs="1"):
    """What the file adds to the one weight, as a factor of up · down."""
    plain, laid = load_model(str(folder)), load_model(f"{folder} + {path}*{weighs}")
    whole = noise(32, 4, seed=1) @ noise(4, 32)
    added = weight(laid, LINEAR) - weight(plain, LINEAR)
    factor = (added * whole).sum() / (whole * whole).sum()
    assert torch.allclose(added, factor * whole, atol=1e-4)
    return float(factor)


@pytest.mark.parametrize(
    ("told", "factor"),
    [
        ({}, 1.0),
        ({"unet.lora_alpha": 8}, 2.0),
        ({"unet.lora_alpha": 8, "unet.alpha_pattern": {"attn1.to_q": 2}}, 0.5),
        ({"unet.lora_alpha": 8, "unet.alpha_pattern": {".*to_v": 2}}, 2.0),
        ({"unet.lora_alpha": 4, "unet.use_rslora": True}, 4 / math.sqrt(4)),
        ({"text_encoder.lora_alpha": 8}, 1.0),
    ],
)
def test_alpha_patterns_and_rank_stabilised_loras_weigh_what_they_say(folder, tmp_path, told, factor):
    save_file(sides(), tmp_path / "a.safetensors", metadata={"lora_adapter_metadata": json.dumps(told)})
    assert change(folder, tmp_path / "a.safetensors") == pytest.approx(factor, rel=1e-3)


def test_kohyas_alpha_in_the_header_counts_where_no_tensor_says_it(folder, tmp_path):
    name = "lora_unet_" + LINEAR.replace(".", "_")
    tensors = {f"{name}.lora_down.weight": noise(4, 32), f"{name}.lora_up.weight": noise(32, 4, seed=1)}
    header = {"ss_network_alpha": "2", "ss_network_dim": "4"}
    save_file(tensors, tmp_path / "h.safetensors", metadata=header)
    assert change(folder, tmp_path / "h.safetensors") == pytest.approx(0.5, rel=1e-3)
    save_file(tensors | {f"{name}.alpha": torch.tensor(1.0)}, tmp_path / "t.safetensors", metadata=header)
    assert change(folder, tmp_path / "t.safetensors", ".5") == pytest.approx(0.125, rel=1e-3)


@pytest.mark.parametrize(
    ("prefix", "suffix"), [("base_model.model.", ""), ("", ""), ("base_model.model.", ".default")]
)
def test_pefts_own_form_and_names_without_a_part_are_read(folder, tmp_path, prefix, suffix):
    (tmp_path / "p").mkdir()
    save_file(sides(prefix, suffix), tmp_path / "p" / "adapter_model.safetensors")
    (tmp_path / "p" / "adapter_config.json").write_text(json.dumps({"r": 4, "lora_alpha": 2, "use_rslora": False}))
    assert change(folder, tmp_path / "p" / "adapter_model.safetensors") == pytest.approx(0.5, rel=1e-3)


def test_text_encoders_in_pefts_form(folder, tmp_path):
    save_file(
        {
            f"base_model.model.{TEXT}.lora_A.weight": noise(2, 32),
            f"base_model.model.{TEXT}.lora_B.weight": noise(32, 2, seed=1),
        },
        tmp_path / "t.safetensors",
    )
    plain, laid = load_model(str(folder)), load_model(f"{folder} + {tmp_path / 't.safetensors'}")
    assert not torch.equal(weight(laid, TEXT, "text_encoder"), weight(plain, TEXT, "text_encoder"))


@pytest.mark.parametrize(("more", "header"), [
    ({f"unet.{LINEAR}.diff_b": torch.ones(32)}, {}),
    ({"unet.conv_in.modules_to_save.weight": torch.ones(2)}, {}), ({}, {"lora_adapter_metadata": json.dumps({
        "unet.use_dora": True})})])
def test_what_is_more_than_a_plain_lora_is_refused(folder, tmp_path, more, header):
    save_file(sides() | more, tmp_path / "d.safetensors", metadata=header or None)
    with pytest.raises(ExplorerError, match="another kind than plain LoRA"):
        load_model(f"{folder} + {tmp_path / 'd.safetensors'}")


def test_upper_case_names_and_bare_weights(folder, tmp_path):
    save_file(sides(), tmp_path / "A.SAFETENSORS")
    assert change(folder, tmp_path / "A.SAFETENSORS", ".8") == pytest.approx(0.8, rel=1e-3)


def test_a_textual_inversion_is_called_in_any_case_and_by_its_own_word(folder, tmp_path):
    save_file({"<cat-toy>": noise(2, 32)}, tmp_path / "MyCat.safetensors")
    save_file({"emb_params": noise(2, 32)}, tmp_path / "Plain.safetensors")
    model = load_model(f"{folder} + {tmp_path / 'MyCat.safetensors'} + {tmp_path / 'Plain.safetensors'}")
    words = model.pipe.tokenizer.get_vocab()
    assert {"MyCat", "mycat", "<cat-toy>", "Plain", "plain"} <= set(words) and "emb_params" not in words
    assert load_file(tmp_path / "MyCat.safetensors")["<cat-toy>"].shape == (2, 32)
