"""Measured error rates, read from the stored benchmark result and from nowhere else."""

from __future__ import annotations

import json
from pathlib import Path

from explorer.findings.finding import ErrorRate

FILE = "findings.json"  # beside the world's manifest: the last result of the findings benchmark
RULES = {0.01: ("flagged_at_1", "p at most 0.01"), 0.05: ("flagged_at_5", "p at most 0.05")}


def stored_rates(world: Path, *, group: str = "held_out") -> dict[float, ErrorRate]:
    """Error rates by level (0.01, 0.05) as measured on the world at `world`; {} where none is stored.

    The file holds the benchmark's keys and besides `date`, `model_fingerprint` and `cases`. A damaged
    file counts as none: no rate is better than a wrong one.
    """
    try:
        stored = json.loads((world / FILE).read_text("utf-8"))
        return {level: ErrorRate(
            rule=words, share=float(stored[key][group]["share"]), low=float(stored[key][group]["low"]),
            high=float(stored[key][group]["high"]), cases=int(stored["cases"][group]),
            measured_on="the bundled world", model_fingerprint=str(stored["model_fingerprint"]),
            date=str(stored["date"])) for level, (key, words) in RULES.items()}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
