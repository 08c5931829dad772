"""The settings that a file claims, in our names, whichever program wrote them."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from typing import Any

MAX_TEXT = 65_536  # characters of a prompt that are kept
MAX_VALUE = 4096  # characters of any other value
MAX_KEYS = 200
_WHOLE = re.compile(r"\s*(-?\d{1,20})(?:\.0+)?\s*")
_NUMBER = re.compile(r"\s*(-?\d{1,25}(?:\.\d{1,20})?(?:[eE][+-]?\d{1,3})?)\s*")
_SIZE = re.compile(r"\D{0,2}(\d{1,5})\s*[x×*,]\s*(\d{1,5})\D{0,2}")


@dataclass(frozen=True)
class AdapterClaim:
    """A LoRA or textual inversion that a file names; `text_weight` is the text encoder's, where it differs."""

    name: str
    kind: str = "lora"  # "lora" | "textual-inversion" | "hypernetwork"
    weight: float | None = None
    text_weight: float | None = None
    hash: str = ""


@dataclass(frozen=True)
class Generation:
    """Settings of one sampling pass as a generator wrote them; None where it wrote nothing readable."""

    tool: str  # "AUTOMATIC1111", "Forge", "SD.Next", "ComfyUI", "InvokeAI", "NovelAI", "Fooocus", …, "Unknown"
    prompt: str = ""
    negative_prompt: str = ""
    sampler: str = ""
    schedule: str = ""  # the noise levels' spacing, as the program calls it
    seed: int | None = None
    steps: int | None = None
    guidance: float | None = None
    width_px: int | None = None
    height_px: int | None = None
    strength: float | None = None
    start_image: bool | None = None  # whether the pass began from a picture; None where the file leaves it open
    first_step: int | None = None  # of the pass's own steps, from 0
    last_step: int | None = None
    added_noise: bool = True
    subseed: int | None = None
    subseed_strength: float | None = None
    resized_from: tuple[int, ...] = ()  # (width, height) in px of the noise that was laid into this size
    clip_skip: int | None = None  # layers counted from the last, which is 1
    eta: float | None = None
    seed_delta: int | None = None  # added to the seed for the steps' noise
    noise: str = ""  # where the noise was drawn: "CPU" | "GPU" | "NV"
    emphasis: str = ""  # how weighted words are brought back to size
    rescale: float | None = None  # of guidance, Lin et al. 2023
    distilled_guidance: float | None = None
    batch_size: int | None = None
    version: str = ""
    model_name: str = ""
    model_hash: str = ""
    adapters: tuple[AdapterClaim, ...] = ()
    named: tuple[str, ...] = ()  # what the reader met that no replay repeats, or could not decide: sentences
    other: dict[str, str] = field(default_factory=dict)

    def facts(self) -> dict[str, object]:
        """What was written, by field; without the tool, `named` and `other`."""
        idle = {"start_image": False, "added_noise": True}
        told = {k: v for k, v in vars(self).items() if v not in (None, "", {}, ()) and (
            k not in ("tool", "other", "named")) and not (k in idle and v is idle[k])}
        if self.adapters:
            told["adapters"] = ", ".join(a.name + ("" if a.weight is None else f" ({a.weight:g})")
                                         for a in self.adapters)
        if self.resized_from:
            told["resized_from"] = "×".join(map(str, self.resized_from))
        return told


def text_of(value: Any, limit: int = MAX_VALUE) -> str:
    """A JSON value as text; containers as JSON, cut at `limit` characters."""
    if isinstance(value, str):
        return value[:limit]
    if isinstance(value, (dict, list)):
        try:
            return json.dumps(value, ensure_ascii=False, default=str)[:limit]
        except (ValueError, RecursionError):
            return "(nested too deep)"
    return str(value)[:limit]


def whole(value: Any) -> int | None:
    """The whole number that a value states, at most 20 digits; None if it states none."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int):
        return value if abs(value) < 10**20 else None
    if isinstance(value, float):
        return int(value) if math.isfinite(value) and value.is_integer() and abs(value) < 10**20 else None
    match = _WHOLE.fullmatch(value) if isinstance(value, str) else None
    return int(match[1]) if match else None


def number(value: Any) -> float | None:
    """The finite number that a value states; None if it states none."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, (int, float)):
        return float(value) if abs(value) < 1e25 and math.isfinite(value) else None
    match = _NUMBER.fullmatch(value) if isinstance(value, str) else None
    return float(match[1]) if match else None


def size(value: Any) -> tuple[int, int] | None:
    """(width, height) that "512x768", "(512, 768)" or [512, 768] states; None if it states none."""
    if isinstance(value, (list, tuple)) and len(value) == 2:
        width, height = (whole(v) for v in value)
        return (width, height) if width and height and 0 < width < 10**5 and 0 < height < 10**5 else None
    match = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    return (int(match[1]), int(match[2])) if match else None


def others(values: dict[str, Any]) -> dict[str, str]:
    """What no field holds, as text by the file's own names; at most MAX_KEYS of them, the rest counted.

    A key without any value (null, "", an empty list) says nothing and is left out.
    """
    full = {k: v for k, v in values.items() if v is not None and v not in ("", [], {})}
    kept = {str(k)[:200]: text_of(v) for k, v in list(full.items())[:MAX_KEYS]}
    if len(full) > MAX_KEYS:
        kept["further settings"] = str(len(full) - MAX_KEYS)
    return kept


class Taken:
    """A program's settings, taken out one by one; what is never taken is left, so that nothing is lost.

    A value that does not read as the number that its name promises stays where it is.
    """

    def __init__(self, values: dict[str, Any]) -> None:
        self.left = dict(values)

    def _first(self, names: tuple[str, ...], read: Any) -> Any:
        for name in names:
            if name in self.left and self.left[name] is not None:
                value = read(self.left[name])
                if value is not None:
                    del self.left[name]
                    return value
        return None

    def whole(self, *names: str) -> int | None:
        return self._first(names, whole)

    def number(self, *names: str) -> float | None:
        return self._first(names, number)

    def size(self, *names: str) -> tuple[int, int] | None:
        return self._first(names, size)

    def text(self, *names: str, limit: int = MAX_VALUE) -> str:
        """The first text; "" where there is none."""
        return (self._first(names, lambda v: v if isinstance(v, str) else None) or "")[:limit]

    def any(self, *names: str) -> Any:
        return self._first(names, lambda v: v)
