"""Findings and what they rest on: records for the case store, made by closeness_finding.py, shown as they are."""

from __future__ import annotations

from dataclasses import dataclass, field

from explorer.findings.expectation import Expectation
from explorer.records import Effort
from explorer.records.json_form import LATER
from explorer.records.scores import is_better

WORLD_SOURCE = "the world's control works"  # as a source of controls, in the stored results


@dataclass(frozen=True)
class ControlResults:
    """Works stated not to be in the training set, each put through the same search as the subject.

    One work is one control. `values` are best closenesses under `score`, in the order of `names`;
    `features` the works' model-free features. Cached under `id`: model, settings and source together.
    """

    id: str
    source: str  # "world" or the folder's name, in words
    model_fingerprint: str
    score: str
    effort_each: Effort
    names: tuple[str, ...]
    values: tuple[float, ...]
    features: tuple[dict[str, float], ...] = ()
    expectation: Expectation | None = None  # fitted on tuning works, never on these
    policy: str = ""  # the Policy's id that subject and controls must share
    bits: tuple[float, ...] = ()  # supplied for each: its prompt, and the choice among the seeds
    files_sha256: str = field(default="", metadata={LATER: True})  # of their folder; "" for the world's

    def as_close(self, value: float) -> int:
        """How many controls came at least as close as `value`, before anything is taken off."""
        return sum(not is_better(self.score, value, other) for other in self.values)


@dataclass(frozen=True)
class Measured:
    """One subject's measured test: what a policy reached, with all that the ranking needs."""

    id: str  # the search's
    subject_id: str
    policy: str
    prompt: str
    value: float
    replay_id: str
    effort: Effort
    features: dict[str, float]
    controls_id: str = ""  # "" where there were none
    earlier_tests: int = 0  # of one's own, of the same picture with another policy or other controls
    earlier_searches: int = 0
    other_models: int = 0  # that the same picture was tested with before
    other_works: int = 0  # tests of other pictures before this one, in all own cases
    caption_late: bool = False  # the caption was logged after the picture had been replayed


@dataclass(frozen=True)
class AlignedReplay:
    """A replay laid over its subject before it was compared; never to be set beside unaligned scores."""

    id: str
    subject_id: str
    replay_id: str
    options: tuple[str, ...]  # of closeness/alignment.py
    done: str  # in words
    closeness: dict[str, float]
    image_sha256: str  # PNG blob of the replay as it was laid


@dataclass(frozen=True)
class ErrorRate:
    """How often a rule flagged works that were not in training, as measured: with date and fingerprint.

    Shares are of all works that were tested: one without a p-value is not flagged.

    `missed` is (copies in training, share that it did not flag of such works, upper 95% limit of that share).
    """

    rule: str
    share: float
    low: float
    high: float
    cases: int
    measured_on: str  # "the bundled world's held-out works"
    model_fingerprint: str
    date: str  # ISO 8601
    missed: tuple[tuple[int, float, float], ...] = ()
    given: int = 0  # of the cases, those to which a p-value was given; the others count as not flagged
    share_given: float = 0.0  # of those, the share that was flagged
    bank_low: float = 0.0  # what one bank of so many controls truly flags lies between these 95 times of 100
    bank_high: float = 0.0


@dataclass(frozen=True)
class Finding:
    """A statement, its numbers, its error rate and its limits. `kind` is the template's name."""

    id: str
    subject_id: str
    kind: str
    statement: str
    numbers: dict[str, float] = field(default_factory=dict)
    error_rate: str = ""
    limits: tuple[str, ...] = ()
    replay_id: str = ""  # the exhibit that it speaks of
