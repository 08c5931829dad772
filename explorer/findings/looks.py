"""Which looks at a picture came before a test of it: each may have shaped what is asked next.

Only one's own doing counts: the cases of this workspace, and packages that it exported itself and that came
back. A demonstration or the other side's package is somebody else's look, whoever opens it here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from explorer.cases.case import Case
from explorer.cases.exports import exported, own_part
from explorer.cases.snapshot import Snapshot
from explorer.cases.store import CaseStore
from explorer.cases.view import CaseView
from explorer.familiarity.records import FamiliarityTest
from explorer.findings.finding import Measured


@dataclass(frozen=True)
class Look:
    """A search of a picture; `test` is (policy, controls, prompt) where it was a measured test."""

    search_id: str
    model: str  # fingerprint; "" where no replay says it
    test: tuple[str, str, str] | None = None
    known: tuple[str, str, str] | None = None  # (plan, controls, caption) of a test of familiarity


def looks_at(store: CaseStore, pixels_sha256: str) -> list[Look]:
    """Every look of one's own at a picture of these pixels, in all cases, each once however often it is here."""
    found: dict[str, Look] = {}
    heads = exported(store.root, store.person)
    for row in store.list(archived=None):
        if row.problem:
            continue
        case = store.open(row.id)
        try:
            for look in _looks_of(_own(case, heads), pixels_sha256):
                if found.setdefault(look.search_id, look).test is None:
                    found[look.search_id] = look  # a test says more than its plan
        finally:
            case.close()
    return list(found.values())


def _own(case: Case, heads: frozenset[str]) -> CaseView:
    """What of a case counts: all of an own one, and of an imported one what this workspace did."""
    return Snapshot(case.id, own_part(case.log(), heads), case.blob) if case.read_only else case


def _looks_of(case: CaseView, pixels_sha256: str) -> Iterator[Look]:
    for subject in case.subjects():
        if subject.pixels_sha256 != pixels_sha256:
            continue
        for test in case.records(Measured, subject_id=subject.id):
            model = case.replay(test.replay_id).recipe.model.fingerprint
            yield Look(test.id, model, (test.policy, test.controls_id, test.prompt))
        for known in case.records(FamiliarityTest, subject_id=subject.id):
            said = known.prompt if known.words == "caption" else ""
            yield Look(known.id, known.model.fingerprint, known=(known.plan, known.controls_id, said))
        for plan in case.plans(subject.id):
            yield Look(plan.id, plan.model.fingerprint)


def earlier(looks: list[Look], test: tuple[str, str, str], *, search_id: str, model: str) -> tuple[int, int]:
    """How many of these looks were tests of this model under another policy, with other controls or, where one
    was given, another caption than `test` names, which were a look at the answer; and how many were any other
    search, of any model."""
    tested = {look.search_id: look.test for look in looks if look.test and look.model == model}
    tests = sum((*given[:2], given[2] if test[2] else "") != test for given in tested.values())
    return tests, sum(look.search_id not in tested and look.search_id != search_id for look in looks)


def earlier_known(looks: list[Look], test: tuple[str, str, str], *, search_id: str, model: str) -> tuple[int, int]:
    """As `earlier` for a test of familiarity: those of this model that differ from it, and all other looks.

    A measured test is none of the first: the two answers are taken together by a rule that was fixed beforehand.
    """
    mine = {look.search_id: look.known for look in looks if look.known and look.model == model}
    return (sum(given != test for given in mine.values()),
            sum(look.search_id not in mine and look.search_id != search_id for look in looks))
