"""Writes a tiny pipeline's weights under the names that original Stable Diffusion checkpoints use."""

RESNET = {"norm1": "in_layers.0", "conv1": "in_layers.2", "time_emb_proj": "emb_layers.1",
          "norm2": "out_layers.0", "conv2": "out_layers.3", "conv_shortcut": "skip_connection"}
ENDS = {"conv_in": "input_blocks.0.0", "conv_norm_out": "out.0", "conv_out": "out.2",
        "time_embedding.linear_1": "time_embed.0", "time_embedding.linear_2": "time_embed.2"}


def checkpoint(pipe) -> dict:
    """Tensors of a whole checkpoint: network, autoencoder and text encoder."""
    layers, blocks = pipe.unet.config.layers_per_block, len(pipe.unet.config.block_out_channels)
    tensors = {f"model.diffusion_model.{_unet(k, layers)}": v for k, v in pipe.unet.state_dict().items()}
    tensors |= {f"first_stage_model.{_vae(k, blocks)}": _as_conv(k, v)
                for k, v in pipe.vae.state_dict().items()}
    tensors |= {f"cond_stage_model.transformer.{k}": v for k, v in pipe.text_encoder.state_dict().items()}
    return {k: v.clone().contiguous() for k, v in tensors.items()}


def _unet(key: str, layers: int) -> str:
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
        return f"output_blocks.{block * (layers + 1) + layers}.{2 if block == 0 else 1}.conv.{leaf}"
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


def _as_conv(key: str, value):
    """The autoencoder's attention is made of 1 × 1 convolutions there."""
    attention = "attentions.0.to_" in key and key.endswith("weight")
    return value[:, :, None, None] if attention else value
