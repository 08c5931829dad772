"""The works of a case side by side: how far each has got and how close its replays came."""

from __future__ import annotations

from dataclasses import dataclass

from explorer.cases.view import CaseView
from explorer.findings.series import closest
from explorer.records import Replay, Subject
from explorer.records.scores import sort_key


@dataclass(frozen=True)
class WorkRow:
    """One work: `closest` is its closest replay from plain noise, `given` the closest given more."""

    subject: Subject
    tries: int
    closest: Replay | None = None
    given: Replay | None = None

    def value(self, score: str) -> float | None:
        """The closest replay's score; None before there is one."""
        return self.closest.closeness.get(score) if self.closest else None


def works_of(case: CaseView, *, score: str = "tiled_l2") -> list[WorkRow]:
    """Every work of the case, the one that came closest from plain noise first, those not tried last.

    An order for the eye and not a ranking of evidence: works differ in how easily anything comes close to
    them, and only controls put through the same effort say by how much.
    """
    rows = [_row(case, subject, score) for subject in case.subjects()]
    closest_first = sort_key(score)
    tried = [r for r in rows if r.value(score) is not None]
    return sorted(tried, key=lambda r: closest_first(r.value(score))) + [r for r in rows if r.value(score) is None]


def _row(case: CaseView, subject: Subject, score: str) -> WorkRow:
    tries = case.count_replays(subject.id)
    found = closest(case, subject, score)
    return WorkRow(subject, tries, found.noise, found.given)
