"""What a case says of work for counsel only: the one number, and whether there is any; see counsel.py."""

from __future__ import annotations

from dataclasses import dataclass

from explorer.cases.store import CaseStore
from explorer.cases.view import CaseView
from explorer.texts import say

TOLD = "counsel_told"  # the choice by which a case says that a counsel-only one exists


@dataclass(frozen=True)
class LooksCounted:
    """How often a subject's picture was looked at, over all cases of its owner, when the case was handed out."""

    id: str  # the subject's
    looks: int


def counsel_cases(store: CaseStore) -> list[str]:
    """Ids of the counsel-only cases that this person may open."""
    return [row.id for row in store.list(archived=None) if row.counsel_only and not row.problem]


def looks_lines(view: CaseView) -> list[str]:
    """What a case says of looks, and, where its owner chose so, that there is work for counsel only."""
    names = {s.id: s.name for s in view.subjects()}
    lines = [say("counsel_said.looks", name=names[one.id], n=one.looks)
             for one in view.records(LooksCounted) if one.id in names]
    return [*lines, say("counsel_said.exists")] if view.get(TOLD) else lines
