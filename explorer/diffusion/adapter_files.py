"""A model's source with adapters: "BASE + FILE*0.8 + FILE"; what each file is, from its table alone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from explorer.diffusion.fingerprint import file_sha256
from explorer.diffusion.locate import PICKLES, pickle_error
from explorer.errors import ExplorerError, shortened
from explorer.folders import typed_path
from explorer.foreign.reading import read_table
from explorer.records import Adapter

PART = re.compile(r"^(?P<path>.+?)(?:\*(?P<weight>[-+]?(?:\d+\.?\d*|\.\d+)))?$")


@dataclass(frozen=True)
class AdapterFile:
    """A LoRA or textual inversion on this computer, to be laid over a model with `weight`."""

    path: Path
    kind: str  # "lora" | "textual-inversion"
    weight: float = 1.0

    def record(self) -> Adapter:
        """The Adapter that recipes hold: reads the whole file for its SHA-256."""
        return Adapter(self.path.name, file_sha256(self.path), self.kind, self.weight)


def parse_source(source: str) -> tuple[str, tuple[AdapterFile, ...]]:
    """(base source, adapters) of "BASE + a.safetensors*0.8 + b.safetensors"; order is kept.

    ExplorerError for a missing file, a pickle, a weight outside [-4, 4], and what is no adapter.
    """
    base, *parts = [p.strip() for p in source.split(" + ")]
    return base, tuple(_adapter(part) for part in parts)


def _adapter(part: str) -> AdapterFile:
    match = PART.match(part)
    path = typed_path(match["path"] if match else part)
    weight = float(match["weight"] or 1.0) if match else 1.0
    if path.suffix.lower() in PICKLES:
        raise pickle_error(path)
    if not path.is_file() or path.suffix.lower() != ".safetensors":
        raise ExplorerError("diffusion.adapter_files_no", path=shortened(path))
    if abs(weight) > 4:
        raise ExplorerError("diffusion.adapter_files_weight_outside_4", weight=weight, path_name=path.name)
    return AdapterFile(path.resolve(), _kind(path), weight)


def _kind(path: Path) -> str:
    tensors = read_table(path).tensors
    if any("lora" in name.lower() or "hada_" in name or "lokr_" in name for name in tensors):
        return "lora"
    shapes = [tensor.shape for tensor in tensors.values()]
    if tensors and len(tensors) <= 2 and all(1 <= len(shape) <= 2 for shape in shapes):
        return "textual-inversion"
    raise ExplorerError("diffusion.adapter_files_neither_lora_nor", path_name=path.name)
