"""What a model is called on the screens, short enough for one line."""

from __future__ import annotations

from explorer.diffusion.known import KNOWN
from explorer.records import ModelInfo, ModelRef
from explorer.settings import BUNDLED
from pages.shared.texts import say

WORLD = "world"
LONGEST = 40


def short(source: str, info: ModelInfo | None = None) -> str:
    """The bundled or a known model's name, else what it says it is, else the last part of where it is from."""
    if source in BUNDLED:
        return say(f"chip.{source}")
    base, *more = source.split(" + ")
    listed = next((m.name for m in KNOWN if m.id == base.partition("@")[0]), "")
    told = listed or (info.name if info else "") or base.rstrip("/\\")
    name = told.replace("\\", "/").rsplit("/", 1)[-1]
    name = f"{name} + {len(more)}" if more and (listed or not info) else name
    return name if len(name) <= LONGEST else f"{name[:LONGEST - 1]}…"


def of(model: ModelRef) -> str:
    """The model of a replay or a test, as its recipe names it."""
    return short(model.source)
