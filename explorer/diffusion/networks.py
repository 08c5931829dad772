"""The networks of a model's folder, sized by their configs before any of them is built."""

from __future__ import annotations

import importlib
from functools import partial
from pathlib import Path
from typing import Any

from explorer.diffusion.classes import Index, files_read
from explorer.foreign.configs import NETWORK_FILES
from explorer.foreign.reading import read_json
from explorer.foreign.sizes import check_size


def check_networks(folder: Path, index: Index, files: list[str]) -> None:
    """ExplorerError if a part's config describes a network larger than its weights; `files` lie in `folder`."""
    for role, (library, name) in index.parts.items():
        weights = [folder / f for f in files if f.startswith(f"{role}/") and f.endswith(".safetensors")]
        config = folder / role / "config.json"
        if files_read(name) == NETWORK_FILES and weights and config.is_file():
            check_size(partial(_build, library, name, read_json(config)), weights, str(config))


def _build(library: str, name: str, config: dict[str, Any]) -> Any:
    home = library if library in ("diffusers", "transformers") else f"diffusers.pipelines.{library}"
    kind = getattr(importlib.import_module(home), name)
    if home == "diffusers":
        return kind.from_config(config)
    return kind(kind.config_class.from_dict(config))
