"""Whether every record of another's log reads as what it says it is, before any screen meets it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from explorer.cases import log_index
from explorer.cases.log import LogEntry
from explorer.cases.view import natural_key
from explorer.closeness.start_code import StartBill
from explorer.errors import ExplorerError
from explorer.familiarity.records import BodyTest, FamiliarityTest, KnownControls
from explorer.findings.calibration import Calibration
from explorer.findings.finding import ControlResults, Finding, Measured
from explorer.records import (
    Environment,
    Neighbour,
    PromptCandidate,
    Replay,
    ReplaySettings,
    SearchPlan,
    SearchSummary,
    Subject,
    from_json,
)
from explorer.records.race_records import RaceRound, RaceSetup
from explorer.records.words_records import WordsFound

KINDS = {kind.__name__: kind for kind in (
    Subject, Neighbour, PromptCandidate, Replay, SearchSummary, SearchPlan, Environment, ControlResults, Finding,
    Measured, Calibration, RaceRound, RaceSetup, StartBill, WordsFound, FamiliarityTest, KnownControls,
    BodyTest)} | {log_index.EXHIBIT: Replay}

MOST_TEXT, MOST_NAME = 1_000_000, 1_000  # letters; a picture's name stands on every page


def check_readable(entries: Sequence[LogEntry]) -> None:
    """ExplorerError, with the entry's number, for a record whose values or key are not of its kind.

    A sound chain says only that nothing was changed since it was made, not that a person's program made it.
    """
    for entry in entries:
        try:
            _check_lengths(entry.body)
            _check(entry)
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise ExplorerError("report.readable_package_not_imported", seq=entry.seq, entry_kind=entry.kind[:40],
                                error=str(error)[:120]) from error


def _check_lengths(value: Any) -> None:
    """ValueError for a text so long that no record of this program holds it."""
    if isinstance(value, str) and len(value) > MOST_TEXT:
        raise ValueError(f"a text in it has {len(value):,} letters")
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ():
        _check_lengths(inner)


def _check(entry: LogEntry) -> None:
    """Its type, and what that does not say: a choice's parts, a name's length, a neighbour's key, a plan."""
    if entry.kind == log_index.CHOICE and not {"key", "value"} <= entry.body.keys():
        raise ValueError("it names no choice")
    if entry.kind not in KINDS:
        return
    record, key = from_json(KINDS[entry.kind], entry.body["data"]), entry.body["key"]
    if isinstance(record, Subject) and len(record.name) > MOST_NAME:
        raise ValueError(f"the picture's name has {len(record.name):,} letters")
    if isinstance(record, Neighbour) and key != natural_key(record):
        raise ValueError("its key is another's")
    if isinstance(record, SearchPlan):
        from_json(ReplaySettings, record.settings)
