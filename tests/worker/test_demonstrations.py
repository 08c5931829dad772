"""The bundled model itself: an example run again gives the example's answer, and spends nobody's test."""

from __future__ import annotations

import pytest

from explorer.cases.case import Case
from explorer.cases.store import CaseStore
from explorer.findings.finding import Finding, Measured
from explorer.jobs import foreground
from explorer.jobs.flows import new_search_id
from explorer.jobs.tasks import MeasureSubject
from explorer.records.policy import Policy
from explorer.world.example_cases import Told, open_told, read
from tests.findings.test_looks import example

COMES_BACK = next(t for t in read() if t.story == "comes_back")


def brought(store: CaseStore, told: Told, *, origin: str) -> Case:
    """The story's picture with its caption in a new case, as its example or as one's own."""
    shown = open_told(store, told)
    one = shown.subjects()[0]
    case = store.create("Again")
    case.add_subject(shown.blob(one.sha256), one.name, origin=origin, caption=one.caption, work_id=one.work_id)
    return case


def measured(settings, case: Case, policy: Policy) -> tuple[Measured, Finding]:
    foreground.run(settings, MeasureSubject(case.id, case.subjects()[0].id, new_search_id(), policy))
    return case.records(Measured)[-1], case.records(Finding)[-1]


@pytest.mark.parametrize("origin", ["example", "upload"])
def test_demonstrations_and_packages_before_it_change_nothing(settings, world, origin):
    store = CaseStore(settings.cases)
    example(store)  # another run of the same example, with a test under other settings
    case = brought(store, COMES_BACK, origin=origin)
    wanted, = open_told(store, COMES_BACK).records(Finding)
    test, found = measured(settings, case, Policy("caption"))
    assert (test.earlier_tests, test.earlier_searches) == (0, 0)
    assert (found.kind, found.numbers["at_least"]) == (wanted.kind, wanted.numbers["at_least"])
    if origin == "example":
        again, exploratory = measured(settings, case, Policy("caption", seeds=64))  # chosen after a look, here too
        assert again.earlier_tests == 1 and exploratory.kind == "exploratory"
