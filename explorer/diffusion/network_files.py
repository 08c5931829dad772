"""Which network a file holds, by its tensors' names and shapes: nothing is loaded, and no torch imported."""

from __future__ import annotations

import re
from pathlib import Path

from explorer.errors import ExplorerError
from explorer.foreign.gguf_reading import read_gguf
from explorer.foreign.reading import Tensor, TensorTable, read_table

PREFIXES = ("model.diffusion_model.", "diffusion_model.", "transformer.", "unet.")
# The class of each family's network, which a model must have whose other parts are taken.
CLASSES = {"sd1": "UNet2DConditionModel", "sd2": "UNet2DConditionModel", "sdxl": "UNet2DConditionModel",
           "sd3": "SD3Transformer2DModel", "flux": "FluxTransformer2DModel", "schnell": "FluxTransformer2DModel",
           "flux2": "Flux2Transformer2DModel", "qwen": "QwenImageTransformer2DModel",
           "zimage": "ZImageTransformer2DModel", "chroma": "ChromaTransformer2DModel",
           "lumina2": "Lumina2Transformer2DModel", "auraflow": "AuraFlowTransformer2DModel",
           "hidream": "HiDreamImageTransformer2DModel", "sana": "SanaTransformer2DModel"}
# A name that only this family's network has, in the makers' layout or in diffusers'; the first that is there tells.
_SIGNS = (
    ("video", "vace_blocks.0.after_proj.bias"), ("video", "head.modulation"), ("video", "patchify_proj.weight"),
    ("video", "txt_in.individual_token_refiner.blocks.0.adaLN_modulation.1.bias"), ("video", "motion_modules"),
    ("video", "blocks.0.attn.qkv_x.weight"),
    ("flux2", "single_stream_modulation.lin.weight"), ("flux2", "single_stream_modulation.linear.weight"),
    ("chroma", "distilled_guidance_layer.in_proj.weight"), ("flux", "double_blocks.0.img_attn.qkv.weight"),
    ("sd3", "joint_blocks.0.x_block.attn.qkv.weight"),
    ("hidream", "double_stream_blocks.0.block.adaLN_modulation.1.bias"),
    ("qwen", "transformer_blocks.0.img_mod.1.weight"), ("zimage", "layers.0.adaLN_modulation.0.weight"),
    ("lumina2", "cap_embedder.0.weight"), ("lumina2", "time_caption_embed.caption_embedder.0.weight"),
    ("auraflow", "double_layers.0.attn.w2q.weight"), ("auraflow", "joint_transformer_blocks.0.attn.to_q.weight"),
    ("sana", "blocks.0.cross_attn.q_linear.weight"), ("flux", "single_transformer_blocks.0.proj_mlp.weight"),
    ("sd3", "transformer_blocks.0.attn.add_q_proj.weight"), ("unet", "input_blocks.0.0.weight"),
    ("unet", "conv_in.weight"))
_WORDS_SEEN = ("input_blocks.{}.1.transformer_blocks.0.attn2.to_k.weight",
               "down_blocks.{}.attentions.0.transformer_blocks.0.attn2.to_k.weight")
# How text encoders and autoencoder are called in a file that holds them beside the network.
_BESIDE = ("first_stage_model.", "vae.", "text_encoders.", "cond_stage_model.", "conditioner.", "text_encoder.",
           "text_encoder_2.", "text_encoder_3.")
_OTHERS = re.compile(r"(?<![a-z])(edit|kontext|inpaint(ing)?|fill|controlnet|depth|canny)(?![a-z])", re.IGNORECASE)


def table_of(path: Path) -> TensorTable:
    """The table of a .safetensors or .gguf file."""
    return read_gguf(path) if path.suffix.lower() == ".gguf" else read_table(path)


def bare(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The network's tensors without what stands before all their names; all of a file that has no such word."""
    for prefix in PREFIXES:
        found = {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}
        if found:
            return found
    return tensors


def holds_other_parts(tensors: dict[str, Tensor]) -> bool:
    """Whether the file of a network has text encoders or an autoencoder beside it."""
    return any(name.startswith(_BESIDE) for name in tensors)


def network_family(table: TensorTable, path: Path) -> str:
    """The family of the network in a file, "" where there is none that is known.

    ExplorerError for a network that makes films, or one that fills in or changes a picture that it is given.
    """
    names = bare(table.tensors)
    found = next((family for family, sign in _SIGNS if sign in names or (
        sign == "motion_modules" and any(sign in name for name in names))), "")
    if found == "video":
        raise ExplorerError("model_files.video", name=path.name)
    if not found:
        return ""
    _check_takes(names, found, path)
    if found == "unet":
        return _unet(names)
    guided = any(name.startswith(("guidance_in.", "time_text_embed.guidance_embedder.")) for name in names)
    return "schnell" if found == "flux" and not guided else found


def _check_takes(names: dict[str, Tensor], family: str, path: Path) -> None:
    """ExplorerError for a network that takes a picture beside the noise, by its shape or by its file's name."""
    first = names.get("img_in.weight") or names.get("x_embedder.weight")
    if family == "flux" and first is not None and first.shape[-1:] in ((128,), (384,)):
        raise ExplorerError("model_files.takes_a_picture", name=path.name)
    unet = names.get("input_blocks.0.0.weight") or names.get("conv_in.weight")
    if unet is not None and len(unet.shape) == 4 and unet.shape[1] != 4:
        raise ExplorerError("diffusion.declared_takes_channels", name=path.name, takes=unet.shape[1])
    if _OTHERS.search(path.stem):
        raise ExplorerError("model_files.takes_a_picture", name=path.name)


def _unet(names: dict[str, Tensor]) -> str:
    if "label_emb.0.0.weight" in names or "add_embedding.linear_1.weight" in names:
        return "sdxl"
    widths = [names[key].shape[-1] for form in _WORDS_SEEN for n in range(8) if (key := form.format(n)) in names]
    return ("sd2" if widths[0] == 1024 else "sd1") if widths else ""
