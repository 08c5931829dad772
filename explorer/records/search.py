"""A search over replays: its plan, what it spent, what was supplied for it, how it ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from explorer.records.recipe import ModelRef


@dataclass(frozen=True)
class LedgerEntry:
    """Bits that the person supplied from one source, under a stated code."""

    source: str  # "prompt" | "seeds" | "settings" | "starting image" | "noise" | "rounds"
    bits: float
    code: str  # one plain sentence: how the bits were counted


@dataclass(frozen=True)
class Effort:
    """What a search spent."""

    tries: int = 0
    unet_evaluations: int = 0
    elapsed_s: float = 0.0

    def plus(self, other: Effort) -> Effort:
        return Effort(self.tries + other.tries, self.unet_evaluations + other.unet_evaluations,
                      self.elapsed_s + other.elapsed_s)


@dataclass(frozen=True)
class PromptRead:
    """How a model's longest text encoder takes a prompt: in its own tokens, the marks around it left out."""

    tokens: int  # of the whole prompt
    unread: str = ""  # what stands beyond the encoder's last place; "" where all is read


@dataclass(frozen=True)
class SearchPlan:
    """What a search will do, written to the log before its first replay; a resumed search keeps to it."""

    id: str  # the search's
    subject_id: str
    settings: dict[str, Any]  # ReplaySettings as JSON, with the prompt that was taken
    model: ModelRef
    clip_fingerprint: str
    environment_sha256: str
    planned_tries: int
    read: PromptRead | None = None  # of the prompt; None: the model's text encoders do not tell
    read_negative: PromptRead | None = None


@dataclass(frozen=True)
class SearchSummary:
    """One finished or stopped search over replays for a subject."""

    id: str
    subject_id: str
    state: str  # "done" | "cancelled" | "stopped"
    primary_score: str
    best_replay_id: str
    effort: Effort
    ledger: tuple[LedgerEntry, ...]
    planned_tries: int
    ended_by: str = ""  # the stop rule that ended it: "tries" | "time" | "closeness" | "no gain"
    starters: int = 0  # seeds that a race began with; 0 where every try was run to its end
    loss_upper: float | None = None  # upper 95% limit of the chance that the race dropped the best; None: unknown
    floor: dict[str, float] = field(default_factory=dict)  # closeness of the subject after the model's autoencoder
