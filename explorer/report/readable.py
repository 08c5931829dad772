"""Whether every record of another's log reads as what it says it is, before any screen meets it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from explorer.cases import reads
from explorer.cases.case import SearchPlan
from explorer.cases.log import LogEntry
from explorer.errors import ExplorerError
from explorer.jobs.tasks import ReplaySettings
from explorer.records import Neighbour, Subject, from_json
from explorer.report.snapshot import KINDS, fold

MOST_TEXT, MOST_NAME = 1_000_000, 1_000  # letters; a picture's name stands on every page


def check_readable(entries: Sequence[LogEntry]) -> None:
    """ExplorerError, with the entry's number, for a record whose values or key are not of its kind.

    A sound chain says only that nothing was changed since it was made, not that a person's program made it.
    """
    for entry in entries:
        try:
            _check_lengths(entry.body)
            fold("", [entry])
            if entry.kind in KINDS:
                _check(entry)
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise ExplorerError(f"The package was not imported. Entry {entry.seq} of its log ({entry.kind[:40]}) "
                                f"does not read as what it says it is: {str(error)[:120]}. Ask the sender for a "
                                "package that this program exported.") from error


def _check_lengths(value: Any) -> None:
    """ValueError for a text so long that no record of this program holds it."""
    if isinstance(value, str) and len(value) > MOST_TEXT:
        raise ValueError(f"a text in it has {len(value):,} letters")
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ():
        _check_lengths(inner)


def _check(entry: LogEntry) -> None:
    """What the type alone does not say: a name's length, a neighbour's key, the settings that a plan holds."""
    record = from_json(KINDS[entry.kind], entry.body["data"])
    if isinstance(record, Subject) and len(record.name) > MOST_NAME:
        raise ValueError(f"the picture's name has {len(record.name):,} letters")
    if isinstance(record, Neighbour) and entry.body["key"] != reads.natural_key(record):
        raise ValueError("its key is another's")
    if isinstance(record, SearchPlan):
        from_json(ReplaySettings, record.settings)
