"""The log: entries chained by SHA-256 over RFC 8785 JSON.

`hash` of an entry covers its number, time, kind, actor, job, body and the hash before it. Changing,
dropping, adding or reordering an entry breaks the chain at a place that `check_chain` names. Rebuilding
the whole chain does not: that shows only against a head kept elsewhere (a printed report, a time stamp).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from explorer.records.canonical import canonical, digest
from explorer.texts import say

GENESIS = "0" * 64
HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class LogEntry:
    """One event of a case. `time` is UTC, ISO 8601; `body` is plain JSON."""

    seq: int  # from 1, without gaps
    time: str
    kind: str
    actor: str
    job: str
    body: dict[str, Any]
    prev: str
    hash: str


@dataclass(frozen=True)
class ChainFault:
    """Where a chain does not hold: `seq` is the number of the first entry that does not fit."""

    seq: int
    what: str


def entry_hash(**fields: Any) -> str:
    """SHA-256 (hex) over the canonical JSON of an entry's fields, all but its hash."""
    return digest(fields)


def check_chain(entries: Iterable[LogEntry]) -> tuple[ChainFault, ...]:
    """Every place where the chain does not hold; empty when it is consistent in itself."""
    faults: list[ChainFault] = []
    prev, expected = GENESIS, 1
    for entry in entries:
        if entry.seq != expected:
            faults.append(ChainFault(entry.seq, say("note.cases.entry_should_stand", entry=expected)))
        elif entry.prev != prev:
            faults.append(ChainFault(entry.seq, say("note.cases.entry_not_follow", entry=entry.seq)))
        if hash_of(entry) != entry.hash:
            faults.append(ChainFault(entry.seq, say("note.cases.entry_changed", entry=entry.seq, kind=entry.kind)))
        prev, expected = entry.hash, entry.seq + 1
    return tuple(faults)


def line_of(entry: LogEntry) -> bytes:
    """The entry as one line of canonical JSON, as packages carry it."""
    return canonical(vars(entry))


def hash_of(entry: LogEntry) -> str:
    """The hash that the entry's content gives."""
    return entry_hash(**{name: value for name, value in vars(entry).items() if name != "hash"})
