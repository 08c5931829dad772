"""What a model or a collection is, for the screen."""

from __future__ import annotations

from dataclasses import dataclass

from explorer.records.recipe import Adapter


@dataclass(frozen=True)
class ModelInfo:
    """What a model is, for the screen; made without loading it where `loaded` is false."""

    source: str
    name: str
    family: str
    fingerprint: str
    licence: str
    size_bytes: int
    default_size_px: int
    default_steps: int
    default_guidance: float
    loaded: bool = False
    device: str = ""
    precision: str = ""
    memory_bytes: int = 0
    notes: tuple[str, ...] = ()
    adapters: tuple[Adapter, ...] = ()


@dataclass(frozen=True)
class CollectionInfo:
    source: str
    name: str
    works: int
    clip: str
    fingerprint: str
    notes: tuple[str, ...] = ()
