"""Replays in short: what lists, plots and sums over thousands of them need, without reading each one whole."""

from __future__ import annotations

import sqlite3
import sys
from typing import NamedTuple

from explorer.records.canonical import read

_SETTINGS = ("seed", "strength", "noise_blob", "guidance", "steps", "scheduler", "prompt")
_PATHS = ", ".join([*(f"'$.data.recipe.{name}'" for name in _SETTINGS), "'$.data.unet_evaluations'",
                    "'$.data.elapsed_s'"])


class Try(NamedTuple):
    """One replay in short; `value` is its closeness by the score that was asked for, None without it."""

    id: str
    search_id: str
    exhibit: bool
    value: float | None
    seed: int
    strength: float | None
    noise_blob: str | None
    guidance: float
    steps: int
    scheduler: str
    prompt: str
    unet_evaluations: int
    elapsed_s: float


def tries(db: sqlite3.Connection, subject_id: str, *, score: str, search_id: str | None, newest: int) -> list[Try]:
    """Replays of a subject, and of a search if given, oldest first; only the `newest` ones, -1 for all."""
    rows = db.execute(f"""
        SELECT r.id, r.search_id, r.exhibit, s.value, json_extract(log.body, {_PATHS})
        FROM (SELECT * FROM replays WHERE subject_id=:subject AND (:search IS NULL OR search_id=:search)
              ORDER BY first_seq DESC LIMIT :newest) r
        JOIN log ON log.seq = r.seq LEFT JOIN scores s ON s.replay_id = r.id AND s.name = :score
        ORDER BY r.first_seq""", {"subject": subject_id, "search": search_id, "score": score, "newest": newest})
    return [_try(*row) for row in rows]


def _try(replay_id: str, search_id: str, exhibit: int, value: float | None, told: str) -> Try:
    """Of texts that thousands of tries have in common one is kept."""
    seed, strength, noise_blob, guidance, steps, scheduler, prompt, evaluations, elapsed_s = read(told)
    return Try(replay_id, sys.intern(search_id), bool(exhibit), value, seed, strength, noise_blob, float(guidance),
               steps, sys.intern(scheduler), sys.intern(prompt), evaluations, elapsed_s)
