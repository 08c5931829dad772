"""Where a task stands."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """One overwritten row a job: where a task stands. Never part of the log."""

    done: int
    total: int
    message: str = ""
    step: int = 0
    steps: int = 0
    left_s: float | None = None
    best_replay_id: str = ""
    preview_png: bytes = b""
