"""What a model's config files must not ask for: code, other files, other models, the network."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

from explorer.errors import ExplorerError

# Libraries act on these words wherever they stand in a config.
CODE = ("auto_map", "custom_pipeline", "custom_pipelines", "trust_remote_code", "custom_generate")
ELSEWHERE = ("backbone", "timm", "base_model_name_or_path", "gguf_file")  # parts of a key, or of a kind's name
QUANTISED = ("quantization_config",)
ATTENTIONS = (None, "eager", "sdpa", "flash_attention_2", "flex_attention")  # any other name is fetched from a hub
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
    """ExplorerError if a config names code, another file, another model or a network's address."""
    waiting: list[Any] = [config]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += value
        elif isinstance(value, dict):
            for key, inner in value.items():
                _check_entry(key, inner, where)
            waiting += value.values()


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
        for path in _entries(folder):
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


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError as error:
        raise ExplorerError("foreign.configs_folder_cannot_read", folder=folder, strerror=error.strerror) from error
