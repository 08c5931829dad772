"""The CLIP's text tower as the transformers model that a Stable Diffusion pipeline loads, and its tokenizer."""

from __future__ import annotations

import gzip
import json
from importlib.resources import files
from pathlib import Path

import torch
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

MERGES = 49152 - 256 - 2  # of open_clip's byte-pair file, as its tokenizer takes them
END = 49407
SPECIAL = {"<start_of_text>": "<|startoftext|>", "<end_of_text>": "<|endoftext|>"}  # open_clip's, transformers'


def write_tokenizer(folder: Path, *, context: int = 77) -> CLIPTokenizer:
    """Writes open_clip's own byte-pair vocabulary as a CLIPTokenizer; pads with the end token."""
    from open_clip.tokenizer import SimpleTokenizer

    with gzip.open(str(files("open_clip") / "bpe_simple_vocab_16e6.txt.gz"), "rt", encoding="utf-8") as lines:
        merges = lines.read().split("\n")[1:MERGES + 1]
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = {SPECIAL.get(word, word): number for word, number in SimpleTokenizer().encoder.items()}
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False), "utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n", "utf-8")
    tokenizer = CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=context)
    tokenizer.save_pretrained(folder)
    return tokenizer


def convert(clip: torch.nn.Module, *, heads: int) -> CLIPTextModel:
    """CLIPTextModel with the text weights of an open_clip CLIP (plain GELU, causal, end-token pooling)."""
    width = clip.token_embedding.weight.shape[1]
    layers = len(clip.transformer.resblocks)
    config = CLIPTextConfig(
        vocab_size=clip.token_embedding.weight.shape[0], hidden_size=width, intermediate_size=4 * width,
        num_hidden_layers=layers, num_attention_heads=heads, hidden_act="gelu",
        max_position_embeddings=clip.positional_embedding.shape[0], projection_dim=clip.text_projection.shape[1],
        bos_token_id=END - 1, eos_token_id=END, pad_token_id=END)
    made = CLIPTextModel(config)
    missing, unexpected = made.load_state_dict(_renamed(clip.state_dict(), layers, width), strict=False)
    left = [m for m in missing if not m.endswith("position_ids")]
    if left or unexpected:
        raise ValueError(f"the text tower does not convert: missing {left}, unexpected {unexpected}")
    return made.eval()


def _renamed(state: dict[str, torch.Tensor], layers: int, width: int) -> dict[str, torch.Tensor]:
    out = {"text_model.embeddings.token_embedding.weight": state["token_embedding.weight"],
           "text_model.embeddings.position_embedding.weight": state["positional_embedding"],
           "text_model.final_layer_norm.weight": state["ln_final.weight"],
           "text_model.final_layer_norm.bias": state["ln_final.bias"]}
    for i in range(layers):
        old, new = f"transformer.resblocks.{i}.", f"text_model.encoder.layers.{i}."
        for kind in ("weight", "bias"):
            for n, part in enumerate("qkv"):
                whole = state[f"{old}attn.in_proj_{kind}"]  # (3 * width, ...)
                out[f"{new}self_attn.{part}_proj.{kind}"] = whole[n * width:(n + 1) * width]
            out[f"{new}self_attn.out_proj.{kind}"] = state[f"{old}attn.out_proj.{kind}"]
            out[f"{new}layer_norm1.{kind}"] = state[f"{old}ln_1.{kind}"]
            out[f"{new}layer_norm2.{kind}"] = state[f"{old}ln_2.{kind}"]
            out[f"{new}mlp.fc1.{kind}"] = state[f"{old}mlp.c_fc.{kind}"]
            out[f"{new}mlp.fc2.{kind}"] = state[f"{old}mlp.c_proj.{kind}"]
    return {k: v.clone() for k, v in out.items()}


@torch.no_grad()
def encode(tokenizer: CLIPTokenizer, model: CLIPTextModel, texts: list[str], *, batch: int = 64) -> torch.Tensor:
    """(n, 77, width) float16: the last hidden states as a pipeline computes them, padded with the end token."""
    parts = []
    for first in range(0, len(texts), batch):
        ids = tokenizer(texts[first:first + batch], padding="max_length", truncation=True,
                        max_length=tokenizer.model_max_length, return_tensors="pt").input_ids
        parts.append(model(ids.to(model.device)).last_hidden_state.half().cpu())
    return torch.cat(parts)
