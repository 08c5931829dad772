"""Whether every record of another's log reads as what it says it is, before any screen meets it."""

from __future__ import annotations

from collections.abc import Sequence

from explorer.cases import reads
from explorer.cases.case import SearchPlan
from explorer.cases.log import LogEntry
from explorer.errors import ExplorerError
from explorer.jobs.tasks import ReplaySettings
from explorer.records import Neighbour, from_json
from explorer.report.snapshot import KINDS, fold


def check_readable(entries: Sequence[LogEntry]) -> None:
    """ExplorerError, with the entry's number, for a record whose values or key are not of its kind.

    A sound chain says only that nothing was changed since it was made, not that a person's program made it.
    """
    for entry in entries:
        try:
            fold("", [entry])
            if entry.kind in KINDS:
                _check(entry)
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise ExplorerError("report.readable_package_not_imported", seq=entry.seq, entry_kind=entry.kind[:40],
                                error=str(error)[:120]) from error


def _check(entry: LogEntry) -> None:
    """What the type alone does not say: a neighbour's key, the settings that a plan holds."""
    record = from_json(KINDS[entry.kind], entry.body["data"])
    if isinstance(record, Neighbour) and entry.body["key"] != reads.natural_key(record):
        raise ValueError("its key is another's")
    if isinstance(record, SearchPlan):
        from_json(ReplaySettings, record.settings)
