"""The published configurations of Stable Diffusion 1, 2 and XL, and CLIP's vocabulary, as files.

A single-file checkpoint holds weights only; with these it loads without a network. The vocabulary comes from
the copy that open_clip carries (its data file alone is read).
"""

from __future__ import annotations

import gzip
import importlib.util
import json
from pathlib import Path
from typing import Any

from explorer.errors import ExplorerError

_NOISE = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear",
          "num_train_timesteps": 1000, "steps_offset": 1, "clip_sample": False, "set_alpha_to_one": False,
          "trained_betas": None}
_VAE = {"_class_name": "AutoencoderKL", "block_out_channels": [128, 256, 512, 512], "layers_per_block": 2,
        "latent_channels": 4, "norm_num_groups": 32, "act_fn": "silu", "in_channels": 3, "out_channels": 3,
        "down_block_types": ["DownEncoderBlock2D"] * 4, "up_block_types": ["UpDecoderBlock2D"] * 4}
_TEXT = {"vocab_size": 49408, "max_position_embeddings": 77, "bos_token_id": 0, "eos_token_id": 2,
         "pad_token_id": 1, "layer_norm_eps": 1e-05, "model_type": "clip_text_model"}
_CLIP_L = _TEXT | {"architectures": ["CLIPTextModel"], "hidden_size": 768, "intermediate_size": 3072,
                   "num_hidden_layers": 12, "num_attention_heads": 12, "projection_dim": 768,
                   "hidden_act": "quick_gelu"}
_CLIP_H = _TEXT | {"architectures": ["CLIPTextModel"], "hidden_size": 1024, "intermediate_size": 4096,
                   "num_hidden_layers": 23, "num_attention_heads": 16, "projection_dim": 512,
                   "hidden_act": "gelu"}
_CLIP_G = _TEXT | {"architectures": ["CLIPTextModelWithProjection"], "hidden_size": 1280,
                   "intermediate_size": 5120, "num_hidden_layers": 32, "num_attention_heads": 20,
                   "projection_dim": 1280, "hidden_act": "gelu"}
_UNET = {"_class_name": "UNet2DConditionModel", "in_channels": 4, "out_channels": 4, "layers_per_block": 2,
         "block_out_channels": [320, 640, 1280, 1280], "norm_num_groups": 32, "act_fn": "silu",
         "down_block_types": ["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"],
         "up_block_types": ["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 3}

CONFIGS: dict[str, dict[str, dict[str, Any]]] = {
    "sd1": {
        "unet": _UNET | {"sample_size": 64, "cross_attention_dim": 768, "attention_head_dim": 8},
        "vae": _VAE | {"sample_size": 512, "scaling_factor": 0.18215}, "text_encoder": _CLIP_L,
        "scheduler": _NOISE | {"_class_name": "PNDMScheduler", "skip_prk_steps": True}},
    "sd2": {
        "unet": _UNET | {"sample_size": 96, "cross_attention_dim": 1024, "use_linear_projection": True,
                         "attention_head_dim": [5, 10, 20, 20]},
        "vae": _VAE | {"sample_size": 768, "scaling_factor": 0.18215}, "text_encoder": _CLIP_H,
        "scheduler": _NOISE | {"_class_name": "DDIMScheduler", "prediction_type": "v_prediction"}},
    "sdxl": {
        "unet": _UNET | {
            "sample_size": 128, "cross_attention_dim": 2048, "use_linear_projection": True,
            "attention_head_dim": [5, 10, 20], "block_out_channels": [320, 640, 1280],
            "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
            "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
            "transformer_layers_per_block": [1, 2, 10], "addition_embed_type": "text_time",
            "addition_time_embed_dim": 256, "projection_class_embeddings_input_dim": 2816},
        "vae": _VAE | {"sample_size": 1024, "scaling_factor": 0.13025, "force_upcast": True},
        "text_encoder": _CLIP_L, "text_encoder_2": _CLIP_G,
        "scheduler": {k: v for k, v in _NOISE.items() if k not in ("clip_sample", "set_alpha_to_one")}
        | {"_class_name": "EulerDiscreteScheduler", "timestep_spacing": "leading"}},
}
PIPELINES = {"sd1": "StableDiffusionPipeline", "sd2": "StableDiffusionPipeline",
             "sdxl": "StableDiffusionXLPipeline"}


def write_configs(family: str, folder: Path, *, configs: dict[str, dict[str, Any]] | None = None) -> Path:
    """Writes a diffusers folder of `family` without weights into `folder`, which is also returned.

    `configs` replaces the published ones (a model of another size).
    """
    configs = configs or CONFIGS[family]
    index: dict[str, Any] = {"_class_name": PIPELINES[family], "_diffusers_version": "0.37.1"}
    for name, config in configs.items():
        file = "scheduler_config.json" if name == "scheduler" else "config.json"
        _write(folder / name / file, config)
        kind = config.get("_class_name") or config["architectures"][0]
        index[name] = ["transformers" if name.startswith("text_encoder") else "diffusers", kind]
    for name in ("tokenizer", "tokenizer_2") if "text_encoder_2" in configs else ("tokenizer",):
        exclaims = name == "tokenizer_2" or family == "sd2"  # OpenCLIP's models pad with "!"
        write_tokenizer(folder / name, pad="!" if exclaims else "<|endoftext|>")
        index[name] = ["transformers", "CLIPTokenizer"]
    if family != "sdxl":
        index |= {"safety_checker": [None, None], "feature_extractor": [None, None],
                  "requires_safety_checker": False}
    _write(folder / "model_index.json", index)
    return folder


def write_tokenizer(folder: Path, *, pad: str) -> None:
    """Writes CLIP's byte-pair vocabulary (49,408 entries) in transformers' form."""
    merges = _merges()
    letters = list(_byte_letters().values())
    words = [*letters, *(f"{c}</w>" for c in letters), *("".join(m.split()) for m in merges),
             "<|startoftext|>", "<|endoftext|>"]
    _write(folder / "vocab.json", {word: i for i, word in enumerate(words)})
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]) + "\n", "utf-8")
    special = {"bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>",
               "pad_token": pad}
    _write(folder / "special_tokens_map.json", special)
    _write(folder / "tokenizer_config.json", special | {
        "model_max_length": 77, "do_lower_case": True, "add_prefix_space": False, "errors": "replace",
        "tokenizer_class": "CLIPTokenizer"})


def _merges() -> list[str]:
    """The 48,894 merges that CLIP uses, in order."""
    found = importlib.util.find_spec("open_clip")
    path = Path(found.origin).parent / "bpe_simple_vocab_16e6.txt.gz" if found and found.origin else None
    if path is None or not path.is_file():
        raise ExplorerError("diffusion.published_clip_vocabulary_comes")
    lines = gzip.decompress(path.read_bytes()).decode("utf-8").split("\n")
    return lines[1:49152 - 256 - 2 + 1]


def _byte_letters() -> dict[int, str]:
    """A printable letter for each of 256 bytes, in the order of GPT-2's and CLIP's vocabularies."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [b for b in range(256) if b not in plain]
    return {b: chr(b) for b in plain} | {b: chr(256 + i) for i, b in enumerate(rest)}


def _write(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, ensure_ascii=False), "utf-8")
