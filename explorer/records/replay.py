"""A recipe with the image that it made, and where."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from explorer.records.recipe import Recipe


@dataclass(frozen=True)
class Replay:
    """A recipe, the image that it made, and how close that came."""

    id: str
    subject_id: str
    search_id: str
    recipe: Recipe
    image_sha256: str  # PNG blob
    closeness: dict[str, float]  # score name -> value; see scores.py
    unet_evaluations: int
    elapsed_s: float
    exhibit: bool = False  # rendered at batch 1 in deterministic mode
    hashes: dict[str, str] = field(default_factory=dict)  # noise, latents, array, png (SHA-256)
    environment_sha256: str = ""
    flagged: bool = False  # by the model's own safety checker: blurred until asked for, scores kept


@dataclass(frozen=True)
class Environment:
    """Where images were made: device, software versions, threads (JSON); `id` is its SHA-256."""

    id: str
    facts: dict[str, Any]
