"""A case as it stood at one entry of its log: what a report is a function of, and what a package holds.

Its tables are made anew from the entries, in order up to the head, and never read from the case's own, newer
ones: the same head gives the same report, whatever was added since.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import cache, cached_property
from typing import Any

from explorer.cases import case_tables, log_index
from explorer.cases.case import Case
from explorer.cases.log import ChainFault, LogEntry, check_chain
from explorer.cases.view import CaseView
from explorer.errors import ExplorerError
from explorer.records.canonical import read


class Snapshot(CaseView):
    """What the log `entries` of a case add up to; `blob` hands out a blob by its SHA-256."""

    def __init__(self, case_id: str, entries: Iterable[LogEntry], blob: Callable[[str], bytes]) -> None:
        self.id, self.entries, self._blob = case_id, tuple(entries), blob
        self._db = _tables(self.entries)
        self._replay_at = cache(super()._replay_at)  # nothing is ever added

    @property
    def time(self) -> str:
        """When its last entry was written."""
        return self.entries[-1].time

    def blob(self, name: str) -> bytes:
        return self._blob(name)

    def stored(self) -> dict[str, list[Any]]:
        """Kind -> every record of it as JSON, oldest first."""
        found: dict[str, list[Any]] = {}
        for kind, body in self._rows(
                "SELECT r.kind, body FROM records r JOIN log USING (seq) ORDER BY r.kind, seq"):
            found.setdefault(kind, []).append(read(body)["data"])
        return found

    def close(self) -> None:
        """Lets the tables go."""
        self._db.close()

    @cached_property
    def faults(self) -> tuple[ChainFault, ...]:
        """Where the chain of its log does not hold."""
        return check_chain(self.entries)

    @cached_property
    def kinds(self) -> Counter[str]:
        """Log entries by kind."""
        return Counter(e.kind for e in self.entries)

    @cached_property
    def began(self) -> dict[str, tuple[int, str]]:
        """Search -> number and time of the entry that holds its plan."""
        return {e.body["key"]: (e.seq, e.time) for e in reversed(self.entries) if e.kind == "SearchPlan"}

    @cached_property
    def first_replay(self) -> dict[str, int]:
        """Search -> number of the entry that holds its first replay."""
        return {e.body["data"]["search_id"]: e.seq for e in reversed(self.entries) if e.kind in log_index.REPLAYS}


def snapshot(case: Case, *, head: int | str | None = None) -> Snapshot:
    """The case at a log entry, named by its number or its hash; the newest without one.

    ExplorerError if the log has no such entry.
    """
    return Snapshot(case.id, _until(case.log(), head), case.blob)


def _until(entries: Sequence[LogEntry], head: int | str | None) -> Sequence[LogEntry]:
    if head is None and entries:
        return entries
    for place, entry in enumerate(entries, 1):
        if head in (entry.seq, entry.hash):
            return entries[:place]
    raise ExplorerError("cases.snapshot_case_log_no", head=head, entries_count=len(entries))


def _tables(entries: Iterable[LogEntry]) -> sqlite3.Connection:
    """A case's tables in memory."""
    db = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    db.row_factory = sqlite3.Row
    db.execute("BEGIN")
    case_tables.create(db)
    for entry in entries:
        log_index.enter(db, entry)
    db.execute("COMMIT")
    return db
