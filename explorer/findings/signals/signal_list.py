"""The memorisation signals by name, light enough for screens; their words stand in `texts/…/scores.toml`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from explorer.records.families import facts
from explorer.texts import say


@dataclass(frozen=True)
class SignalInfo:
    """A signal of a prompt alone (no subject, no collection): it rises with memorisation, on no fixed scale.

    `observer` is "module:Class" beside this file, made with `arguments`; "" for what `measure` itself takes from a
    run's images or from a pass of its own.
    """

    name: str
    observer: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)
    attends: bool = False  # looks at attention from picture to words, which not every family keeps apart

    @property
    def label(self) -> str:
        return say(f"signal.{self.name}.label")

    @property
    def plain(self) -> str:
        """What it measures, in one sentence."""
        return say(f"signal.{self.name}.plain")

    @property
    def blind_to(self) -> str:
        """What it cannot see."""
        return say(f"signal.{self.name}.blind_to")

    @property
    def paper(self) -> str:
        return say(f"signal.{self.name}.paper")


SIGNALS: dict[str, SignalInfo] = {s.name: s for s in (
    SignalInfo("wen_first", "wen:Wen", {"first_only": True}), SignalInfo("wen", "wen:Wen"),
    SignalInfo("bright_ending", "bright_ending:BrightEnding", attends=True),
    SignalInfo("end_attention", "bright_ending:EndAttention", attends=True),
    SignalInfo("one_step", "one_step:OneStep"), SignalInfo("curvature"), SignalInfo("clique"))}


def possible(family: str) -> tuple[str, ...]:
    """The signals that models of a family give."""
    return tuple(name for name, info in SIGNALS.items() if facts(family).attends or not info.attends)
