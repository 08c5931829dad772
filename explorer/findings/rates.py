"""Measured error rates, read from the stored benchmark result and from nowhere else."""

from __future__ import annotations

import json
from pathlib import Path

from explorer.findings.finding import ErrorRate
from explorer.jobs.policy import Policy

FILE = "findings.json"  # beside the world's manifest: the last result of the findings benchmark
RULES = {0.01: ("flagged_at_1", "p at most 0.01"), 0.05: ("flagged_at_5", "p at most 0.05")}
GROUPS = {"held_out": "held-out works", "strangers": "works by creators that nothing here was trained on"}


def stored_rate(world: Path, policy: Policy, *, model_fingerprint: str, level: float = 0.05) -> ErrorRate | None:
    """How often `level` flagged works that were not in training, under `policy` on the world at `world`.

    Of held-out works and strangers the one with the higher upper limit. None for another model, another
    policy, or a file that is missing or damaged: no rate is better than a wrong one.
    """
    key, words = RULES[level]
    try:
        stored = json.loads((world / FILE).read_text("utf-8"))
        if stored["model_fingerprint"] != model_fingerprint:
            return None
        found = stored["flagged"][policy.id][key]
        worse = max(GROUPS, key=lambda group: float(found[group]["high"]))
        part = found[worse]
        return ErrorRate(
            rule=words, share=float(part["share"]), low=float(part["low"]), high=float(part["high"]),
            cases=int(part["works"]), measured_on=f"{GROUPS[worse]} of the bundled world",
            model_fingerprint=model_fingerprint, date=str(stored["date"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
