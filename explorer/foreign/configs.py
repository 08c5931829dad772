"""What a model's config files must not ask for: code, other files, other models, the network."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from explorer.errors import ExplorerError

# Libraries act on these words wherever they stand in a config.
CODE = ("auto_map", "custom_pipeline", "custom_pipelines", "trust_remote_code", "custom_generate")
ELSEWHERE = ("backbone", "timm", "base_model_name_or_path", "gguf_file")  # parts of a key, or of a kind's name
QUANTISED = ("quantization_config",)
ATTENTIONS = (None, "eager", "sdpa", "flash_attention_2", "flex_attention")  # any other name is fetched from a hub
MOST_NUMBER = 1 << 20  # of a whole number that a size could be made of
MOST = (("timestep", 10_000), ("_lens", 1 << 16), ("sample_size", 4096), ("image_size", 4096),
        ("pos_embed_max", 16_384), ("context_length", 1 << 16))
EDGES = ("size", "crop_size", "height", "width", "shortest_edge")  # of pictures
MOST_EDGE = 16_384
# Parts of the keys of numbers that make nothing large.
FREE = ("theta", "length", "token_id", "token_index", "base", "seed", "bytes", "pixels", "longest")
PATCHED = {"sample_size": 512, "pos_embed_max_size": 512}  # where places are computed for every patch beforehand
STORED = ("AuraFlowTransformer2DModel",)  # keep their places among the weights
CODE_FILES = {".py", ".pyc", ".pyo", ".pyd", ".so", ".dll", ".dylib"}
LOOKED_AT = 20_000  # files of a model's folder

NETWORK_FILES = ("config.json", "generation_config.json")
SCHEDULER_FILES = ("scheduler_config.json",)
PROCESSOR_FILES = ("preprocessor_config.json", "processor_config.json")
TOKENIZER_FILES = (
    "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "tokenizer.json", "vocab.json",
    "merges.txt", "vocab.txt", "spiece.model", "tokenizer.model", "sentencepiece.bpe.model", "chat_template.json",
    "chat_template.jinja")


def check_config(config: dict[str, Any], where: str | Path) -> None:
    """ExplorerError if a config names code, another file, another model, or a number that is out of all bounds."""
    check_numbers(config, where)
    for key, value in _entries(config):
        _check_entry(key, value, where)


def check_numbers(config: dict[str, Any], where: str | Path) -> None:
    """ExplorerError for a number that would take hours or all memory before the first weight is read."""
    patched = PATCHED if "patch_size" in config and config.get("_class_name") not in STORED else {}
    for key, value in _entries(config):
        if type(value) in (int, float) and ("context" in key or not any(part in key for part in FREE)):
            limits = [limit for part, limit in MOST if part in key] + [MOST_EDGE] * (key in EDGES)
            most = min([MOST_NUMBER, patched.get(key, MOST_NUMBER), *limits])
            if abs(value) > most and math.isfinite(value):
                raise ExplorerError(f"{where} gives {key[:60]!r} as {value:g}, which no model has (at most "
                                    f"{most:,}). It is damaged or made up: copy or download the model again.")


def _entries(config: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Every key of a config and of what lies in it, with its value; items of a list stand under the list's key."""
    waiting: list[tuple[str, Any]] = list(config.items())
    while waiting:
        key, value = waiting.pop()
        yield key, value
        if isinstance(value, list):
            waiting += [(key, inner) for inner in value]
        elif isinstance(value, dict):
            waiting += value.items()


def _check_entry(key: str, value: Any, where: str | Path) -> None:
    if value is None or value is False or value == {} or value == []:
        return
    if key in CODE:
        raise ExplorerError(f"{where} brings program code of its own ({key}); this never runs such code. Use a "
                            "model made only of diffusers and transformers parts.")
    if key in QUANTISED:
        raise ExplorerError(f"{where} holds weights in a quantised form ({key}), which this does not read. Use the "
                            "same model with ordinary weights.")
    if any(word in key for word in ELSEWHERE) or (key == "model_type" and "timm" in str(value)):
        raise ExplorerError(f"{where} takes a part from another model ({key}); only a model's own files are read. "
                            "Use a model that is complete.")
    if "attn_implementation" in key and not isinstance(value, bool) and value not in ATTENTIONS:
        raise ExplorerError(f"{where} asks for attention code from elsewhere ({value!r:.60}); this never runs such "
                            "code. Take the entry out, or use another model.")
    if key.endswith("_file") and key != "special_tokens_map_file":  # that one is noted by old versions, never read
        raise ExplorerError(f"{where} names a file of its own choice ({key}); only files beside it are read. Take "
                            "the entry out, or use another model.")


def check_weight_index(index: dict[str, Any], beside: set[str], where: str | Path) -> None:
    """ExplorerError unless a table of split weights names safetensors files out of `beside` only."""
    places = index.get("weight_map")
    if not isinstance(places, dict) or not all(isinstance(v, str) for v in places.values()):
        raise ExplorerError(f"{where} is no table of split weights. Copy or download the model again.")
    strange = sorted({v for v in places.values() if v not in beside or not v.endswith(".safetensors")})
    if strange:
        raise ExplorerError(f"{where} names weights that are not in its folder ({strange[0]!r:.80}). Copy or "
                            "download the model again.")


def check_no_code(root: Path) -> None:
    """ExplorerError if a model's folder holds program code or another model; hidden folders are not looked into."""
    seen = 0
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        for path in _inside(folder):
            seen += 1
            if seen > LOOKED_AT:
                raise ExplorerError(f"The folder {root} holds more than {LOOKED_AT:,} files. Choose the folder of "
                                    "one model.")
            name = PurePosixPath(path.relative_to(root).as_posix())
            if path.is_dir() and not path.is_symlink():
                waiting += [path] if not path.name.startswith(".") else []
            elif path.suffix.lower() in CODE_FILES:
                raise ExplorerError(f"The model in {root} brings program code of its own ({name}); this never runs "
                                    "such code. Take that file out, or use a model without one.")
            elif path.name == "model_index.json" and folder != root:
                raise ExplorerError(f"The model in {root} holds another model ({name}). Choose a folder with one "
                                    "model only.")


def _inside(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError as error:
        raise ExplorerError(f"The folder {folder} cannot be read ({error.strerror}). "
                            "Choose another one.") from error
