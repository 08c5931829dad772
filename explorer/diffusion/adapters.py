"""LoRA, its kin and textual inversions laid over a model; part of its fingerprint, since disputes are about them.

A LoRA is added into the weights (Hu et al. 2021): W + weight · alpha/rank · B A. No other library is needed,
and the sampler runs at full speed.
"""

from __future__ import annotations

import functools
import inspect
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

from explorer.diffusion.adapter_changes import changed, is_lycoris, lycoris_change, part_of
from explorer.diffusion.adapter_files import AdapterFile
from explorer.diffusion.adapter_scale import Scales
from explorer.diffusion.families.family import Family, network_of
from explorer.diffusion.held import is_held
from explorer.errors import ExplorerError
from explorer.foreign.loading_errors import opening
from explorer.records import ModelRef, Recipe
from explorer.texts import say

MOST_VECTORS = 75  # a textual inversion's, one a token: what CLIP's texts hold
FOREIGN = ("oft_", "glora", "modules_to_save", "ia3_", "lora_embedding", "lora_mid", "hada_t", "lokr_t")
PEFT = "base_model.model."  # before every name in a file that PEFT itself wrote
TEXT = ("text_model.", "encoder.layers.")  # where a text encoder's modules begin
ENCODERS = ("text_encoder", "text_encoder_2", "text_encoder_3")
_UNNAMED = ("emb_params", "embedding", "string_to_param.*", "weight", "*")  # names that are no word of a prompt
LOOKED_AT = "a photo"  # the prompt of the fixed input on which a change is measured


@dataclass(frozen=True)
class Laid:
    """What laying a file over a model did: modules that found a place, of all, and how far a prediction moved.

    `change` is the length of the difference over that of the prediction before, on one fixed input.
    """

    found: int
    total: int
    change: float

    def told(self, file: AdapterFile) -> str:
        """The sentence for the person."""
        return say("note.diffusion.adapter_acts", name=file.path.name, found=self.found, total=self.total,
                   change=self.change)


def lay_over(pipe: Any, files: tuple[AdapterFile, ...], family: Family) -> tuple[Laid, ...]:
    """Changes the pipeline's weights and vocabulary in place, and measures what each file did.

    ExplorerError for a file that does not fit, finds no place, or changes nothing.
    """
    laid = []
    for file in files:
        with opening(file.path.name, then=say("note.diffusion.adapter_may_be_damaged")):
            tensors, metadata = _read(file.path)
            lora = file.kind == "lora"
            look = _look(family, LOOKED_AT if lora else file.path.stem)
            before = look()
            found, total = _add_lora(pipe, tensors, metadata, file, family.dtype) if lora else _add_words(
                pipe, tensors, file)
            family.forget()
            change = float((look() - before).norm() / before.norm())
            if change == 0 and file.weight != 0:
                raise ExplorerError("diffusion.adapters_no_effect", path_name=file.path.name)
            laid.append(Laid(found, total, change))
    return tuple(laid)


def _look(family: Family, prompt: str) -> Callable[[], torch.Tensor]:
    """What gives the network's prediction on one fixed small input, half-way between image and noise."""
    channels, cell = family.latent_shape
    side = 2 * family.size_steps[1]
    recipe = Recipe(ModelRef("", "", family.name), prompt, 0, 1, family.facts.unguided, "euler", side, side)
    noise = torch.randn((1, channels, side // cell, side // cell), generator=torch.Generator().manual_seed(0))

    @torch.inference_mode()
    def predict() -> torch.Tensor:
        words = family.encode([recipe], paired=False)
        latents = noise.to(family.device, family.latents_dtype)
        return family.predict(latents, torch.tensor(500.0, device=family.device), words)[0].float()
    return predict


def _read(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    with safe_open(path, framework="pt", device="cpu") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118


def _add_lora(pipe: Any, tensors: dict[str, torch.Tensor], metadata: dict[str, str],
              file: AdapterFile, dtype: torch.dtype) -> tuple[int, int]:
    """(modules that were changed, of all that the file names)."""
    strange = next((name for name in tensors if any(part in name for part in FOREIGN) or not part_of(name)), None)
    if strange:
        raise ExplorerError("diffusion.adapters_another_kind_than", path_name=file.path.name, strange=strange[:80])
    modules = _modules(pipe)
    tensors = _with_parts(tensors, modules)
    groups = _groups(tensors)
    kin = {base for base, parts in groups.items() if is_lycoris(set(parts))}
    lengths = {base: parts["magnitude"] for base, parts in groups.items() if "magnitude" in parts}
    plain = {n: t for n, t in tensors.items() if part_of(n).base not in kin and part_of(n).kind != "magnitude"}
    places = _Places(pipe, modules, [*kin, *lengths])
    work = _Work(modules, file, {places.of(base): length for base, length in lengths.items()}, dtype)
    _add_plain(pipe, plain, Scales(metadata, file.path, dora=bool(lengths)), work)
    for base in sorted(kin):
        _add_kin(groups[base], places.of(base), work)
    if not work.total:
        raise ExplorerError("diffusion.adapters_changes_nothing", path_name=file.path.name)
    if not work.found:
        raise ExplorerError("diffusion.adapters_changes_model_not", path_name=file.path.name, place=work.missing[0])
    return work.found, work.total


def _groups(tensors: dict[str, torch.Tensor]) -> dict[str, dict[str, torch.Tensor]]:
    """Module's name -> its tensors by what they are."""
    groups: dict[str, dict[str, torch.Tensor]] = {}
    for name, tensor in tensors.items():
        part = part_of(name)
        groups.setdefault(part.base, {})[part.kind] = tensor
    return groups


class _Work:
    """The modules changed so far by one file; `lengths` are DoRA's, by module."""

    def __init__(self, modules: dict[str, torch.nn.Module], file: AdapterFile,
                 lengths: dict[str, torch.Tensor], dtype: torch.dtype) -> None:
        self.modules, self.file, self.lengths, self.dtype = modules, file, lengths, dtype
        self.found, self.missing = 0, []

    @property
    def total(self) -> int:
        return self.found + len(self.missing)

    def add(self, place: str, high: int, wide: int, change: Callable[[], torch.Tensor]) -> None:
        """Lays a change of `high` × `wide` numbers over a module; ExplorerError where it does not fit."""
        if place not in self.modules:
            self.missing.append(place)
            return
        weight, name = self.modules[place].weight, self.file.path.name
        if high != weight.shape[0] or high * wide != weight.numel():
            raise ExplorerError("diffusion.adapters_not_fit_model", path_name=name, shape=tuple(weight.shape),
                                first_shape=high, last_shape=wide)
        made = changed(weight, change().to(weight.device), self.lengths.get(place), self.file.weight)
        if not bool(torch.isfinite(made).all()):
            raise ExplorerError("diffusion.adapters_no_numbers", path_name=name)
        if is_held(self.modules[place]):  # held narrower than computed: the change would be rounded away
            self.modules[place].weight = torch.nn.Parameter(made.to(self.dtype), requires_grad=False)
        else:
            weight.data.copy_(made.to(weight.dtype))
        self.found += 1


def _add_plain(pipe: Any, tensors: dict[str, torch.Tensor], scales: Scales, work: _Work) -> None:
    weights, alphas = _as_diffusers(pipe, tensors, work.file) if tensors else ({}, {})
    for base, parts in _groups(weights).items():
        if "down" not in parts and "up" not in parts:
            continue  # a mark or an alpha of its own
        place, down, up = _place(base), parts.get("down"), parts.get("up")
        if down is None or up is None or down.ndim < 2 or up.ndim < 2 or not len(down):
            raise ExplorerError("diffusion.adapters_no_lora_weights", path_name=work.file.path.name, place=place)
        scale = scales.factor(place, down.shape[0], alphas.get(place))
        work.add(place, up.shape[0], math.prod(down.shape[1:]),
                 lambda d=down, u=up, s=scale: s * (u.float().flatten(1) @ d.float().flatten(1)))


def _add_kin(parts: dict[str, torch.Tensor], place: str, work: _Work) -> None:
    try:
        change, rank = lycoris_change(parts)
    except (KeyError, RuntimeError) as error:
        raise ExplorerError("diffusion.adapters_no_lora_weights", path_name=work.file.path.name,
                            place=place) from error
    alpha = float(parts["alpha"]) if "alpha" in parts and rank else None
    scale = 1.0 if alpha is None else alpha / rank
    work.add(place, change.shape[0], change.shape[1], lambda: scale * change)


class _Places:
    """Which module a name in an adapter file means, in the forms that trainers write."""

    def __init__(self, pipe: Any, modules: dict[str, torch.nn.Module], names: list[str]) -> None:
        self._aliases = dict(_aliases(modules))
        self._mapped = _from_sgm(pipe, names)

    def of(self, base: str) -> str:
        """The module's name in `named_modules`; the name itself where there is none."""
        name = self._mapped.get(base, base)
        return self._aliases.get(name) or self._aliases.get(_place(name), name)


def _aliases(modules: dict[str, torch.nn.Module]) -> list[tuple[str, str]]:
    told = {"unet": ("lora_unet_", "lycoris_", ""), "text_encoder": ("lora_te_", "lora_te1_"),
            "transformer": ("lora_transformer_", "lora_unet_", "lycoris_", ""), "text_encoder_2": ("lora_te2_",),
            "text_encoder_3": ("lora_te3_",)}
    found = [(place, place) for place in modules]
    for place in modules:
        part, _, name = place.partition(".")
        found += [(before + (name.replace(".", "_") if before else name), place) for before in told[part]]
    return found


def _from_sgm(pipe: Any, names: list[str]) -> dict[str, str]:
    """Names in the original layout of Stable Diffusion's blocks -> in diffusers'."""
    blocks = re.compile("lora_unet_.*(input_blocks|middle_block|output_blocks)")
    old = [n for n in names if blocks.match(n)]
    if not old:
        return {}
    from diffusers.loaders.lora_conversion_utils import _maybe_map_sgm_blocks_to_diffusers
    marks = {name: torch.tensor(n) for n, name in enumerate(old)}
    mapped = _maybe_map_sgm_blocks_to_diffusers(dict(marks), network_of(pipe).config)
    ways = (("input_blocks", "down_blocks"), ("middle_block", "mid_block"), ("output_blocks", "up_blocks"))
    return {old[int(mark)]: functools.reduce(lambda n, way: n.replace(*way), ways, name)
            for name, mark in mapped.items()}


def _with_parts(tensors: dict[str, torch.Tensor], modules: dict[str, Any]) -> dict[str, torch.Tensor]:
    """Names as diffusers has them, from PEFT's own form and from files that leave the network's name out."""
    network = "transformer" if any(m.startswith("transformer.") for m in modules) else "unet"
    made = {}
    for name, tensor in tensors.items():
        bare = name.removeprefix(PEFT)
        root = part_of(bare).base
        if root and not bare.startswith((f"{network}.", "text_encoder", "lora_", "lycoris_", "diffusion_model.")):
            part = "text_encoder" if bare.startswith(TEXT) else network
            bare = f"{part}.{bare}" if f"{part}.{root}" in modules or _place(f"{part}.{root}") in modules else bare
        made[bare] = tensor
    return made


def _as_diffusers(pipe: Any, tensors: dict[str, torch.Tensor],
                  file: AdapterFile) -> tuple[dict[str, torch.Tensor], dict[str, float]]:
    """Tensors under diffusers' names, and alpha by module where the file gives it (kohya's form does)."""
    reader = type(pipe).lora_state_dict
    more = {"return_alphas": True} if "return_alphas" in inspect.signature(reader).parameters else {}
    if hasattr(pipe, "unet"):
        more["unet_config"] = network_of(pipe).config
    try:
        told = reader(dict(tensors), **more)
    except (ValueError, KeyError, IndexError, AttributeError) as error:
        raise ExplorerError("diffusion.adapters_no_lora_read", path_name=file.path.name, error=error) from error
    named, alphas = told if isinstance(told, tuple) else (told, {})
    found = {}
    for key, value in (alphas or {}).items():
        part = part_of(key)
        base = part.base if part else key
        inner = part_of(base)  # kohya's alphas may stand behind a side's name
        found[_place(inner.base if inner else base)] = float(value)
    return named, found


def _place(name: str) -> str:
    """The module that a LoRA name means, as in `named_modules`."""
    name = name.replace(".processor.", ".")
    if name.startswith("text_encoder"):  # diffusers' older names for the text encoder's projections
        return re.sub(r"\.self_attn\.to_(q|k|v|out)$", r".self_attn.\1_proj", name)
    return name + ".0" if name.endswith(".to_out") else name


def _modules(pipe: Any) -> dict[str, torch.nn.Module]:
    parts = {name: getattr(pipe, name, None) for name in ("unet", "transformer", *ENCODERS)}
    return {f"{part}.{name}": module for part, root in parts.items() if root is not None
            for name, module in root.named_modules() if hasattr(module, "weight")}


def _add_words(pipe: Any, tensors: dict[str, torch.Tensor], file: AdapterFile) -> tuple[int, int]:
    """Adds a textual inversion (Gal et al. 2022): prompts call it by the file's name, in its own case or in small
    letters (A1111 minds no case), and by the word that the file itself gives it.
    """
    homes = {"clip_l": ("tokenizer", "text_encoder"), "clip_g": ("tokenizer_2", "text_encoder_2")}
    single_name, single = next(iter(tensors.items()))
    parts = {k: v for k, v in tensors.items() if k in homes} or {"clip_l": single}
    own = [single_name] if len(tensors) == 1 and single_name not in (*homes, *_UNNAMED) else []
    if not hasattr(pipe, "load_textual_inversion"):
        raise ExplorerError("diffusion.adapters_no_new_words", path_name=file.path.name)
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
    return len(parts), len(parts)
