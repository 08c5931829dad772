"""What a command prints for a machine holds everything that was found, however many there are."""

from __future__ import annotations

import dataclasses

import pytest

from explorer.cases.case import Case
from explorer.cases.export import export_case
from explorer.cases.verify import verify_package
from explorer.commands import findings_command, investigate_command
from explorer.commands.package_command import LINES, told
from explorer.findings.finding import ControlResults, Measured
from explorer.records import Effort, to_json
from tests.cases.made import make_subject, rebuild
from tests.pages.filled import fill, neighbour


@pytest.fixture
def case(tmp_path) -> Case:
    made, _ = fill(tmp_path / "home", replays=4)
    return made


@pytest.mark.parametrize("works", [2, 21, 64])
def test_a_portfolio_is_printed_whole(case, works):
    case.commit(ControlResults("c", "sixty pictures", "f" * 64, "tiled_l2", Effort(16, 384),
                               tuple(map(str, range(60))), tuple(0.4 + n / 1000 for n in range(60))))
    for n in range(works):
        case.commit(make_subject(id=f"w{n}", name=f"{n}.png", sha256=f"{n:064x}"))
        case.commit(Measured(f"m{n}", f"w{n}", "p", "a door", 0.3 + n / 1000, "", Effort(16, 384), {}, "c"))
    printed = findings_command._ranking(case)["works"]
    assert [row["rank"] for row in printed] == list(range(1, works + 1))
    assert {row["name"] for row in printed} == {f"{n}.png" for n in range(works)}


@pytest.mark.parametrize("works", [1, 6, 24])
def test_every_nearest_work_is_printed(case, works):
    subject = case.subjects()[0]
    there = len(case.neighbours(subject.id))
    for n in range(works):
        case.commit(neighbour(subject.id, there + n + 1))
    search = case.searches(subject.id)[0].id
    assert len(investigate_command._result(case, subject.id, search)["nearest"]) == there + works


def test_every_entry_that_does_not_fit_is_printed_and_a_person_is_told_how_many(case, tmp_path):
    for n in range(60):
        case.note("look", {"n": n})
    export_case(case, tmp_path / "good.zip")

    def forge(entries):
        return [dataclasses.replace(e, time="2030-01-01T00:00:00.000Z") if e.kind == "look" else e for e in entries]

    report = verify_package(rebuild(tmp_path / "good.zip", tmp_path / "forged.zip", forge))
    faults = [c for c in report.checks if c.name == "log"]
    assert len(faults) == 60 and {c.state for c in faults} == {"fails"}
    lines = told(to_json(report))
    assert len(lines) == LINES + 2 and f"{len(report.checks) - LINES} more" in lines[LINES]


def test_every_file_that_does_not_fit_is_named(case, tmp_path):
    export_case(case, tmp_path / "good.zip")
    target = rebuild(tmp_path / "good.zip", tmp_path / "more.zip",
                     forge_files=lambda files: files.update({f"data/more{n}.txt": b"more" for n in range(9)}))
    failed = next(c for c in verify_package(target).checks if c.state == "fails")
    assert failed.names == tuple(f"data/more{n}.txt" for n in range(9)) and "and 4 more" in failed.what
