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
                raise ExplorerError("foreign.configs_number_of_no_model", where=where, key=key[:60], value=value,
                                    most=most)


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
        raise ExplorerError("foreign.configs_brings_program_code", where=where, key=key)
    if key in QUANTISED:
        raise ExplorerError("foreign.configs_holds_weights_quantised", where=where, key=key)
    if any(word in key for word in ELSEWHERE) or (key == "model_type" and "timm" in str(value)):
        raise ExplorerError("foreign.configs_takes_part_another", where=where, key=key)
    if "attn_implementation" in key and not isinstance(value, bool) and value not in ATTENTIONS:
        raise ExplorerError("foreign.configs_asks_attention_code", where=where, value=value)
    if key.endswith("_file") and key != "special_tokens_map_file":  # that one is noted by old versions, never read
        raise ExplorerError("foreign.configs_names_file_own", where=where, key=key)


def check_weight_index(index: dict[str, Any], beside: set[str], where: str | Path) -> None:
    """ExplorerError unless a table of split weights names safetensors files out of `beside` only."""
    places = index.get("weight_map")
    if not isinstance(places, dict) or not all(isinstance(v, str) for v in places.values()):
        raise ExplorerError("foreign.configs_no_table_split", where=where)
    strange = sorted({v for v in places.values() if v not in beside or not v.endswith(".safetensors")})
    if strange:
        raise ExplorerError("foreign.configs_names_weights_not", where=where, first_strange=strange[0])


def check_no_code(root: Path) -> None:
    """ExplorerError if a model's folder holds program code or another model; hidden folders are not looked into."""
    seen = 0
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        for path in _inside(folder):
            seen += 1
            if seen > LOOKED_AT:
                raise ExplorerError("foreign.configs_folder_holds_more", root=root, looked_at=LOOKED_AT)
            name = PurePosixPath(path.relative_to(root).as_posix())
            if path.is_dir() and not path.is_symlink():
                waiting += [path] if not path.name.startswith(".") else []
            elif path.suffix.lower() in CODE_FILES:
                raise ExplorerError("foreign.configs_model_brings_program", root=root, name=name)
            elif path.name == "model_index.json" and folder != root:
                raise ExplorerError("foreign.configs_model_holds_another", root=root, name=name)


def _inside(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError as error:
        raise ExplorerError("foreign.configs_folder_cannot_read", folder=folder, strerror=error.strerror) from error
