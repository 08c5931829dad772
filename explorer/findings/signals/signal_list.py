"""The memorisation signals by name, light enough for screens; their words stand in `texts/…/scores.toml`."""

from __future__ import annotations

from dataclasses import dataclass

from explorer.records.families import facts
from explorer.texts import say


@dataclass(frozen=True)
class SignalInfo:
    """A signal of a prompt alone (no subject, no collection): it rises with memorisation, on no fixed scale."""

    name: str
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
    SignalInfo("wen_first"), SignalInfo("wen"), SignalInfo("bright_ending", attends=True),
    SignalInfo("end_attention", attends=True), SignalInfo("one_step"), SignalInfo("curvature"),
    SignalInfo("clique"))}


def possible(family: str) -> tuple[str, ...]:
    """The signals that models of a family give."""
    return tuple(name for name, info in SIGNALS.items() if facts(family).attends or not info.attends)
