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
    found = [r for r in stored_groups(world, policy, level=level) if r.model_fingerprint == model_fingerprint]
    return max(found, key=lambda rate: rate.high, default=None)


def stored_groups(world: Path, policy: Policy, *, level: float) -> list[ErrorRate]:
    """The rate at `level` for each kind of unseen work; [] where none is stored."""
    key, words = RULES[level]
    try:
        stored = json.loads((world / FILE).read_text("utf-8"))
        parts = stored["flagged"][policy.id][key]
        return [ErrorRate(
            rule=words, share=float(parts[group]["share"]), low=float(parts[group]["low"]),
            high=float(parts[group]["high"]), cases=int(parts[group]["works"]),
            measured_on=f"{name} of the bundled world", model_fingerprint=str(stored["model_fingerprint"]),
            date=str(stored["date"])) for group, name in GROUPS.items()]
    except (OSError, ValueError, KeyError, TypeError):
        return []


SIGNALS = {"wen_first": "wen_first_step", "wen": "wen_all_steps", "bright_ending": "bright_ending",
           "one_step": "one_step", "clique": "carlini_cliques"}  # signal to its name in the benchmark


def signal_accuracy(world: Path, name: str, *, model_fingerprint: str) -> dict[str, float] | None:
    """AUC with its limits and TPR at 1% FPR of a signal on the world, works seen 64 and 256 times against held-out.

    With each work's own caption. None where it was not measured for this model.
    """
    try:
        stored = json.loads((world / FILE).read_text("utf-8"))
        if stored["model_fingerprint"] != model_fingerprint:
            return None
        found = stored["true_caption"]["baselines"][SIGNALS[name]]
        return {key: float(found[key]) for key in ("auc", "low", "high", "tpr_at_1_fpr")}
    except (OSError, ValueError, KeyError, TypeError):
        return None
