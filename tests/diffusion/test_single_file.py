import json

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from explorer.diffusion.locate import locate
from explorer.diffusion.published import CONFIGS, write_configs, write_tokenizer
from explorer.diffusion.single_file import open_single_file
from explorer.errors import ExplorerError
from tests.diffusion import ldm, tiny

# Parameters of the published models, as their makers and the literature give them.
UNETS = {"sd1": 859_520_964, "sd2": 865_910_724, "sdxl": 2_567_463_684}
TEXTS = {("sd1", "text_encoder"): 123_060_480, ("sd2", "text_encoder"): 340_387_840,
         ("sdxl", "text_encoder_2"): 694_659_840}


def count(module):
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize("family", UNETS)
def test_published_configs_have_the_published_sizes(family):
    with torch.device("meta"):
        assert count(UNet2DConditionModel.from_config(CONFIGS[family]["unet"])) == UNETS[family]
        assert count(AutoencoderKL.from_config(CONFIGS[family]["vae"])) == 83_653_863


@pytest.mark.parametrize(("family", "part"), TEXTS)
def test_published_text_encoders_have_the_published_sizes(family, part):
    config = CONFIGS[family][part]
    kind = {c.__name__: c for c in (CLIPTextModel, CLIPTextModelWithProjection)}[config["architectures"][0]]
    with torch.device("meta"):
        assert count(kind(CLIPTextConfig(**config))) == TEXTS[family, part]


def test_the_written_tokenizer_is_clips(tmp_path):
    from open_clip.tokenizer import SimpleTokenizer
    write_tokenizer(tmp_path, pad="<|endoftext|>")
    ours, theirs = CLIPTokenizer.from_pretrained(tmp_path), SimpleTokenizer()
    texts = ["A photo of an astronaut riding a horse, 4k!", "Überzeugend — naïve café № 5", "", "x" * 300]
    for text in texts:
        got = ours(text, truncation=True, max_length=77).input_ids
        assert got == theirs([text])[0].tolist()[:len(got)]


def test_an_original_checkpoint_loads_offline_and_gives_the_same_image(tmp_path):
    pipe = tiny.pipeline("sd1-kl", tmp_path / "parts")
    save_file(ldm.checkpoint(pipe), tmp_path / "model.safetensors")
    located = locate(str(tmp_path / "model.safetensors"))
    assert (located.family, located.kind) == ("sd1", "file")
    configs = {name: json.loads(getattr(pipe, name).config.to_json_string())
               if name == "text_encoder" else dict(getattr(pipe, name).config)
               for name in ("unet", "vae", "text_encoder", "scheduler")}
    configs["text_encoder"]["architectures"] = ["CLIPTextModel"]
    for name in ("unet", "vae", "scheduler"):
        configs[name]["_class_name"] = type(getattr(pipe, name)).__name__
    opened = open_single_file(located, torch.float32, configs=configs)
    words = pipe.tokenizer("a boat", padding="max_length", return_tensors="pt").input_ids
    images = []
    for one in (pipe, opened):
        embeds = one.text_encoder(words)[0]
        images.append(one(prompt_embeds=embeds, guidance_scale=1.0, num_inference_steps=3, output_type="np",
                          width=32, height=32, generator=torch.Generator().manual_seed(0)).images)
    assert np.abs(images[0] - images[1]).max() < 1e-5


def test_a_whole_xl_checkpoint_gives_the_same_image(tmp_path):
    pipe = tiny.pipeline("sdxl", tmp_path / "parts")
    narrow = tiny.text_encoder(CLIPTextModelWithProjection, len(pipe.tokenizer), width=16)
    pipe.register_modules(text_encoder_2=narrow)  # the converter tells the two by their widths
    save_file(ldm.checkpoint(pipe), tmp_path / "model.safetensors")
    configs = {name: dict(getattr(pipe, name).config) | {"_class_name": type(getattr(pipe, name)).__name__}
               for name in ("unet", "vae", "scheduler")}
    for name, kind in (("text_encoder", "CLIPTextModel"), ("text_encoder_2", "CLIPTextModelWithProjection")):
        configs[name] = json.loads(getattr(pipe, name).config.to_json_string()) | {"architectures": [kind]}
    located = locate(str(tmp_path / "model.safetensors"))
    opened = open_single_file(located, torch.float32, configs=configs)
    assert located.family == "sdxl"
    words = pipe.tokenizer("a boat", padding="max_length", return_tensors="pt").input_ids
    for name in ("text_encoder", "text_encoder_2"):
        one, two = (getattr(p, name)(words)[0] for p in (pipe, opened))
        assert torch.allclose(one, two, atol=1e-5)
    given = {"text_embeds": torch.ones(1, 32), "time_ids": torch.ones(1, 6)}
    one, two = (p.unet(torch.ones(1, 4, 16, 16), 5, torch.ones(1, 7, 64), added_cond_kwargs=given)[0]
                for p in (pipe, opened))
    assert torch.allclose(one, two, atol=1e-5)


@pytest.mark.parametrize("family", ["sd2", "sdxl"])
def test_written_folders_name_every_part(family, tmp_path):
    index = json.loads((write_configs(family, tmp_path) / "model_index.json").read_text())
    parts = [k for k, v in index.items() if isinstance(v, list) and v[0]]
    assert all((tmp_path / p).is_dir() for p in parts) and "unet" in parts
    assert ("text_encoder_2" in parts) == (family == "sdxl")


def test_families_are_told_from_the_table_of_tensors(tmp_path):
    path = tmp_path / "m.safetensors"
    for key, family in (("conditioner.embedders.1.model.x", "sdxl"), ("cond_stage_model.model.x", "sd2"),
                        ("cond_stage_model.transformer.x", "sd1")):
        save_file({key: torch.zeros(1)}, path, metadata={"modelspec.prediction_type": "v"})
        assert locate(str(path)).family == family
    save_file({"lora_unet_x.lora_down.weight": torch.zeros(1)}, path)
    with pytest.raises(ExplorerError, match="not a whole Stable Diffusion"):
        locate(str(path))
    path.write_bytes(b"not safetensors")
    with pytest.raises(ExplorerError, match="damaged"):
        locate(str(path))
