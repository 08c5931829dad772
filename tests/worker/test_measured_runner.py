"""Measured tests and controls through the worker, on a tiny model with random weights."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from explorer.cases.snapshot import snapshot
from explorer.cases.store import CaseStore
from explorer.errors import Cancelled, ExplorerError
from explorer.findings.calibration import Calibration, quoted
from explorer.findings.case_tests import portfolio_of
from explorer.findings.controls import Line, append_line, measured_rates
from explorer.findings.features import FEATURES
from explorer.findings.finding import ControlResults, Finding, Measured
from explorer.findings.ranking import COMPLEXITY
from explorer.images.decode import png_bytes
from explorer.jobs.tasks import MeasureControls, MeasureSubject
from explorer.records.policy import Policy
from explorer.report.blocks import Text
from explorer.report.compose import ReportOptions, compose
from tests.diffusion import tiny
from tests.heard import Heard
from tests.worker.test_runners import sources, work  # noqa: F401

POLICY = Policy(prompt_from="caption", seeds=16, steps=1, guidance=1.0)


@pytest.fixture
def folder(tmp_path) -> Path:
    """Noise pictures with a caption each, drawn like the subject, and a file that is none."""
    draw = np.random.default_rng(7)
    for i in range(24):
        rgb = draw.integers(0, 256, (tiny.SIZE_PX, tiny.SIZE_PX, 3), np.uint8)
        (tmp_path / f"{i:02}.png").write_bytes(png_bytes(rgb))
        (tmp_path / f"{i:02}.txt").write_text("a window", "utf-8")
    (tmp_path / "zz.png").write_bytes(b"%PDF-1.7")
    return tmp_path


def measure(work, folder, *, search="m", policy=POLICY):  # noqa: F811
    return MeasureSubject(work.case.id, work.subject.id, search, policy, str(folder) if folder else "",
                          work.settings.model, work.settings.clip)


def controls(work, folder):  # noqa: F811
    return MeasureControls(str(folder), POLICY, work.case.id, work.settings.model, work.settings.clip)


def test_controls_go_on_after_a_stop_and_one_work_is_one_control(work, folder):  # noqa: F811
    task = controls(work, folder)
    run = Heard(when=lambda: any(told.done == 3 for told in run.reports))
    with pytest.raises(Cancelled):
        work.run(task, run)
    kept, = work.settings.measured.glob("*.jsonl")
    assert len(kept.read_text("utf-8").splitlines()) == 3
    with kept.open("a") as file:
        file.write('{"name": "03.png", "val')  # cut off by a sudden end
    first = kept.read_text("utf-8")
    assert work.run(task)["controls"] == 24
    assert kept.read_text("utf-8").startswith(first)
    found, = work.case.records(ControlResults)
    assert found.policy == POLICY.id and len(set(found.names)) == 24 and found.effort_each.tries == 16


def test_a_subject_is_ranked_among_its_controls_under_a_logged_plan(work, folder):  # noqa: F811
    work.run(controls(work, folder))
    work.run(measure(work, folder))
    test, = work.case.records(Measured)
    found = work.case.records(Finding)[-1]
    assert test.prompt == "a door" and test.effort.tries == 16 and test.controls_id
    assert found.kind in ("does_not_stand_out", "stands_out", "controls_do_not_fit", "too_few_controls")
    assert "of 24 control" in found.statement or "No p-value" in found.statement
    kinds = [entry.kind for entry in work.case.log()]
    assert kinds.index("measured test planned") < kinds.index("SearchPlan") < kinds.index("Replay")
    best = work.case.replays(work.subject.id, search_id="m", order_by="tiled_l2", limit=1)[0]
    assert best.closeness["tiled_l2"] == test.value
    ranking = portfolio_of(work.case)
    assert [row.work.subject_id for row in ranking.rows] == [work.subject.id]


def test_another_policy_on_the_same_picture_is_exploratory_also_in_another_case(work, folder):  # noqa: F811
    work.run(measure(work, None))
    assert work.case.records(Finding)[-1].kind == "no_controls"
    other = CaseStore(work.settings.cases).create("Another")
    subject = other.add_subject(work.case.blob(work.subject.sha256), "again.png", caption="a door")
    work.case, work.subject = other, subject
    work.run(measure(work, None, search="n", policy=dataclasses.replace(POLICY, steps=2)))
    found = other.records(Finding)[-1]
    assert found.kind == "exploratory" and "p" not in found.numbers
    assert other.records(Measured)[-1].earlier_tests == 1


def test_another_caption_on_the_same_picture_is_exploratory_and_the_same_one_is_not(work, folder):  # noqa: F811
    work.run(measure(work, None))
    work.run(measure(work, None, search="n"))
    work.subject = work.case.add_subject(work.case.blob(work.subject.sha256), work.subject.name, caption="a gate")
    work.run(measure(work, None, search="o"))
    assert [(t.prompt, t.earlier_tests) for t in work.case.records(Measured)] == [
        ("a door", 0), ("a door", 0), ("a gate", 2)]
    assert work.case.record(Finding, "o").kind == "exploratory"


def test_what_cannot_be_tested_is_one_sentence(work, folder):  # noqa: F811
    with pytest.raises(ExplorerError, match="20 seeds is not offered"):
        work.run(measure(work, None, policy=dataclasses.replace(POLICY, seeds=20)))
    with pytest.raises(ExplorerError, match="at least 10 are needed"):
        work.run(measure(work, folder))
    with pytest.raises(ExplorerError, match="There is no folder"):
        work.run(measure(work, folder / "nowhere"))


def test_swapping_controls_after_a_look_is_exploratory(work, folder):  # noqa: F811
    work.run(controls(work, folder))
    work.run(measure(work, None))
    work.run(measure(work, folder, search="n"))
    first, second = work.case.records(Measured)
    assert (first.controls_id, first.earlier_tests, second.earlier_tests) == ("", 0, 1)
    assert work.case.record(Finding, "n").kind == "exploratory"
    assert portfolio_of(work.case) is None


def test_a_control_without_words_is_left_out_where_captions_are_tested(work, folder):  # noqa: F811
    (folder / "05.txt").unlink()
    (folder / "06.txt").write_text(" ", "utf-8")
    assert work.run(controls(work, folder))["controls"] == 22
    assert not {"05.png", "06.png"} & set(work.case.records(ControlResults)[0].names)


def measured_alike(folder, lines, spread: float) -> None:
    """48 works' lines whose complexity differs by about `spread`."""
    draw = np.random.default_rng(1)
    for file in sorted(folder.glob("[01]*.png")) + sorted(folder.glob("2*.png")):
        for copy in ("a", "b"):
            (folder / f"{copy}{file.name}").write_bytes(file.read_bytes())
            told = dict(zip(FEATURES, draw.normal(size=len(FEATURES)).tolist(), strict=True))
            told[COMPLEXITY] *= spread
            append_line(lines, Line(f"{copy}{file.name}", float(draw.uniform(.2, .6)), "a window", told))


def test_calibration_counts_only_what_the_controls_fit(tmp_path, folder):
    lines = tmp_path / "lines.jsonl"
    measured_alike(folder, lines, spread=0.2)
    found = measured_rates(lines, folder, POLICY)
    assert found["works"] == 48 and 30 <= found["controls_fit"] <= 48
    assert found["flagged_at_1"]["share"] == 0 <= found["flagged_at_5"]["share"] <= 0.2


def test_works_that_no_controls_fit_are_no_rate_of_nothing(tmp_path, folder):
    lines = tmp_path / "lines.jsonl"
    measured_alike(folder, lines, spread=5.0)
    with pytest.raises(ExplorerError, match="like complexity"):
        measured_rates(lines, folder, POLICY)


def test_a_caption_that_came_after_a_replay_gives_no_p_value(work, folder):  # noqa: F811
    work.run(dataclasses.replace(work.search(), subject_id=work.subject.id))
    work.subject = work.case.add_subject(work.case.blob(work.subject.sha256), work.subject.name, caption="a gate")
    work.run(measure(work, None, search="o"))
    found = work.case.record(Finding, "o")
    assert found.kind == "caption_late" and "p" not in found.numbers
    assert work.case.record(Measured, "o").caption_late


def more(folder, count):
    """The folder with so many pictures more."""
    draw = np.random.default_rng(8)
    for i in range(count):
        rgb = draw.integers(0, 256, (tiny.SIZE_PX, tiny.SIZE_PX, 3), np.uint8)
        (folder / f"more{i:02}.png").write_bytes(png_bytes(rgb))
        (folder / f"more{i:02}.txt").write_text("a window", "utf-8")


def test_a_finding_quotes_the_persons_own_calibration_with_its_counts(work, folder):  # noqa: F811
    more(folder, 16)
    work.run(controls(work, folder))
    calibration, = work.case.records(Calibration)
    kept, = work.settings.measured.glob("*.calibration.json")
    assert calibration.works == 40 and calibration.policy == POLICY and kept.stem.startswith(calibration.id)
    work.run(measure(work, folder))
    found = work.case.record(Finding, "m")
    assert found.kind in ("stands_out", "does_not_stand_out")
    assert f"{calibration.flagged_at_5} of 40 control pictures" in found.error_rate
    assert "bundled" not in found.error_rate and f"{calibration.fits} of them could be ranked" in found.error_rate
    document = compose(snapshot(work.case), ReportOptions())
    assert found.error_rate in [b.text for b in document.blocks if isinstance(b, Text)]


def test_without_a_calibration_a_finding_says_that_there_is_none(work, folder):  # noqa: F811
    work.run(controls(work, folder))
    assert not work.case.records(Calibration) and not list(work.settings.measured.glob("*.calibration.json"))
    judged = work.case.records(ControlResults)[0]
    decided = Finding("f", work.subject.id, "does_not_stand_out", "", {"p": 0.5})
    assert len(judged.values) == 24 and "no calibration of your own" in quoted(decided, None).error_rate
    undecided = dataclasses.replace(decided, kind="no_controls", error_rate="none")
    assert quoted(undecided, None) is undecided


def test_results_that_an_older_version_kept_in_the_cache_are_taken_over(work, folder):  # noqa: F811
    work.run(controls(work, folder))
    kept, = work.settings.measured.glob("*.jsonl")
    before = work.settings.cache / "controls" / kept.name
    before.parent.mkdir(parents=True)
    kept.rename(before)
    run = Heard()
    work.run(controls(work, folder), run)
    assert kept.exists() and not before.exists() and len(kept.read_text("utf-8").splitlines()) == 24


def test_a_test_with_another_model_is_no_look_at_this_one(work, folder, tmp_path_factory):  # noqa: F811
    other = tmp_path_factory.mktemp("other") / "model"
    tiny.pipeline("sd1-kl", other.parent / "tokens").save_pretrained(other, safe_serialization=True)
    work.run(measure(work, None))
    work.run(dataclasses.replace(measure(work, None, search="n"), model=str(other)))
    assert [(t.earlier_tests, t.other_models) for t in work.case.records(Measured)] == [(0, 0), (0, 1)]
    assert work.case.record(Finding, "n").kind == "no_controls"
