"""The timed replays of a workspace: one for each model, size and device that was asked for, the newest."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

from explorer.records import ModelInfo, from_json, to_json
from explorer.records.timing import Timing
from explorer.settings import Settings

FILE = "timings.json"


def keep(home: Path, timing: Timing) -> None:
    """Writes a timed replay in place of the one before it."""
    found = _read(home) | {_key(timing.fingerprint, timing.size_px, timing.asked): to_json(timing)}
    with tempfile.NamedTemporaryFile("w", dir=home, delete=False, encoding="utf-8") as draft:
        json.dump(found, draft, indent=1, sort_keys=True)
    os.replace(draft.name, home / FILE)


def timed(home: Path, *, fingerprint: str, size_px: int, device: str) -> Timing | None:
    """The timed replay of a model at a size, with the device as the settings name it; None before there is one."""
    try:
        return from_json(Timing, _read(home)[_key(fingerprint, size_px, device)])
    except (KeyError, TypeError, ValueError):
        return None


def timing_of(info: ModelInfo | None, settings: Settings) -> Timing | None:
    """The timed replay of a model at its own size on the device of the settings."""
    return None if info is None else timed(settings.home, fingerprint=info.fingerprint,
                                           size_px=info.default_size_px, device=settings.device)


def _key(fingerprint: str, size_px: int, device: str) -> str:
    return f"{fingerprint} {size_px} {device}"


def _read(home: Path) -> dict:
    try:
        found = json.loads((home / FILE).read_text("utf-8"))
        return found if isinstance(found, dict) else {}
    except (OSError, ValueError):
        return {}
