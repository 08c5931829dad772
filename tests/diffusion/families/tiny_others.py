"""Randomly initialised pipelines of families that only their own call runs; nothing is downloaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import diffusers
import torch
from diffusers import DDIMScheduler, FlowMatchEulerDiscreteScheduler, LCMScheduler
from transformers import CLIPTextModel, Gemma2Config, Gemma2Model

from explorer.diffusion.models import Model, model_from_pipeline
from explorer.records import ModelInfo, Recipe
from tests.diffusion import tiny
from tests.diffusion.families.tiny_flows import WIDTH, autoencoder, qwen_tokenizer, t5

FAMILIES = ("pixart", "lumina2", "lcm", "kandinsky3")


def pixart(folder: Path) -> Any:
    tokenizer, encoder = t5(folder / "tokenizer")
    return diffusers.PixArtSigmaPipeline(
        tokenizer=tokenizer, text_encoder=encoder, vae=tiny.autoencoder("kl"), scheduler=DDIMScheduler(),
        transformer=diffusers.PixArtTransformer2DModel(
            sample_size=32, num_layers=1, patch_size=2, attention_head_dim=8, num_attention_heads=2, in_channels=4,
            out_channels=8, caption_channels=WIDTH, cross_attention_dim=16, norm_type="ada_norm_single"))


def lumina2(folder: Path) -> Any:
    tokenizer = qwen_tokenizer(folder / "tokenizer")
    shape = {"vocab_size": len(tokenizer), "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 2,
             "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 8, "max_position_embeddings": 2048}
    return diffusers.Lumina2Pipeline(
        tokenizer=tokenizer, text_encoder=Gemma2Model(Gemma2Config(**shape)).eval(), vae=autoencoder(),
        scheduler=FlowMatchEulerDiscreteScheduler(),
        transformer=diffusers.Lumina2Transformer2DModel(
            sample_size=16, patch_size=2, in_channels=4, hidden_size=24, num_layers=1, num_refiner_layers=1,
            num_attention_heads=3, num_kv_heads=1, multiple_of=2, cap_feat_dim=16, axes_dim_rope=(4, 2, 2),
            axes_lens=(512, 64, 64)))


def lcm(folder: Path) -> Any:
    words = tiny.tokenizer(folder / "tokenizer")
    return diffusers.LatentConsistencyModelPipeline(
        tokenizer=words, text_encoder=tiny.text_encoder(CLIPTextModel, len(words)), vae=tiny.autoencoder("kl"),
        unet=tiny.unet(32, time_cond_proj_dim=32), scheduler=LCMScheduler(), safety_checker=None,
        feature_extractor=None, image_encoder=None, requires_safety_checker=False)


def kandinsky3(folder: Path) -> Any:
    tokenizer, encoder = t5(folder / "tokenizer")
    return diffusers.Kandinsky3Pipeline(
        tokenizer=tokenizer, text_encoder=encoder, scheduler=DDIMScheduler(),
        movq=diffusers.VQModel(
            block_out_channels=[32, 64], down_block_types=["DownEncoderBlock2D", "AttnDownEncoderBlock2D"],
            up_block_types=["AttnUpDecoderBlock2D", "UpDecoderBlock2D"], num_vq_embeddings=12, layers_per_block=1,
            norm_num_groups=8, norm_type="spatial", vq_embed_dim=4, latent_channels=4),
        unet=diffusers.Kandinsky3UNet(
            in_channels=4, time_embedding_dim=4, groups=2, attention_head_dim=4, layers_per_block=3,
            block_out_channels=(32, 64), cross_attention_dim=4, encoder_hid_dim=WIDTH))


PIPELINES = {"pixart": pixart, "lumina2": lumina2, "lcm": lcm, "kandinsky3": kandinsky3}


def model(family: str, folder: Path) -> Model:
    torch.manual_seed(FAMILIES.index(family))
    pipe = PIPELINES[family](folder)
    pipe.set_progress_bar_config(disable=True)
    info = ModelInfo("tiny", family, family, family[0] * 64, "none", 0, tiny.SIZE_PX, 4, 3.0)
    return model_from_pipeline(pipe, info)


def recipe(of: Model, **changes: Any) -> Recipe:
    return tiny.recipe(of, **({"scheduler": "own", "steps": 4, "guidance": 3.0} | changes))
