"""Randomly initialised pipelines of a few thousand parameters, made in the test; nothing is downloaded."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderTiny,
    DDIMScheduler,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from explorer.diffusion.models import Model, model_from_pipeline
from explorer.records import ModelInfo, Recipe

SIZE_PX = 32
VARIANTS = ("sd1-kl", "sd1-tiny", "sd2-v", "sdxl")


def tokenizer(folder: Path) -> CLIPTokenizer:
    folder.mkdir(parents=True, exist_ok=True)
    letters = [chr(c) for c in range(33, 127)]
    words = [*letters, *(f"{c}</w>" for c in letters), "<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({w: i for i, w in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=77,
                         pad_token="<|endoftext|>")


def text_encoder(kind: type, words: int, *, width: int = 32):
    return kind(CLIPTextConfig(
        vocab_size=words, hidden_size=width, intermediate_size=width, num_hidden_layers=2,
        num_attention_heads=2, max_position_embeddings=77, projection_dim=width,
        bos_token_id=words - 2, eos_token_id=words - 1, pad_token_id=words - 1)).eval()


def unet(context: int, **more):
    return UNet2DConditionModel(
        sample_size=16, in_channels=4, out_channels=4, layers_per_block=1, block_out_channels=(16, 32),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"), cross_attention_dim=context,
        attention_head_dim=8, norm_num_groups=8, **more)


def autoencoder(kind: str):
    if kind == "tiny":
        return AutoencoderTiny(encoder_block_out_channels=(8, 8), decoder_block_out_channels=(8, 8),
                               num_encoder_blocks=(1, 1), num_decoder_blocks=(1, 1), latent_channels=4,
                               upsampling_scaling_factor=2)
    return AutoencoderKL(block_out_channels=(8, 16), norm_num_groups=4, latent_channels=4,
                         down_block_types=("DownEncoderBlock2D",) * 2,
                         up_block_types=("UpDecoderBlock2D",) * 2)


def scheduler(prediction: str = "epsilon") -> DDIMScheduler:
    return DDIMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1,
                         clip_sample=False, set_alpha_to_one=False, prediction_type=prediction)


def pipeline(variant: str, folder: Path):
    """A pipeline of one family: "sd1-kl", "sd1-tiny", "sd2-v" (v-prediction) or "sdxl"."""
    torch.manual_seed(VARIANTS.index(variant))
    words = tokenizer(folder / "tokenizer")
    parts = {"tokenizer": words, "text_encoder": text_encoder(CLIPTextModel, len(words))}
    if variant == "sdxl":
        parts |= {"tokenizer_2": words, "vae": autoencoder("kl"), "scheduler": scheduler(),
                  "text_encoder_2": text_encoder(CLIPTextModelWithProjection, len(words)),
                  "unet": unet(64, addition_embed_type="text_time", addition_time_embed_dim=8,
                               projection_class_embeddings_input_dim=6 * 8 + 32)}
        pipe = StableDiffusionXLPipeline(**parts, add_watermarker=False)
    else:
        parts |= {"vae": autoencoder("tiny" if variant == "sd1-tiny" else "kl"), "unet": unet(32),
                  "scheduler": scheduler("v_prediction" if variant == "sd2-v" else "epsilon")}
        pipe = StableDiffusionPipeline(**parts, safety_checker=None, feature_extractor=None,
                                       requires_safety_checker=False)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def model(variant: str, folder: Path) -> Model:
    info = ModelInfo("tiny", variant, variant.partition("-")[0], "f" * 64, "none", 0, SIZE_PX, 4, 3.0)
    return model_from_pipeline(pipeline(variant, folder), info)


def recipe(of: Model, **changes) -> Recipe:
    values = {"model": of.ref, "prompt": "a red boat", "seed": 7, "steps": 5, "guidance": 4.0,
              "scheduler": "ddim", "width_px": SIZE_PX, "height_px": SIZE_PX}
    return Recipe(**(values | changes))


def other_pipeline(folder: Path):
    """A tiny Stable Diffusion 3: a family without a UNet, run by its pipeline's own call."""
    from diffusers import FlowMatchEulerDiscreteScheduler, SD3Transformer2DModel, StableDiffusion3Pipeline
    torch.manual_seed(9)
    words = tokenizer(folder / "tokenizer")
    transformer = SD3Transformer2DModel(
        sample_size=16, patch_size=1, in_channels=4, num_layers=1, attention_head_dim=8,
        num_attention_heads=4, joint_attention_dim=64, caption_projection_dim=32, out_channels=4,
        pooled_projection_dim=64)
    vae = AutoencoderKL(block_out_channels=(8, 16), norm_num_groups=4, latent_channels=4, shift_factor=0.06,
                        use_quant_conv=False, use_post_quant_conv=False, scaling_factor=1.5,
                        down_block_types=("DownEncoderBlock2D",) * 2,
                        up_block_types=("UpDecoderBlock2D",) * 2)
    return StableDiffusion3Pipeline(
        transformer=transformer, scheduler=FlowMatchEulerDiscreteScheduler(), vae=vae, text_encoder_3=None,
        tokenizer_3=None, tokenizer=words, tokenizer_2=words,
        text_encoder=text_encoder(CLIPTextModelWithProjection, len(words)),
        text_encoder_2=text_encoder(CLIPTextModelWithProjection, len(words)))


def other_model(folder: Path) -> Model:
    info = ModelInfo("tiny", "tiny three", "other", "e" * 64, "none", 0, SIZE_PX, 4, 3.0)
    return model_from_pipeline(other_pipeline(folder), info)
