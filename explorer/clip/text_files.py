"""What a CLIP with another text tower or tokenizer than CLIP's own reads besides its weights, and from where."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import Any

from explorer.clip.hub import hub_file
from explorer.errors import ExplorerError
from explorer.foreign.configs import TOKENIZER_FILES, check_config
from explorer.foreign.reading import read_json

TOKENIZER, TOWER = "tokenizer/", "tower/"  # places in ClipFiles.text_files
TOWERS = ("bert", "m2m_100", "mt5", "roberta", "xlm-roberta")  # those that open_clip knows how to use
TOKENIZERS = frozenset(name + fast for fast in ("", "Fast") for name in (
    "BertTokenizer", "CLIPTokenizer", "DistilBertTokenizer", "GemmaTokenizer", "GPT2Tokenizer", "M2M100Tokenizer",
    "MPNetTokenizer", "MT5Tokenizer", "NllbTokenizer", "PreTrainedTokenizer", "RobertaTokenizer", "SiglipTokenizer",
    "T5Tokenizer", "XLMRobertaTokenizer"))
KINDS = (*TOWERS, "clip", "clip_text_model", "distilbert", "gemma", "gpt2", "mpnet", "siglip", "siglip2", "t5")
NAME = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?")


def text_files(text_cfg: dict[str, Any], beside: Path | None, *, offline: bool) -> dict[str, Path]:
    """Files by place: "tokenizer/..." from the folder `beside` the weights or the hub, "tower/config.json".

    Empty for CLIP's own tokenizer and tower. ExplorerError for what is not here, and for what asks for code.
    """
    found: dict[str, Path] = {}
    if name := text_cfg.get("hf_tokenizer_name"):
        there = beside is not None and (beside / "tokenizer_config.json").is_file()
        files = _in(beside) if there else _of_hub(_checked(name), offline=offline)
        _check_tokenizer(files)
        found |= {TOKENIZER + file: path for file, path in files.items()}
    if name := text_cfg.get("hf_model_name"):
        path = hub_file(_checked(name), ("config.json",), offline=offline)
        _check_kind(path, TOWERS)
        found[TOWER + "config.json"] = path
    return found


def _checked(name: Any) -> str:
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise ExplorerError("clip.text_files_clip_config_names", name=name)
    return name


def _in(folder: Path) -> dict[str, Path]:
    return {n: folder / n for n in ("config.json", *TOKENIZER_FILES) if (folder / n).is_file()}


def _of_hub(name: str, *, offline: bool) -> dict[str, Path]:
    found = {}
    for file in ("config.json", *TOKENIZER_FILES):
        with contextlib.suppress(ExplorerError):  # no tokenizer has them all
            found[file] = hub_file(name, (file,), offline=offline)
    if not set(found) - {"config.json"}:
        raise ExplorerError("clip.text_files_not_here" if offline else "clip.text_files_not_fetched", name=name)
    return found


def _check_tokenizer(files: dict[str, Path]) -> None:
    for name in ("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"):
        if name in files:
            config = read_json(files[name])
            check_config(config, files[name])
            kind = config.get("tokenizer_class")
            if name == "tokenizer_config.json" and kind is not None and str(kind) not in TOKENIZERS:
                raise ExplorerError("clip.text_files_asks_tokenizer_not", files=files[name], kind=kind)
    if "config.json" in files:
        _check_kind(files["config.json"], KINDS)


def _check_kind(path: Path, kinds: tuple[str, ...]) -> None:
    config = read_json(path)
    check_config(config, path)
    if config.get("model_type") not in kinds:
        raise ExplorerError("clip.text_files_kind_no_clip", path=path, model_type=config.get("model_type"),
                            kinds=", ".join(kinds))
