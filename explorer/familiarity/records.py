"""What goes on record of a test of familiarity, and the controls that it is ranked among."""

from __future__ import annotations

from dataclasses import dataclass, field

from explorer.findings.expectation import Expectation
from explorer.findings.finding import Finding
from explorer.records import ModelRef


@dataclass(frozen=True)
class KnownControls:
    """Works that the model cannot have seen, each put through one plan; `values` rise with familiarity.

    `artists` names each work's artist; works whose artist is not known stand for one each.
    """

    id: str
    source: str  # "world" or the folder's name, in words
    model_fingerprint: str
    plan: str
    names: tuple[str, ...]
    artists: tuple[str, ...]
    values: tuple[float, ...]
    features: tuple[dict[str, float], ...] = ()
    expectation: Expectation | None = None  # fitted on tuning works, never on these


@dataclass(frozen=True)
class MadeBy:
    """Whether a picture may have been made by the model under test, and by which signs.

    `signs` are of "metadata", "replay", "round_trip"; `values` what was measured, with the thresholds.
    """

    likely: bool
    signs: tuple[str, ...] = ()
    values: dict[str, float] = field(default_factory=dict)
    measured: bool = True  # False: no thresholds are known for this model, so the picture's own signs say nothing


@dataclass(frozen=True)
class FamiliarityTest:
    """One subject's test of familiarity with its finding; under its search's id."""

    id: str
    subject_id: str
    model: ModelRef
    plan: str
    words: str  # "caption" | "recovered" | "fitted"
    prompts: tuple[str, ...]
    prompt: str  # the one that lowered the error most
    value: float
    ratio: float  # errors with these words over errors without, the mean over times
    evaluations: int
    features: dict[str, float]
    controls_id: str
    finding: Finding
    made_by: MadeBy
    earlier_tests: int = 0  # of one's own, with other words, controls or times
    earlier_searches: int = 0


@dataclass(frozen=True)
class BodyTest:
    """A case's works tested together, by familiarity or by the measured test."""

    id: str
    of: str  # "familiarity" | "reproduction"
    subject_id: str  # "": it is about all
    subject_ids: tuple[str, ...]
    p: float
    smallest: float
    artists: int
    control_artists: int
    shared: float
    excess: float
    finding: Finding
    power: str = ""  # how often works seen once would be noticed in such a set, in words
