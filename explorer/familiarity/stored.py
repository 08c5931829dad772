"""What was derived for the bundled world: controls by plan, thresholds of the signs, excesses of works seen once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from explorer.familiarity.plan import Plan
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


def thresholds(root: Path, *, model_fingerprint: str) -> dict[str, float]:
    """Below which each sign speaks for a picture that the model made; {} for a model on which none were measured."""
    found = stored(root)
    if found.get("model_fingerprint") != model_fingerprint:
        return {}
    return {str(name): float(value) for name, value in found.get("made_by", {}).items()}


def seen_excesses(root: Path, plan: Plan, *, model_fingerprint: str) -> dict[str, tuple[float, ...]]:
    """Excesses of works of the tuning group that the model saw, by copies; {} for another model."""
    found = stored(root)
    if found.get("model_fingerprint") != model_fingerprint:
        return {}
    return {n: tuple(map(float, values)) for n, values in found.get("seen", {}).get(plan.id, {}).items()}
