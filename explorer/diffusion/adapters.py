"""LoRA and textual inversion files laid over a model; part of its fingerprint, since disputes are about them.

A LoRA is added into the weights (Hu et al. 2021): W + weight · alpha/rank · B A. No other library is needed,
and the sampler runs at full speed.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

from explorer.diffusion.adapter_files import AdapterFile
from explorer.diffusion.adapter_scale import Scales
from explorer.diffusion.families.family import network_of
from explorer.errors import ExplorerError
from explorer.foreign.loading import opening
from explorer.texts import say

DOWN = re.compile(r"(?:\.lora_A|[._]lora\.down|\.lora_linear_layer\.down|\.lora_down)(?:\.default)?\.weight$")
_UP = re.compile(r"(?:\.lora_B|[._]lora\.up|\.lora_linear_layer\.up|\.lora_up)(?:\.default)?\.weight$")
UPS = {".lora_A": ".lora_B", "lora.down": "lora.up", "lora_linear_layer.down": "lora_linear_layer.up",
       "lora_down": "lora_up"}
MOST_VECTORS = 75  # a textual inversion's, one a token: what CLIP's texts hold
FOREIGN = ("hada_", "lokr_", "dora_scale", "oft_", "glora", "magnitude_vector", "modules_to_save", "ia3_",
           "lora_embedding", "lora_mid")
PEFT = "base_model.model."  # before every name in a file that PEFT itself wrote
TEXT = ("text_model.", "encoder.layers.")  # where a text encoder's modules begin
_UNNAMED = ("emb_params", "embedding", "string_to_param.*", "weight", "*")  # names that are no word of a prompt
_SIDES = (*(d for d in UPS), *UPS.values())


def lay_over(pipe: Any, files: tuple[AdapterFile, ...]) -> None:
    """Changes the pipeline's weights and vocabulary in place; ExplorerError for a file that does not fit."""
    for file in files:
        with opening(file.path.name, then=say("note.diffusion.adapter_may_be_damaged")):
            tensors, metadata = _read(file.path)
            if file.kind == "lora":
                _add_lora(pipe, tensors, metadata, file)
            else:
                _add_words(pipe, tensors, file)


def _read(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    with safe_open(path, framework="pt", device="cpu") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118


def _add_lora(pipe: Any, tensors: dict[str, torch.Tensor], metadata: dict[str, str],
              file: AdapterFile) -> None:
    strange = next((part for part in FOREIGN for name in tensors if part in name), None) or next(
        (name for name in tensors if not _is_plain(name)), None)
    if strange:
        raise ExplorerError("diffusion.adapters_another_kind_than", path_name=file.path.name, strange=strange[:80])
    scales, modules, placed = Scales(metadata, file.path), _modules(pipe), 0
    weights, alphas = _as_diffusers(pipe, _with_parts(tensors, modules), file)
    for name, down in weights.items():
        match = DOWN.search(name)
        if match is None:
            continue
        up = weights.get(name[:match.start()] + _up(name[match.start():]))
        place = _place(name[:match.start()])
        if place not in modules or up is None:
            raise ExplorerError("diffusion.adapters_changes_model_not", path_name=file.path.name, place=place)
        if down.ndim < 2 or up.ndim < 2 or not len(down):
            raise ExplorerError("diffusion.adapters_no_lora_weights", path_name=file.path.name, place=place)
        _add(modules[place], down, up, file.weight * scales.factor(place, down.shape[0], alphas.get(place)), file)
        placed += 1
    if not placed:
        raise ExplorerError("diffusion.adapters_changes_nothing", path_name=file.path.name)


def _is_plain(name: str) -> bool:
    """Whether a tensor is one of the two sides of a plain LoRA, its alpha, or an empty mark."""
    return name.endswith((".alpha", ".scale")) or any(side in name for side in _SIDES)


def _with_parts(tensors: dict[str, torch.Tensor], modules: dict[str, Any]) -> dict[str, torch.Tensor]:
    """Names as diffusers has them, from PEFT's own form and from files that leave the network's name out."""
    made = {}
    for name, tensor in tensors.items():
        bare = name.removeprefix(PEFT)
        match = DOWN.search(bare) or _UP.search(bare)
        root = bare[:match.start()] if match else ""
        if match and root and not bare.startswith(("unet.", "text_encoder", "transformer.", "lora_")):
            part = "text_encoder" if bare.startswith(TEXT) else "unet"
            bare = f"{part}.{bare}" if f"{part}.{root}" in modules or _place(f"{part}.{root}") in modules else bare
        made[bare] = tensor
    return made


def _add(module: torch.nn.Module, down: torch.Tensor, up: torch.Tensor, scale: float,
         file: AdapterFile) -> None:
    """Adds scale · up · down to a linear or convolution weight."""
    weight = module.weight
    wide = math.prod(down.shape[1:])  # in · kernel
    if up.shape[0] != weight.shape[0] or up.shape[0] * wide != weight.numel():
        raise ExplorerError("diffusion.adapters_not_fit_model", path_name=file.path.name, shape=tuple(weight.shape),
                            first_shape=up.shape[0], last_shape=wide)
    change = scale * (up.float().flatten(1) @ down.float().flatten(1))  # (out, in · kernel)
    if not bool(torch.isfinite(change).all()):
        raise ExplorerError("diffusion.adapters_no_numbers", path_name=file.path.name)
    with torch.no_grad():
        weight += change.reshape(weight.shape).to(weight.device, weight.dtype)


def _as_diffusers(pipe: Any, tensors: dict[str, torch.Tensor],
                  file: AdapterFile) -> tuple[dict[str, torch.Tensor], dict[str, float]]:
    """Tensors under diffusers' names, and alpha by module where the file gives it (kohya's form does)."""
    try:
        named, alphas = type(pipe).lora_state_dict(dict(tensors), unet_config=network_of(pipe).config)
    except (ValueError, KeyError, IndexError, AttributeError) as error:
        raise ExplorerError("diffusion.adapters_no_lora_read", path_name=file.path.name, error=error) from error
    found = {}
    for key, value in (alphas or {}).items():
        name = key.removesuffix(".alpha")
        match = DOWN.search(name)
        found[_place(name[:match.start()] if match else name)] = float(value)
    return named, found


def _place(name: str) -> str:
    """The module that a LoRA name means, as in `named_modules`."""
    name = name.replace(".processor.", ".")
    if name.startswith("text_encoder"):  # diffusers' older names for the text encoder's projections
        return re.sub(r"\.self_attn\.to_(q|k|v|out)$", r".self_attn.\1_proj", name)
    return name + ".0" if name.endswith(".to_out") else name


def _up(suffix: str) -> str:
    for down, up in UPS.items():
        if down in suffix:
            return suffix.replace(down, up)
    raise ValueError(f"no counterpart of {suffix!r}")


def _modules(pipe: Any) -> dict[str, torch.nn.Module]:
    parts = {name: getattr(pipe, name, None) for name in ("unet", "text_encoder", "text_encoder_2")}
    return {f"{part}.{name}": module for part, root in parts.items() if root is not None
            for name, module in root.named_modules() if hasattr(module, "weight")}


def _add_words(pipe: Any, tensors: dict[str, torch.Tensor], file: AdapterFile) -> None:
    """Adds a textual inversion (Gal et al. 2022): prompts call it by the file's name, in its own case or in small
    letters (A1111 minds no case), and by the word that the file itself gives it.
    """
    homes = {"clip_l": ("tokenizer", "text_encoder"), "clip_g": ("tokenizer_2", "text_encoder_2")}
    single_name, single = next(iter(tensors.items()))
    parts = {k: v for k, v in tensors.items() if k in homes} or {"clip_l": single}
    own = [single_name] if len(tensors) == 1 and single_name not in (*homes, *_UNNAMED) else []
    for key, vectors in parts.items():
        if (vectors.ndim > 1 and len(vectors) > MOST_VECTORS) or not bool(torch.isfinite(vectors).all()):
            raise ExplorerError("diffusion.adapters_no_word", path_name=file.path.name, vectors=len(vectors),
                                most_vectors=MOST_VECTORS)
        tokenizer, encoder = (getattr(pipe, name, None) for name in homes[key])
        width = encoder.get_input_embeddings().weight.shape[1] if encoder is not None else 0
        if vectors.shape[-1] != width:
            raise ExplorerError("diffusion.adapters_holds_words_numbers", path_name=file.path.name,
                                last_shape=vectors.shape[-1], width=width or say("note.diffusion.no_place"))
        for token in dict.fromkeys((file.path.stem, file.path.stem.lower(), *own)):
            if token == file.path.stem or token not in tokenizer.get_vocab():
                pipe.load_textual_inversion(
                    {token: vectors}, token=token, tokenizer=tokenizer, text_encoder=encoder
                )
