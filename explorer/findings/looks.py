"""Which looks at a picture came before a test of it: each may have shaped what is asked next.

Only one's own doing counts: the cases of this workspace, and packages that it exported itself and that came
back. A demonstration or the other side's package is somebody else's look, whoever opens it here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from explorer.cases.case import Case
from explorer.cases.exports import exported, own_part
from explorer.cases.store import CaseStore
from explorer.findings.finding import Measured
from explorer.records import SearchPlan, Subject, from_json

KINDS = {kind.__name__: kind for kind in (Subject, Measured, SearchPlan)}


@dataclass(frozen=True)
class Look:
    """A search of a picture; `test` is (policy, controls, prompt) where it was a measured test."""

    search_id: str
    model: str  # fingerprint; "" where no replay says it
    test: tuple[str, str, str] | None = None


def looks_at(store: CaseStore, pixels_sha256: str) -> list[Look]:
    """Every look of one's own at a picture of these pixels, in all cases, each once however often it is here."""
    found: dict[str, Look] = {}
    heads = exported(store.root, store.person)
    for row in store.list(archived=None):
        if row.problem:
            continue
        case = store.open(row.id)
        try:
            for look in _looks_of(case, _own_records(case, heads), pixels_sha256):
                if found.setdefault(look.search_id, look).test is None:
                    found[look.search_id] = look  # a test says more than its plan
        finally:
            case.close()
    return list(found.values())


def _own_records(case: Case, heads: frozenset[str]) -> dict[str, list[Any]]:
    """Subjects, tests and plans that count, by the name of their kind."""
    if not case.read_only:
        return {name: case.records(kind) for name, kind in KINDS.items()}
    told: dict[str, dict[str, Any]] = {name: {} for name in KINDS}
    for entry in own_part(case.log(), heads):
        if entry.kind in KINDS:
            told[entry.kind][entry.body["key"]] = from_json(KINDS[entry.kind], entry.body["data"])
    return {name: list(records.values()) for name, records in told.items()}


def _looks_of(case: Case, told: dict[str, list[Any]], pixels_sha256: str) -> Iterator[Look]:
    same = {s.id for s in told["Subject"] if s.pixels_sha256 == pixels_sha256}
    for test in told["Measured"]:
        if test.subject_id in same:
            model = case.replay(test.replay_id).recipe.model.fingerprint
            yield Look(test.id, model, (test.policy, test.controls_id, test.prompt))
    for plan in told["SearchPlan"]:
        if plan.subject_id in same:
            yield Look(plan.id, plan.model.fingerprint)


def earlier(looks: list[Look], test: tuple[str, str, str], *, search_id: str, model: str) -> tuple[int, int]:
    """How many of these looks were tests of this model under another policy, with other controls or, where one
    was given, another caption than `test` names, which were a look at the answer; and how many were any other
    search, of any model."""
    tested = {look.search_id: look.test for look in looks if look.test and look.model == model}
    tests = sum((*given[:2], given[2] if test[2] else "") != test for given in tested.values())
    return tests, sum(look.search_id not in tested and look.search_id != search_id for look in looks)
