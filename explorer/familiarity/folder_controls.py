"""Controls of familiarity from a folder's works, as the measured test makes them from its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from explorer.errors import ExplorerError
from explorer.familiarity.familiarity_plan import Plan
from explorer.familiarity.records import KnownControls
from explorer.findings.controls import Line
from explorer.records import ModelRef

FEWEST = 10


def gather(lines: Sequence[Line], plan: Plan, *, source: str, name: str, model: ModelRef) -> KnownControls:
    """Controls from works that are done, ranked by familiarity itself; ExplorerError for fewer than ten."""
    if len(lines) < FEWEST:
        raise ExplorerError("familiarity.few_controls", count=len(lines))
    names = tuple(line.name for line in lines)
    return KnownControls(name, source, model.fingerprint, plan.id, names, tuple(map(artist_of, names)),
                         tuple(line.value for line in lines), tuple(line.features for line in lines))


def artist_of(name: str) -> str:
    """The folder that a control lies in; a control that lies in none stands for an artist of its own."""
    parts = PurePosixPath(name).parts
    return parts[0] if len(parts) > 1 else name
