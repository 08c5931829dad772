"""Measured error rates, read from the stored benchmark result and from nowhere else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from explorer.findings.finding import ErrorRate
from explorer.records.policy import Policy
from explorer.texts import say

FILE = "findings.json"  # beside the world's manifest: the last result of the findings benchmark
RULES = {0.01: "flagged_at_1", 0.05: "flagged_at_5"}
GROUPS = ("held_out", "strangers")
SEEN = (1, 4, 16, 64, 256)  # copies in training of the works whose missed share is quoted


def stored_rate(world: Path, policy: Policy, *, model_fingerprint: str, level: float = 0.05) -> ErrorRate | None:
    """How often `level` flagged works that were not in training, under `policy` on the world at `world`.

    Of held-out works and strangers the one with the higher share. None for another model, another
    policy, or a file that is missing or damaged: no rate is better than a wrong one.
    """
    found = [r for r in stored_groups(world, policy, level=level) if r.model_fingerprint == model_fingerprint]
    return max(found, key=lambda rate: rate.share, default=None)


def stored_groups(world: Path, policy: Policy, *, level: float) -> list[ErrorRate]:
    """The rate at `level` for each kind of unseen work, with what was missed among seen ones; [] where none is."""
    key = RULES[level]
    stored = stored_result(world)
    try:
        parts = stored["flagged"][policy.id][key]
        seen = next(p["by_multiplicity"] for p in stored.values() if isinstance(p, dict)
                    and p.get("policy") == policy.id)
        bank = tuple(stored.get("bank_rate", {}).get(key, (0.0, 0.0)))
        missed = tuple((n, *(1 - float(seen[str(n)][key][of]) for of in ("share", "low"))) for n in SEEN)
        return [ErrorRate(
            rule=say(f"aside.rule_{key}"), share=float(parts[group]["share"]), low=float(parts[group]["low"]),
            high=float(parts[group]["high"]), cases=int(parts[group]["works"]),
            measured_on=say(f"aside.group_{group}"),
            model_fingerprint=str(stored["model_fingerprint"]), date=str(stored["date"]), missed=missed,
            given=int(parts[group].get("given", 0)), share_given=float(parts[group].get("share_given", 0.0)),
            bank_low=bank[0], bank_high=bank[1])
            for group in GROUPS]
    except (ValueError, KeyError, TypeError, StopIteration):
        return []


def stored_result(world: Path) -> dict[str, Any] | None:
    """The whole stored result of the findings benchmark; None where there is none."""
    try:
        return json.loads((world / FILE).read_text("utf-8"))
    except (OSError, ValueError):
        return None
