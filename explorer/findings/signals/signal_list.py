"""The memorisation signals by name, light enough for screens; their words stand in `texts/…/scores.toml`."""

from __future__ import annotations

from dataclasses import dataclass

from explorer.texts import say


@dataclass(frozen=True)
class SignalInfo:
    """A signal of a prompt alone (no subject, no collection): it rises with memorisation, on no fixed scale."""

    name: str

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


SIGNALS: dict[str, SignalInfo] = {name: SignalInfo(name) for name in (
    "wen_first", "wen", "bright_ending", "end_attention", "one_step", "curvature", "clique")}
