"""The settings of two pictures side by side: two files' claims, or a claim and a replay's own recipe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from explorer.cases.recipes_text import parameter_line
from explorer.images.metadata import Generation
from explorer.images.settings.a1111 import from_text
from explorer.records import Recipe
from explorer.records.program_samplers import sampler_key, schedule_key
from explorer.records.samplers import sampler_called

FIRST = (
    "tool",
    "version",
    "prompt",
    "negative_prompt",
    "model_name",
    "model_hash",
    "adapters",
    "sampler",
    "schedule",
    "seed",
    "steps",
    "guidance",
    "width_px",
    "height_px",
)


@dataclass(frozen=True)
class ComparedSetting:
    """One setting of two pictures, as text; "" where a picture does not say it. `agree` is about what it means:
    "Euler a" and "euler_ancestral" are one sampler.
    """

    name: str
    left: str
    right: str
    agree: bool


def claims_of(recipe: Recipe) -> Generation:
    """What a file with this recipe would claim."""
    found = from_text(parameter_line(recipe))
    if found is None:
        raise ValueError("a recipe's own line cannot be read")
    return found


def compared(left: Generation, right: Generation) -> list[ComparedSetting]:
    """Every setting that either says, the usual ones first; a field's name, or the file's own for other keys."""
    one, two = _said(left), _said(right)
    names = [n for n in FIRST if n in one or n in two]
    names += sorted(n for n in {**one, **two} if n not in FIRST)
    return [
        ComparedSetting(n, one.get(n, ""), two.get(n, ""), _meant(n, one.get(n)) == _meant(n, two.get(n)))
        for n in names
    ]


def _said(made: Generation) -> dict[str, str]:
    facts: dict[str, Any] = {"tool": made.tool} | made.facts()
    return {k: f"{v:g}" if isinstance(v, float) else str(v) for k, v in facts.items()} | made.other


def _meant(name: str, value: str | None) -> Any:
    """What a value says, whichever program's word it is."""
    if value is None:
        return None
    if name == "sampler":
        return (sampler_key(value) or "").removeprefix("k_") or sampler_called(value) or value.casefold()
    if name == "schedule":
        return schedule_key(value) or value.casefold()
    if name == "model_name":
        return value.replace("\\", "/").rpartition("/")[2].removesuffix(".safetensors").casefold()
    return value.strip()
