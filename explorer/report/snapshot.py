"""A case as it stood at one entry of its log: what a report is a function of.

Everything is folded from the log itself, entry by entry up to the head, and never read from the case's
newer tables: the same head gives the same report, whatever was added since.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from explorer import records
from explorer.cases.case import Case, Environment, SearchPlan
from explorer.cases.log import ChainFault, LogEntry, check_chain
from explorer.closeness.start_code import StartBill
from explorer.errors import ExplorerError
from explorer.findings.finding import ControlResults, Finding, Measured
from explorer.records import from_json
from explorer.records.race_records import RaceRound, RaceSetup

KINDS: dict[str, type] = {k.__name__: k for k in (
    records.Subject, records.Neighbour, records.PromptCandidate, records.SearchSummary, SearchPlan,
    Environment, ControlResults, Finding, Measured, RaceRound, RaceSetup, StartBill)}


@dataclass(frozen=True)
class Snapshot:
    """What a case held at `head` = (number, hash) of a log entry; `time` is that entry's."""

    case_id: str
    head: tuple[int, str]
    time: str
    facts: dict[str, str]
    subjects: tuple[records.Subject, ...]
    replays: tuple[records.Replay, ...]  # in the order they were first made
    held: dict[str, dict[str, Any]] = field(default_factory=dict)  # kind -> key -> record
    choices: dict[str, Any] = field(default_factory=dict)
    kinds: dict[str, int] = field(default_factory=dict)  # log entries by kind
    began: dict[str, tuple[int, str]] = field(default_factory=dict)  # search -> (entry, time) of its plan
    first_replay: dict[str, int] = field(default_factory=dict)  # search -> entry of its first replay
    faults: tuple[ChainFault, ...] = ()

    def of(self, kind: type, subject_id: str | None = None) -> list[Any]:
        """Records of a type, oldest first; of one subject if given."""
        found = self.held.get(kind.__name__, {}).values()
        return [r for r in found if subject_id is None or getattr(r, "subject_id", None) == subject_id]

    def replays_of(self, subject_id: str) -> list[records.Replay]:
        """A subject's replays in the order they were made."""
        return [r for r in self.replays if r.subject_id == subject_id]


def snapshot(case: Case, *, head: int | str | None = None) -> Snapshot:
    """The case at a log entry, named by its number or its hash; the newest without one.

    ExplorerError if the log has no such entry.
    """
    return fold(case.id, _until(case.log(), head))


def fold(case_id: str, entries: list[LogEntry]) -> Snapshot:
    """The snapshot that these entries, from the first on, add up to."""
    facts: dict[str, str] = {}
    held: dict[str, dict[str, Any]] = {}
    replays: dict[str, records.Replay] = {}
    choices: dict[str, Any] = {}
    kinds: dict[str, int] = {}
    began: dict[str, tuple[int, str]] = {}
    first: dict[str, int] = {}
    for entry in entries:
        kinds[entry.kind] = kinds.get(entry.kind, 0) + 1
        body = entry.body
        if entry.kind in ("case", "case created"):
            facts.update({k: str(v) for k, v in body.items()})
        elif entry.kind == "choice":
            choices[body["key"]] = body["value"]
        elif entry.kind in ("Replay", "Exhibit"):
            replay = _replay(body["data"])
            replays[replay.id] = replay
            first.setdefault(replay.search_id, entry.seq)
        elif entry.kind in KINDS:
            record = from_json(KINDS[entry.kind], body["data"])
            held.setdefault(entry.kind, {})[body["key"]] = record
            if isinstance(record, SearchPlan):
                began.setdefault(record.id, (entry.seq, entry.time))
    last = entries[-1]
    return Snapshot(case_id=case_id, head=(last.seq, last.hash), time=last.time, facts=facts,
                    subjects=tuple(held.pop("Subject", {}).values()), replays=tuple(replays.values()),
                    held=held, choices=choices, kinds=kinds, began=began, first_replay=first,
                    faults=check_chain(entries))


def _until(entries: Iterable[LogEntry], head: int | str | None) -> list[LogEntry]:
    found = list(entries)
    if head is None and found:
        return found
    for i, entry in enumerate(found):
        if head in (entry.seq, entry.hash):
            return found[:i + 1]
    raise ExplorerError("report.snapshot_case_log_no", head=head, found_count=len(found))


def _replay(data: dict[str, Any]) -> records.Replay:
    values = {k: float(v) for k, v in data["closeness"].items()}  # whole numbers lost their point in JSON
    return from_json(records.Replay, {**data, "closeness": values})
