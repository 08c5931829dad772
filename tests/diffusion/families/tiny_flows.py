"""Randomly initialised flow pipelines of a few thousand parameters, one of each family; nothing is downloaded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import diffusers
import torch
from diffusers import AutoencoderKL, FlowMatchEulerDiscreteScheduler
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    CLIPTextModel,
    CLIPTextModelWithProjection,
    Mistral3Config,
    Mistral3ForConditionalGeneration,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2TokenizerFast,
    Qwen3Config,
    Qwen3ForCausalLM,
    Qwen3Model,
    T5Config,
    T5EncoderModel,
    T5TokenizerFast,
)

from explorer.diffusion.models import Model, model_from_pipeline
from explorer.records import ModelInfo, Recipe
from tests.diffusion import tiny

FAMILIES = ("sd3", "flux", "schnell", "qwen", "zimage", "chroma", "flux2", "klein")
WIDTH = 32
CHAT = ("{% for m in messages %}<|im_start|>{{ m['role'] }}\n{% if m['content'] is string %}{{ m['content'] }}"
        "{% else %}{% for part in m['content'] %}{{ part['text'] }}{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}")
LETTERS = [chr(c) for c in range(32, 127)]


def pipeline(family: str, folder: Path) -> Any:
    """A pipeline of one family; `folder` takes its tokenizer's files."""
    torch.manual_seed(FAMILIES.index(family))
    pipe = PIPELINES[family](folder)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def model(family: str, folder: Path) -> Model:
    steps, guidance = (4, 1.0) if family in ("schnell", "klein") else (4, 3.0)
    info = ModelInfo("tiny", family, family, family[0] * 64, "none", 0, tiny.SIZE_PX, steps, guidance)
    return model_from_pipeline(pipeline(family, folder), info)


def recipe(of: Model, **changes: Any) -> Recipe:
    return tiny.recipe(of, **({"scheduler": "euler", "steps": 4, "guidance": 3.0} | changes))


def t5(folder: Path) -> tuple[T5TokenizerFast, T5EncoderModel]:
    """A letter a token."""
    words = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), *((c, -4.0) for c in ["▁", *LETTERS])]
    made = Tokenizer(models.Unigram(words, unk_id=2))
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    folder.mkdir(parents=True, exist_ok=True)
    made.save(str(folder / "tokenizer.json"))
    tokenizer = T5TokenizerFast(tokenizer_file=str(folder / "tokenizer.json"), extra_ids=0, model_max_length=512)
    config = T5Config(vocab_size=len(words), d_model=WIDTH, d_kv=8, d_ff=WIDTH, num_layers=1, num_heads=2)
    return tokenizer, T5EncoderModel(config).eval()


def qwen_tokenizer(folder: Path) -> Qwen2TokenizerFast:
    """A byte a token, with the marks of a conversation."""
    folder.mkdir(parents=True, exist_ok=True)
    words = sorted(pre_tokenizers.ByteLevel.alphabet())
    (folder / "vocab.json").write_text(json.dumps({w: i for i, w in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    tokenizer = Qwen2TokenizerFast(str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=2048)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|im_start|>", "<|im_end|>"]})
    tokenizer.chat_template = CHAT
    return tokenizer


def language(words: int, layers: int = 2) -> dict[str, Any]:
    """A small language model's shape."""
    return {"vocab_size": words, "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": layers,
            "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 8, "max_position_embeddings": 2048}


def autoencoder(**more: Any) -> AutoencoderKL:
    return AutoencoderKL(**({
        "block_out_channels": (8, 16), "norm_num_groups": 4, "latent_channels": 4, "shift_factor": 0.06,
        "scaling_factor": 1.5, "use_quant_conv": False, "use_post_quant_conv": False,
        "down_block_types": ("DownEncoderBlock2D",) * 2, "up_block_types": ("UpDecoderBlock2D",) * 2} | more))


def sd3(folder: Path, *, with_t5: bool = True) -> Any:
    words = tiny.tokenizer(folder / "tokenizer")
    tokenizer, encoder = t5(folder / "tokenizer_3") if with_t5 else (None, None)
    return diffusers.StableDiffusion3Pipeline(
        transformer=diffusers.SD3Transformer2DModel(
            sample_size=16, patch_size=2, in_channels=4, num_layers=2, attention_head_dim=8, num_attention_heads=4,
            joint_attention_dim=WIDTH, caption_projection_dim=32, out_channels=4, pooled_projection_dim=32),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0), vae=autoencoder(), text_encoder_3=encoder,
        tokenizer_3=tokenizer, tokenizer=words, tokenizer_2=words,
        text_encoder=tiny.text_encoder(CLIPTextModelWithProjection, len(words), width=16),
        text_encoder_2=tiny.text_encoder(CLIPTextModelWithProjection, len(words), width=16))


def _flux(folder: Path, *, guidance: bool, shifting: bool) -> Any:
    words = tiny.tokenizer(folder / "tokenizer")
    tokenizer, encoder = t5(folder / "tokenizer_2")
    return diffusers.FluxPipeline(
        transformer=diffusers.FluxTransformer2DModel(
            in_channels=16, num_layers=1, num_single_layers=1, attention_head_dim=16, num_attention_heads=2,
            joint_attention_dim=WIDTH, pooled_projection_dim=16, axes_dims_rope=(4, 4, 8),
            guidance_embeds=guidance),
        scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=shifting), vae=autoencoder(),
        tokenizer=words, text_encoder=tiny.text_encoder(CLIPTextModel, len(words), width=16),
        tokenizer_2=tokenizer, text_encoder_2=encoder)


def flux(folder: Path) -> Any:
    return _flux(folder, guidance=True, shifting=True)


def schnell(folder: Path) -> Any:
    return _flux(folder, guidance=False, shifting=False)


def chroma(folder: Path) -> Any:
    tokenizer, encoder = t5(folder / "tokenizer")
    return diffusers.ChromaPipeline(
        transformer=diffusers.ChromaTransformer2DModel(
            in_channels=16, num_layers=1, num_single_layers=1, attention_head_dim=16, num_attention_heads=2,
            joint_attention_dim=WIDTH, axes_dims_rope=(4, 4, 8), approximator_num_channels=8,
            approximator_hidden_dim=16, approximator_layers=1),
        scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True), vae=autoencoder(),
        tokenizer=tokenizer, text_encoder=encoder)


def qwen(folder: Path) -> Any:
    tokenizer = qwen_tokenizer(folder / "tokenizer")
    text = language(len(tokenizer)) | {"rope_scaling": {"type": "mrope", "mrope_section": [1, 1, 2]}}
    sight = {"depth": 1, "hidden_size": 16, "intermediate_size": 16, "num_heads": 2, "out_hidden_size": 16,
             "fullatt_block_indexes": [0]}
    encoder = Qwen2_5_VLForConditionalGeneration(Qwen2_5_VLConfig(text_config=text, vision_config=sight)).eval()
    return diffusers.QwenImagePipeline(
        transformer=diffusers.QwenImageTransformer2DModel(
            in_channels=16, out_channels=4, num_layers=1, attention_head_dim=16, num_attention_heads=2,
            joint_attention_dim=16, axes_dims_rope=(4, 6, 6)),
        scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True, shift_terminal=0.02),
        vae=diffusers.AutoencoderKLQwenImage(
            base_dim=8, z_dim=4, dim_mult=[1, 2], num_res_blocks=1, temperal_downsample=[False],
            latents_mean=[0.1, -0.2, 0.3, 0.0], latents_std=[1.5, 2.0, 0.8, 1.1]),
        tokenizer=tokenizer, text_encoder=encoder)


def zimage(folder: Path) -> Any:
    tokenizer = qwen_tokenizer(folder / "tokenizer")
    network = diffusers.ZImageTransformer2DModel(
        in_channels=4, dim=32, n_layers=1, n_refiner_layers=1, n_heads=2, n_kv_heads=2, cap_feat_dim=16,
        axes_dims=[4, 6, 6], axes_lens=[1024, 64, 64])
    for token in (network.x_pad_token, network.cap_pad_token):  # made without values
        torch.nn.init.normal_(token)
    return diffusers.ZImagePipeline(
        transformer=network, scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0), vae=autoencoder(),
        tokenizer=tokenizer, text_encoder=Qwen3Model(Qwen3Config(**language(len(tokenizer)))).eval())


def _flux2_parts(folder: Path, *, guidance: bool) -> dict[str, Any]:
    tokenizer = qwen_tokenizer(folder / "tokenizer")
    vae = diffusers.AutoencoderKLFlux2(
        block_out_channels=(8, 16), norm_num_groups=4, latent_channels=4, layers_per_block=1,
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2)
    vae.bn.running_mean.normal_()
    vae.bn.running_var.uniform_(0.5, 2.0)
    network = diffusers.Flux2Transformer2DModel(
        in_channels=16, num_layers=1, num_single_layers=1, attention_head_dim=16, num_attention_heads=2,
        joint_attention_dim=48, timestep_guidance_channels=16, axes_dims_rope=(4, 4, 4, 4),
        guidance_embeds=guidance)
    return {"transformer": network, "vae": vae, "tokenizer": tokenizer,
            "scheduler": FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True)}


def flux2(folder: Path) -> Any:
    parts = _flux2_parts(folder, guidance=True)
    text = language(len(parts["tokenizer"]), layers=30) | {"model_type": "mistral"}
    sight = {"model_type": "pixtral", "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1,
             "num_attention_heads": 2, "image_size": 28, "patch_size": 14, "head_dim": 8}
    encoder = Mistral3ForConditionalGeneration(Mistral3Config(text_config=text, vision_config=sight)).eval()
    return diffusers.Flux2Pipeline(text_encoder=encoder, **parts)


def klein(folder: Path) -> Any:
    parts = _flux2_parts(folder, guidance=False)
    encoder = Qwen3ForCausalLM(Qwen3Config(**language(len(parts["tokenizer"]), layers=27))).eval()
    return diffusers.Flux2KleinPipeline(text_encoder=encoder, **parts)


PIPELINES = {"sd3": sd3, "flux": flux, "schnell": schnell, "qwen": qwen, "zimage": zimage, "chroma": chroma,
             "flux2": flux2, "klein": klein}
