"""A package whose chain is sound and whose records are not is refused before any screen meets it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from explorer.cases.case import Case
from explorer.cases.export import export_case
from explorer.cases.importing import import_package
from explorer.cases.log import GENESIS, LogEntry, entry_hash
from explorer.cases.store import CaseStore
from explorer.cases.verify import verify_package
from explorer.errors import ExplorerError
from explorer.report.readable import check_readable
from tests.cases.made import rebuild
from tests.pages.filled import fill


@pytest.fixture
def case(tmp_path: Path) -> Case:
    made, _ = fill(tmp_path / "home", replays=4)
    return made


def chained(entries: list[LogEntry]) -> list[LogEntry]:
    """The same entries with a chain made anew, as somebody could who writes a package by hand."""
    found, prev = [], GENESIS
    for e in entries:
        mark = entry_hash(seq=e.seq, time=e.time, kind=e.kind, actor=e.actor, job=e.job, body=e.body, prev=prev)
        found.append(dataclasses.replace(e, prev=prev, hash=mark))
        prev = mark
    return found


def put(kind: str, key: str, value: object, *, of: str = "data"):
    """Changes one value of the first entry of a kind, and makes the chain fit."""
    def forge(entries: list[LogEntry]) -> list[LogEntry]:
        at = next(i for i, e in enumerate(entries) if e.kind == kind)
        body = entries[at].body
        changed = {**body, of: {**body[of], key: value}} if of else {**body, key: value}
        return chained([*entries[:at], dataclasses.replace(entries[at], body=changed), *entries[at + 1:]])
    return forge


def test_what_this_program_wrote_is_readable(case):
    check_readable(case.log())


@pytest.mark.parametrize("forge", [
    put("Neighbour", "creator", 5), put("Neighbour", "similarity", "0.9"),
    put("Neighbour", "key", "s/world/x", of=""),
    put("PromptCandidate", "terms", {"a": 1}), put("PromptCandidate", "text", None),
    put("SearchPlan", "settings", {"prompt": ["x"]}), put("SearchPlan", "settings", "x"),
    put("SearchSummary", "effort", []), put("Subject", "notes", "one text"),
])
def test_records_of_another_shape_are_refused_with_their_entry(case, tmp_path, forge):
    export_case(case, tmp_path / "good.zip")
    package = rebuild(tmp_path / "good.zip", tmp_path / "forged.zip", forge)
    store = CaseStore(tmp_path / "theirs")
    with pytest.raises(ExplorerError, match=r"Entry \d+ of its log|was not imported"):
        import_package(store, package, check=check_readable)
    assert store.list() == []


def test_such_a_package_is_consistent_and_only_the_check_refuses_it(case, tmp_path):
    export_case(case, tmp_path / "good.zip")
    package = rebuild(tmp_path / "good.zip", tmp_path / "forged.zip", put("Neighbour", "creator", 5))
    assert verify_package(package).state == "consistent"
