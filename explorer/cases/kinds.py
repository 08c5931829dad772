"""Records that only cases hold: what a search set out to do, and where images were made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from explorer.records import ModelRef


@dataclass(frozen=True)
class SearchPlan:
    """What a search will do, written to the log before its first replay; a resumed search keeps to it."""

    id: str  # the search's
    subject_id: str
    settings: dict[str, Any]  # ReplaySettings as JSON, with the prompt that was taken
    model: ModelRef
    clip_fingerprint: str
    environment_sha256: str
    planned_tries: int


@dataclass(frozen=True)
class Environment:
    """Where images were made: device, software versions, threads (JSON); `id` is its SHA-256."""

    id: str
    facts: dict[str, Any]
