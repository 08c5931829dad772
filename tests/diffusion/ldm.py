"""Writes a pipeline's weights under the names that original Stable Diffusion checkpoints use (1 and XL)."""

from __future__ import annotations

import re
from typing import Any

import torch

RESNET = {"norm1": "in_layers.0", "conv1": "in_layers.2", "time_emb_proj": "emb_layers.1",
          "norm2": "out_layers.0", "conv2": "out_layers.3", "conv_shortcut": "skip_connection"}
ENDS = {"conv_in": "input_blocks.0.0", "conv_norm_out": "out.0", "conv_out": "out.2",
        "time_embedding.linear_1": "time_embed.0", "time_embedding.linear_2": "time_embed.2",
        "add_embedding.linear_1": "label_emb.0.0", "add_embedding.linear_2": "label_emb.0.2"}
OPEN_CLIP = (("text_model.embeddings.token_embedding.", "token_embedding."),
             ("text_model.embeddings.position_embedding.weight", "positional_embedding"),
             ("text_model.final_layer_norm.", "ln_final."),
             ("text_model.encoder.layers.", "transformer.resblocks."),
             (".self_attn.out_proj.", ".attn.out_proj."), (".layer_norm1.", ".ln_1."), (".layer_norm2.", ".ln_2."),
             (".mlp.fc1.", ".mlp.c_fc."), (".mlp.fc2.", ".mlp.c_proj."))


def checkpoint(pipe: Any) -> dict[str, torch.Tensor]:
    """Tensors of a whole checkpoint: network, autoencoder and text encoders."""
    layers, blocks = pipe.unet.config.layers_per_block, len(pipe.vae.config.block_out_channels)
    attended = {k[:len("up_blocks.0")] for k in pipe.unet.state_dict() if re.match(r"up_blocks\.\d\.attentions", k)}
    tensors = {f"model.diffusion_model.{_unet(k, layers, attended)}": v for k, v in pipe.unet.state_dict().items()}
    tensors |= {f"first_stage_model.{_vae(k, blocks)}": _as_conv(k, v)
                for k, v in pipe.vae.state_dict().items()}
    first = pipe.text_encoder.state_dict().items()
    if getattr(pipe, "text_encoder_2", None) is None:
        tensors |= {f"cond_stage_model.transformer.{k}": v for k, v in first}
    else:
        tensors |= {f"conditioner.embedders.0.transformer.{k}": v for k, v in first}
        tensors |= {f"conditioner.embedders.1.model.{k}": v
                    for k, v in open_clip(pipe.text_encoder_2.state_dict()).items()}
    return {k: v if v.is_contiguous() else v.contiguous() for k, v in tensors.items()}


def open_clip(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """transformers' CLIP text encoder under OpenCLIP's names, which holds queries, keys and values together."""
    found = {}
    for key, value in state.items():
        for ours, theirs in OPEN_CLIP:
            key = key.replace(ours, theirs)
        joined = re.match(r"(.*)\.self_attn\.q_proj\.(weight|bias)$", key)
        if joined:
            layer = key.replace("transformer.resblocks.", "text_model.encoder.layers.")
            rows = [state[layer.replace("q_proj", f"{side}_proj")] for side in "qkv"]
            found[f"{joined[1]}.attn.in_proj_{joined[2]}"] = torch.cat(rows)
        elif key == "text_projection.weight":
            found["text_projection"] = value.T
        elif ".self_attn." not in key and not key.endswith("position_ids"):
            found[key] = value
    return found


def _unet(key: str, layers: int, attended: set[str]) -> str:
    module, _, leaf = key.rpartition(".")
    if module in ENDS:
        return f"{ENDS[module]}.{leaf}"
    parts = module.split(".")
    if parts[0] == "mid_block":
        place = {"resnets.0": 0, "attentions.0": 1, "resnets.1": 2}[".".join(parts[1:3])]
        return f"middle_block.{place}.{_inner(parts[1], '.'.join(parts[3:]))}.{leaf}"
    block, kind, index = int(parts[1]), parts[2], int(parts[3])
    inner = ".".join(parts[4:])
    if parts[0] == "down_blocks":
        if kind == "downsamplers":
            return f"input_blocks.{(block + 1) * (layers + 1)}.0.op.{leaf}"
        return f"input_blocks.{1 + block * (layers + 1) + index}.{_slot(kind)}.{_inner(kind, inner)}.{leaf}"
    if kind == "upsamplers":  # after the attention, where the block has one
        place = 2 if f"up_blocks.{block}" in attended else 1
        return f"output_blocks.{block * (layers + 1) + layers}.{place}.conv.{leaf}"
    return f"output_blocks.{block * (layers + 1) + index}.{_slot(kind)}.{_inner(kind, inner)}.{leaf}"


def _slot(kind: str) -> int:
    return 1 if kind == "attentions" else 0


def _inner(kind: str, inner: str) -> str:
    return RESNET[inner] if kind == "resnets" else inner


def _vae(key: str, blocks: int) -> str:
    key = key.replace("conv_shortcut", "nin_shortcut").replace("conv_norm_out", "norm_out")
    for ours, theirs in (("mid_block.resnets.0", "mid.block_1"), ("mid_block.resnets.1", "mid.block_2"),
                         ("mid_block.attentions.0.group_norm", "mid.attn_1.norm"),
                         ("mid_block.attentions.0.to_q", "mid.attn_1.q"),
                         ("mid_block.attentions.0.to_k", "mid.attn_1.k"),
                         ("mid_block.attentions.0.to_v", "mid.attn_1.v"),
                         ("mid_block.attentions.0.to_out.0", "mid.attn_1.proj_out")):
        key = key.replace(ours, theirs)
    for i in range(blocks):
        key = key.replace(f"down_blocks.{i}.resnets", f"down.{i}.block")
        key = key.replace(f"down_blocks.{i}.downsamplers.0", f"down.{i}.downsample")
        key = key.replace(f"up_blocks.{i}.resnets", f"up.{blocks - 1 - i}.block")
        key = key.replace(f"up_blocks.{i}.upsamplers.0", f"up.{blocks - 1 - i}.upsample")
    return key


def _as_conv(key: str, value: torch.Tensor) -> torch.Tensor:
    """The autoencoder's attention is made of 1 × 1 convolutions there."""
    attention = "attentions.0.to_" in key and key.endswith("weight")
    return value[:, :, None, None] if attention else value
