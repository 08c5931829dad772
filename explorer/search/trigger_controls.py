"""How close works that the bundled model never saw came in a search for words, for a look beside a subject's."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from explorer.records import from_json
from explorer.records.canonical import digest
from explorer.search.trigger_plan import PLAN, TriggerPlan
from explorer.settings import WORLD

FILE = "trigger.json"  # beside the world's manifest, written by the benchmark of this search


@dataclass(frozen=True)
class WordsControls:
    """Least tiled distances of control works, a number a work, under words found and under the fitted embedding.

    Each search spent `evaluations` network evaluations in all.
    """

    model_fingerprint: str
    plan: str
    date: str
    evaluations: int
    words: tuple[float, ...]
    fitted: tuple[float, ...]


def plan_id(plan: TriggerPlan = PLAN) -> str:
    """A name for a plan, the same on every machine."""
    return digest(asdict(plan))[:16]


def words_controls(model_fingerprint: str, *, root: Path = WORLD) -> WordsControls | None:
    """The stored controls of this model under today's plan; None where there are none, or the file is damaged."""
    try:
        found = from_json(WordsControls, json.loads((root / FILE).read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return found if (found.model_fingerprint, found.plan) == (model_fingerprint, plan_id()) else None
