"""How much a LoRA file says its change weighs: alpha over rank, by module, in every form that trainers write."""

from __future__ import annotations

import contextlib
import math
import re
from pathlib import Path
from typing import Any

from explorer.errors import ExplorerError
from explorer.foreign.reading import parse_object

MOST_BYTES = 1 << 20


class Scales:
    """What a file's header, and a PEFT `adapter_config.json` beside it, say of alpha.

    PEFT (rank-stabilised LoRA, Kalajdzievski 2023: alpha over the root of the rank; alpha patterns by module),
    diffusers (the same with a part's name before each key), kohya (`ss_network_alpha`).
    """

    def __init__(self, metadata: dict[str, str], path: Path) -> None:
        """ExplorerError for what declares a form that is no plain LoRA."""
        self._told = _object(metadata.get("lora_adapter_metadata", ""))
        self._beside = _beside(path)
        self._header = metadata.get("ss_network_alpha", "")
        for told in (self._told, self._beside):
            if any(value is True for key, value in told.items() if key.rpartition(".")[2] == "use_dora"):
                raise ExplorerError("diffusion.adapters_another_kind_than", path_name=path.name, strange="use_dora")

    def factor(self, place: str, rank: int, alpha: float | None) -> float:
        """The factor of one module's change; `alpha` is the file's own for it, if it has one."""
        part, _, module = place.partition(".")
        told = {k.partition(".")[2]: v for k, v in self._told.items() if k.startswith(f"{part}.")}
        told = told or self._beside
        if alpha is None:
            alpha = _pattern(told.get("alpha_pattern"), module) or _number(told.get("lora_alpha"))
        if alpha is None:
            alpha = _number(self._header)
        root = bool(told.get("use_rslora"))
        return 1.0 if alpha is None else alpha / (math.sqrt(rank) if root else rank)


def _object(text: str) -> dict[str, Any]:
    """The object; ValueError for text that is none, which would weigh the LoRA wrongly."""
    return parse_object(text) if text.strip() else {}


def _beside(path: Path) -> dict[str, Any]:
    """PEFT's config in the file's folder, where the file is named as PEFT names it."""
    config = path.with_name("adapter_config.json")
    if not path.name.startswith("adapter_model") or not config.is_file() or config.stat().st_size > MOST_BYTES:
        return {}
    return _object(config.read_text("utf-8", errors="replace"))


def _pattern(patterns: Any, module: str) -> float | None:
    """The alpha of the first pattern that a module's name ends in, as PEFT looks it up."""
    for pattern, value in patterns.items() if isinstance(patterns, dict) else ():
        with contextlib.suppress(re.error):
            if len(str(pattern)) < 500 and re.fullmatch(rf"(?:.*\.)?(?:{pattern})", module):
                return _number(value)
    return None


def _number(value: Any) -> float | None:
    """The number; None where none is given; ValueError or TypeError for what is none."""
    if value in (None, "", "None"):
        return None
    number = float(value)
    if not math.isfinite(number):
        raise ValueError("an alpha without end")
    return number
