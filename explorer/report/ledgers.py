"""The ledgers of a case's replays as it stood at one entry of its log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from explorer.cases.case import SearchPlan
from explorer.closeness.ledger import total_bits
from explorer.closeness.start_code import StartBill
from explorer.findings.case_ledger import case_bill
from explorer.findings.plane import PlanePoint
from explorer.records import LedgerEntry, PromptCandidate, Replay, SearchSummary, Subject
from explorer.report.snapshot import Snapshot

Blob = Callable[[str], bytes]


def ledger_of(found: Snapshot, replay: Replay, blob: Blob) -> tuple[LedgerEntry, ...]:
    """The bits supplied for a replay: as its search recorded them for it, else counted here."""
    for summary in found.of(SearchSummary, replay.subject_id):
        if summary.best_replay_id == replay.id and summary.ledger:
            return summary.ledger
    return case_bill(_Held(found, blob), replay)


@dataclass(frozen=True)
class _Held:
    """A snapshot as the ledger reads it."""

    found: Snapshot
    read: Blob

    def record(self, kind: type, key: str) -> object:
        return self.found.held.get(kind.__name__, {}).get(key)

    def replay(self, replay_id: str) -> Replay:
        return next(r for r in self.found.replays if r.id == replay_id)

    def blob(self, name: str) -> bytes:
        return self.read(name)

    def prompts(self, subject_id: str) -> list[PromptCandidate]:
        return self.found.of(PromptCandidate, subject_id)

    def replays(self, subject_id: str, *, search_id: str, order_by: str, limit: int) -> list[Replay]:
        made = [r for r in self.found.replays_of(subject_id) if r.search_id == search_id]
        return made if limit < 0 else made[:limit]


def points_of(found: Snapshot, subject: Subject, blob: Blob, score: str) -> list[PlanePoint]:
    """Replays on the plane; one bill a kind of recipe, as only the start and the strength change it."""
    bills: dict[tuple, float] = {}
    points = []
    closer = {p.id for p in found.of(SearchPlan, subject.id) if p.settings.get("mode") == "closer"}
    own = {b.id for b in found.of(StartBill, subject.id)}
    own |= {r.id for r in found.replays_of(subject.id) if r.search_id in closer}  # each round costs more
    for replay in found.replays_of(subject.id):
        if score not in replay.closeness:
            continue
        key = (replay.search_id, replay.recipe.prompt, replay.recipe.start_sha256, replay.recipe.noise_blob,
               replay.id if replay.id in own else "")
        if key not in bills:
            bills[key] = total_bits(ledger_of(found, replay, blob))
        group = "noise" if replay.recipe.start_sha256 is None else "subject"
        points.append(PlanePoint(bills[key], replay.closeness[score], replay.id, group))
    return points
