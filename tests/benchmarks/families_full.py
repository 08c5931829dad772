"""Full-size models with random weights, as folders and as single files; nothing is downloaded."""

from __future__ import annotations

import gc
import json
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from explorer.diffusion.published import PIPELINES, write_configs
from explorer.diffusion.published_flows import FLOWS
from tests.diffusion import ldm

SPREAD = 0.02  # of random weights


def build(family: str, folder: Path, *, config: str = "") -> Path:
    """A folder of random half-precision weights: "sd1", "sd2", "sdxl", or "sd3" (whose T5 is left out)."""
    shutil.rmtree(folder, ignore_errors=True)
    if family == "sd3":
        _sd3_index(folder, FLOWS[config or "sd3"])
    else:
        write_configs(family, folder)
    for role, (library, kind) in _networks(folder).items():
        part = _empty(library, kind, folder / role)
        torch.manual_seed(len(role))
        for name, weight in part.named_parameters():
            torch.nn.init.ones_(weight) if weight.ndim == 1 and "norm" in name else weight.data.normal_(0, SPREAD)
        part.save_pretrained(folder / role, safe_serialization=True)
        del part
        gc.collect()
    return folder


def _networks(folder: Path) -> dict[str, tuple[str, str]]:
    index = json.loads((folder / "model_index.json").read_text("utf-8"))
    return {role: tuple(value) for role, value in index.items()
            if isinstance(value, list) and value[0] and (folder / role / "config.json").is_file()}


def _empty(library: str, kind: str, folder: Path) -> torch.nn.Module:
    """The network in half precision with memory and without values, but those that are computed."""
    import diffusers
    import transformers
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float16)
    skipped = {name: getattr(torch.nn.init, name) for name in ("kaiming_uniform_", "uniform_", "normal_",
                                                               "trunc_normal_", "xavier_uniform_")}
    try:
        for name in skipped:  # every weight is drawn afterwards
            setattr(torch.nn.init, name, lambda tensor, *args, **kwargs: tensor)
        if library == "diffusers":
            found = getattr(diffusers, kind)
            return found.from_config(found.load_config(str(folder)))
        config = transformers.AutoConfig.for_model(**json.loads((folder / "config.json").read_text("utf-8")))
        return getattr(transformers, kind)(config)
    finally:
        torch.set_default_dtype(before)
        for name, function in skipped.items():
            setattr(torch.nn.init, name, function)


def _sd3_index(folder: Path, configs: dict[str, dict[str, Any]]) -> None:
    """Stable Diffusion 3's folder without weights: its encoders are those of XL, with a projection each."""
    write_configs("sdxl", folder)
    for role in ("unet", "vae", "scheduler"):
        shutil.rmtree(folder / role)
    index: dict[str, Any] = {"_class_name": "StableDiffusion3Pipeline", "text_encoder_3": [None, None],
                             "tokenizer_3": [None, None], "image_encoder": [None, None],
                             "feature_extractor": [None, None]}
    for role, config in configs.items():
        name = "scheduler_config.json" if role == "scheduler" else "config.json"
        (folder / role).mkdir()
        (folder / role / name).write_text(json.dumps(config), "utf-8")
        index[role] = ["diffusers", config["_class_name"]]
    for role in ("text_encoder", "text_encoder_2"):
        path = folder / role / "config.json"
        config = json.loads(path.read_text("utf-8")) | {"architectures": ["CLIPTextModelWithProjection"]}
        path.write_text(json.dumps(config), "utf-8")
        index[role] = ["transformers", "CLIPTextModelWithProjection"]
    index |= {role: ["transformers", "CLIPTokenizer"] for role in ("tokenizer", "tokenizer_2")}
    (folder / "model_index.json").write_text(json.dumps(index), "utf-8")


def single_file(folder: Path, path: Path) -> Path:
    """The same weights in one file, under the names of original checkpoints."""
    import diffusers
    kind = PIPELINES["sdxl" if (folder / "text_encoder_2").is_dir() else "sd1"]
    pipe = getattr(diffusers, kind).from_pretrained(folder, torch_dtype=torch.float16, local_files_only=True)
    save_file(ldm.checkpoint(pipe), path)
    return path
