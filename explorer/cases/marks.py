"""Marks that a person puts on replays and works: choices of the case, each with its log entry.

A mark hides or names; it removes nothing: what is hidden stays in the case, its log and its packages.
"""

from __future__ import annotations

from collections.abc import Iterable

from explorer.cases.case import Case
from explorer.cases.view import CaseView

STARRED, HIDDEN = "stars", "hidden"  # of replays, by id; of works "stars/…" and "hidden/…" with the subject's id


def of_works(mark: str, subject_id: str) -> str:
    """The name of a mark on works, which belongs to one subject's list of neighbours."""
    return f"{mark}/{subject_id}"


def marked(case: CaseView, mark: str) -> tuple[str, ...]:
    """Ids that carry a mark, in the order in which they got it."""
    return tuple(case.get(mark, ()))


def put(case: Case, mark: str, ids: Iterable[str]) -> None:
    """Writes the mark on more ids; ExplorerError for a case that is read-only."""
    before = marked(case, mark)
    case.set(mark, [*before, *(i for i in dict.fromkeys(ids) if i not in before)])


def take_off(case: Case, mark: str, ids: Iterable[str]) -> None:
    """Takes the mark off these ids; ExplorerError for a case that is read-only."""
    gone = set(ids)
    case.set(mark, [i for i in marked(case, mark) if i not in gone])
