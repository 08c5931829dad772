"""What was derived for the bundled world: controls by plan, the signs' thresholds, excesses of works seen once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from explorer.familiarity.familiarity_plan import Plan
from explorer.familiarity.records import KnownControls
from explorer.records import from_json

FILE = "familiarity.json"  # beside the world's manifest, written by `world familiarity`


def stored(root: Path) -> dict[str, Any]:
    """The whole file of the world at `root`; {} where there is none, or a damaged one."""
    try:
        found = json.loads((root / FILE).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def world_controls(root: Path, plan: Plan, *, model_fingerprint: str) -> KnownControls | None:
    """The world's controls under a plan; None for another model or plan."""
    try:
        found = from_json(KnownControls, stored(root)["controls"][plan.id])
    except (KeyError, TypeError, ValueError):
        return None
    return found if found.model_fingerprint == model_fingerprint else None


def least_first_loss(root: Path, *, model_fingerprint: str) -> float | None:
    """Below which the autoencoder's first loss speaks for the model's own picture; None where not measured."""
    found = stored(root)
    known = found.get("model_fingerprint") == model_fingerprint and "made_by" in found
    return float(found["made_by"]["round_trip"]) if known else None


def seen_excesses(root: Path, plan: Plan, *, model_fingerprint: str) -> dict[str, tuple[float, ...]]:
    """Excesses of works of the tuning group that the model saw, by copies; {} for another model."""
    found = stored(root)
    if found.get("model_fingerprint") != model_fingerprint:
        return {}
    return {n: tuple(map(float, values)) for n, values in found.get("seen", {}).get(plan.id, {}).items()}
