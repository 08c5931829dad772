"""Files with a network alone: known by their tables, completed by a named model, fp8 and GGUF as stored."""

from __future__ import annotations

import json

import gguf
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from explorer.diffusion.describe import describe_model
from explorer.diffusion.families.family import network_of
from explorer.diffusion.held import is_held
from explorer.diffusion.locate import locate, needs
from explorer.diffusion.models import load_model
from explorer.diffusion.network_files import network_family
from explorer.diffusion.sampling import sample
from explorer.diffusion.shapes import shape_of
from explorer.errors import ExplorerError
from explorer.folders import absolute_source
from explorer.foreign.reading import Tensor, TensorTable
from tests.diffusion import tiny
from tests.diffusion.families import tiny_flows
from tests.diffusion.test_adapters import noise

SAVED = tuple(f for f in tiny_flows.FAMILIES if f != "flux2")  # that has no processor when tiny
FP8 = torch.float8_e4m3fn


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    made = {}

    def get(name):
        if name not in made:
            root = tmp_path_factory.mktemp(name)
            source = tiny if name in tiny.VARIANTS else tiny_flows
            source.pipeline(name, root / "parts").save_pretrained(root / "model")
            card = {"default_size_px": 32, "name": "its folder"}
            (root / "model" / "afterimage.json").write_text(json.dumps(card))
            made[name] = root / "model"
        return made[name]
    return get


def latents(model):
    wanted = (tiny_flows if model.family.facts.flow else tiny).recipe(model, steps=2)
    return sample(model, [wanted])[0].latents


def weights(folder):
    return dict(network_of(load_model(str(folder), device="cpu").pipe).state_dict())


def changed(folder, tensors):
    """The latents of the folder's model with these weights in its network."""
    model = load_model(str(folder), device="cpu")
    network_of(model.pipe).load_state_dict({k: v.float() for k, v in tensors.items()})
    return latents(model)


@pytest.mark.parametrize("family", [*SAVED, "sd1-kl", "sdxl"])
def test_a_network_alone_is_completed_by_the_model_that_is_named(folders, tmp_path, family):
    own = {k: v * 1.01 for k, v in weights(folders(family)).items()}
    path = tmp_path / "net.safetensors"
    save_file({f"model.diffusion_model.{k}": v.contiguous() for k, v in own.items()}, path)
    with pytest.raises(ExplorerError, match="holds a network alone"):
        locate(str(path))
    whole = {f"model.diffusion_model.{k}": v.contiguous() for k, v in own.items()}
    save_file(whole | {"vae.decoder.conv_in.weight": torch.zeros(1)}, tmp_path / "more.safetensors")
    with pytest.raises(ExplorerError, match="other parts in one file"):
        locate(str(tmp_path / "more.safetensors"))
    assert needs(tmp_path / "more.safetensors") == needs(path) == "parts"
    source = f"{path} & {folders(family)}"
    info = describe_model(source)
    assert info.name == "net" and info.family == family.partition("-")[0] and info.default_size_px == 32
    assert any("net.safetensors" in note and "32.0 bits" in note for note in info.notes)
    assert info.fingerprint not in (describe_model(str(folders(family))).fingerprint, "")
    model = load_model(source, device="cpu")
    assert model.ref.fingerprint == info.fingerprint
    assert np.abs(latents(model) - changed(folders(family), own)).max() < 1e-5


@pytest.mark.parametrize("family", ["flux", "sd3", "qwen", "zimage"])
def test_fp8_weights_stay_as_they_are_and_no_number_changes(folders, tmp_path, family):
    own = {k: v.to(FP8) if v.ndim == 2 else v for k, v in weights(folders(family)).items()}
    path = tmp_path / "net.safetensors"
    save_file({k: v.contiguous() for k, v in own.items()}, path)
    source = f"{path} & {folders(family)}"
    assert next(p for p in shape_of(locate(source)).parts if p.network).bits < 32
    model = load_model(source, device="cpu")
    held = [m for m in network_of(model.pipe).modules() if isinstance(m, torch.nn.Linear) and is_held(m)]
    assert held and all(m.weight.dtype == FP8 for m in held)
    assert np.abs(latents(model) - changed(folders(family), own)).max() < 1e-5  # as memory lies


def test_scaled_fp8_is_multiplied_out(folders, tmp_path):
    own, stored, scaled = weights(folders("flux")), {}, {}
    for name, value in own.items():
        if value.ndim == 2:
            scale = value.abs().max() / 400
            stored[name], stored[name.replace(".weight", ".scale_weight")] = (value / scale).to(FP8), scale
            scaled[name] = stored[name].float() * scale
        else:
            stored[name] = scaled[name] = value
    path = tmp_path / "n.safetensors"
    save_file({k: v.contiguous() for k, v in stored.items()} | {"scaled_fp8": torch.zeros(2)}, path)
    model = load_model(f"{path} & {folders('flux')}", device="cpu")
    assert np.abs(latents(model) - changed(folders("flux"), scaled)).max() < 1e-5


def as_gguf(tensors, path):
    """Writes them as Q8_0 where they are matrices whose rows divide into blocks; returns what they are then."""
    writer, packed, found = gguf.GGUFWriter(str(path), "flux"), gguf.GGMLQuantizationType.Q8_0, {}
    for name, value in tensors.items():
        rows = value.float().numpy()
        if value.ndim == 2 and value.shape[1] % 32 == 0 and "embed" not in name:
            data = gguf.quants.quantize(rows, packed)
            writer.add_tensor(name, data, raw_dtype=packed)
            found[name] = torch.from_numpy(gguf.quants.dequantize(data, packed)).half()  # as diffusers unpacks
        else:
            writer.add_tensor(name, rows)
            found[name] = value
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return found


def test_gguf_weights_stay_packed_and_give_what_they_hold(folders, tmp_path):
    path = tmp_path / "net.gguf"
    unpacked = as_gguf(weights(folders("flux")), path)
    source = f"{path} & {folders('flux')}"
    model = load_model(source, device="cpu")
    kinds = {type(m).__name__ for m in model.pipe.transformer.modules()}
    assert "GGUFLinear" in kinds and model.info.family == "flux"
    assert np.abs(latents(model) - changed(folders("flux"), unpacked)).max() < 1e-4
    save_file({"transformer.x.lora_A.weight": noise(2, 8), "transformer.x.lora_B.weight": noise(8, 2)},
              tmp_path / "a.safetensors")
    with pytest.raises(ExplorerError, match="GGUF weights are packed"):
        load_model(f"{source} + {tmp_path / 'a.safetensors'}", device="cpu")
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(ExplorerError, match="Cannot read the GGUF"):
        locate(source)


def test_what_does_not_go_together_is_said(folders, tmp_path):
    path = tmp_path / "net.safetensors"
    save_file({k: v.contiguous() for k, v in weights(folders("sd3")).items()}, path)
    with pytest.raises(ExplorerError, match="another kind"):
        locate(f"{path} & {folders('flux')}")
    with pytest.raises(ExplorerError, match="no Stable Diffusion 2 file"):
        locate(f"{path} & epsilon")
    less = {k: v.contiguous() for k, v in weights(folders("sd3")).items() if "transformer_blocks.1." not in k}
    save_file(less, path)
    with pytest.raises(ExplorerError, match="billion numbers"):
        load_model(f"{path} & {folders('sd3')}", device="cpu")
    save_file({"x": torch.zeros(1)}, path)
    with pytest.raises(ExplorerError, match="holds no network"):
        locate(f"{path} & {folders('sd3')}")


def table(**shapes):
    return TensorTable({name: Tensor("F16", shape) for name, shape in shapes.items()}, {})


@pytest.mark.parametrize(("names", "family"), [
    ({"double_blocks.0.img_attn.qkv.weight": (3, 1), "guidance_in.in_layer.weight": (1, 1)}, "flux"),
    ({"model.diffusion_model.double_blocks.0.img_attn.qkv.weight": (3, 1)}, "schnell"),
    ({"double_blocks.0.img_attn.qkv.weight": (3, 1), "distilled_guidance_layer.in_proj.weight": (1, 1)}, "chroma"),
    ({"double_blocks.0.img_attn.qkv.weight": (3, 1), "single_stream_modulation.lin.weight": (1, 1)}, "flux2"),
    ({"model.diffusion_model.joint_blocks.0.x_block.attn.qkv.weight": (3, 1)}, "sd3"),
    ({"transformer_blocks.0.img_mod.1.weight": (1, 1)}, "qwen"),
    ({"model.diffusion_model.layers.0.adaLN_modulation.0.weight": (1, 1)}, "zimage"),
    ({"input_blocks.0.0.weight": (320, 4, 3, 3),
      "input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight": (320, 1024)}, "sd2"),
    ({"input_blocks.0.0.weight": (320, 4, 3, 3), "label_emb.0.0.weight": (1, 1)}, "sdxl"), ({"x": (1,)}, "")])
def test_networks_are_known_by_their_tables(tmp_path, names, family):
    assert network_family(table(**names), tmp_path / "m.safetensors") == family


@pytest.mark.parametrize(("name", "names", "says"), [
    ("wan.safetensors", {"head.modulation": (1, 2, 8)}, "makes films"),
    ("fill.safetensors", {"double_blocks.0.img_attn.qkv.weight": (3, 1), "img_in.weight": (8, 384)}, "fills in"),
    ("qwen-image-edit-2511.safetensors", {"transformer_blocks.0.img_mod.1.weight": (1, 1)}, "changes a picture"),
    ("flux1-kontext-dev.safetensors", {"double_blocks.0.img_attn.qkv.weight": (3, 1)}, "changes a picture"),
    ("i.safetensors", {"input_blocks.0.0.weight": (320, 9, 3, 3)}, "inpainting")])
def test_networks_that_do_not_make_pictures_from_words_are_refused(tmp_path, name, names, says):
    with pytest.raises(ExplorerError, match=says):
        network_family(table(**names), tmp_path / name)


@pytest.mark.parametrize(("pipeline", "says"), [
    ("WanPipeline", "films"), ("StableVideoDiffusionPipeline", "films"), ("FluxFillPipeline", "fills in"),
    ("StableDiffusionXLInpaintPipeline", "fills in"), ("QwenImageEditPipeline", "changes a picture"),
    ("FluxKontextPipeline", "changes a picture"), ("StableDiffusionControlNetPipeline", "second picture"),
    ("StableDiffusionUpscalePipeline", "enlarges"), ("SomethingElsePipeline", "not among")])
def test_folders_for_other_purposes_are_refused_in_one_sentence(folders, tmp_path, pipeline, says):
    (tmp_path / "model_index.json").write_text(json.dumps({"_class_name": pipeline}))
    with pytest.raises(ExplorerError, match=says):
        locate(str(tmp_path))


def test_a_folder_whose_own_name_holds_the_sign_is_that_folder(folders, tmp_path, monkeypatch):
    (tmp_path / "salt & pepper").symlink_to(folders("sd1-kl"))
    assert locate(str(tmp_path / "salt & pepper")).kind == "folder"
    monkeypatch.chdir(tmp_path)
    assert absolute_source("") == ""  # nothing is no folder, and so not this one
    assert absolute_source("salt & pepper") == str(folders("sd1-kl").resolve())
    (tmp_path / "net.gguf").write_bytes(b"")
    assert absolute_source("net.gguf & epsilon") == f"{tmp_path / 'net.gguf'} & epsilon"
    with pytest.raises(ExplorerError, match="no model file"):
        locate("world & world")


def test_stable_diffusion_2_is_asked_what_it_predicts(tmp_path):
    path = tmp_path / "sd2.safetensors"
    save_file({"cond_stage_model.model.x": torch.zeros(1), "first_stage_model.x": torch.zeros(1)}, path)
    with pytest.raises(ExplorerError, match="does not say what it predicts"):
        locate(str(path))
    base, large = (describe_model(f"{path} & {kind}") for kind in ("epsilon", "v_prediction"))
    assert (base.default_size_px, large.default_size_px) == (512, 768) and base.fingerprint != large.fingerprint
    assert any("epsilon, as you say" in note for note in base.notes)
    save_file({"cond_stage_model.model.x": torch.zeros(1), "v_pred": torch.zeros(0)}, path)
    with pytest.raises(ExplorerError, match="leaves open"):
        locate(f"{path} & epsilon")
    assert locate(str(path)).family == "sd2"
