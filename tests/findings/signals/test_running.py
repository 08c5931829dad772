"""Signals as people run them: a task on a case, a list on the command line, the panel on a screen."""

from __future__ import annotations

import csv
import dataclasses
import json

import pytest
from streamlit.testing.v1 import AppTest

from explorer.cases.case import Case
from explorer.cases.log import check_chain
from explorer.cases.store import CaseStore
from explorer.cli import main
from explorer.errors import ExplorerError
from explorer.findings.signals.readings import SignalReading
from explorer.findings.signals.signal_list import SIGNALS
from explorer.findings.signals.tables import COLUMNS
from explorer.images.decode import read_png
from explorer.jobs.queue import Queue
from explorer.jobs.tasks import MeasureSignals
from explorer.records import ModelRef, TermGain
from explorer.worker.context import Context
from explorer.worker.loaded_table import LoadedTable
from explorer.worker.loop import run_task
from tests.diffusion import tiny
from tests.heard import Heard
from tests.pages.filled import fill


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("source")
    tiny.pipeline("sd1-tiny", folder / "tokens").save_pretrained(folder / "model", safe_serialization=True)
    return str(folder / "model")


@pytest.fixture
def work(settings, source):
    """Runs a MeasureSignals task in this process; returns its result and what it told."""
    settings = dataclasses.replace(settings, device="cpu", model=source)
    table = LoadedTable(10**9)

    def run(task: MeasureSignals, case: Case | None = None):
        queue = Queue(settings.database)
        job = queue.get(queue.submit(task, case_id=case.id if case else ""))
        heard = Heard()
        return run_task(task, Context(settings, queue, job, table, heard)), heard.reports
    return run


@pytest.fixture
def case(settings) -> tuple[Case, str]:
    made, subject_id = fill(settings.home)
    return made, subject_id


def test_a_prompts_signals_go_on_record_with_its_picture_and_mask(work, case, source):
    opened, subject_id = case
    task = MeasureSignals(opened.id, subject_id, "ab b", source, seeds=2, steps=3, guidance=3.0)
    result, told = work(task, opened)
    reading, = opened.records(SignalReading, subject_id=subject_id)
    assert reading.id == result["reading_id"]
    assert set(reading.values) == set(SIGNALS)
    assert (reading.seeds, reading.steps, reading.guidance) == ((0, 1), 3, 3.0)
    assert [t.term for t in reading.words] == ["ab", "b"]
    assert reading.unet_evaluations == 2 * 2 * 3 + 2 * 6 + 2 * 3 * 5
    picture, mask = (read_png(opened.blob(b)) for b in (reading.image_blob, reading.mask_blob))
    assert mask.shape[0] >= 256 and mask.shape[0] % picture.shape[0] == 0
    assert any(progress.total for progress in told)
    work(task, opened)
    assert len(opened.records(SignalReading, subject_id=subject_id)) == 1
    assert check_chain(opened.log()) == ()


def test_nothing_is_measured_without_a_prompt(work, settings, source):
    from explorer.images.decode import png_bytes
    from tests.pages.filled import picture
    empty = CaseStore(settings.cases).create("No prompt")
    subject = empty.add_subject(png_bytes(picture()), "ball.png")
    with pytest.raises(ExplorerError, match="no prompt"):
        work(MeasureSignals(empty.id, subject.id, "", source), empty)


def test_a_list_is_measured_once_and_gone_on_with(work, source, tmp_path):
    listed, against, out = (tmp_path / n for n in ("nemo.csv", "plain.txt", "out.csv"))
    listed.write_text("Caption;URL;type;Index\nab;http://a;VM;1\nb;http://b;TM;2\nab;http://a;VM;3\n")
    against.write_text("other\n")
    task = MeasureSignals(model=source, seeds=1, steps=2, guidance=3.0, signals=("wen", "one_step"),
                          list_path=str(listed), against_path=str(against), out=str(out))
    result, _ = work(task)
    assert (result["prompts"], result["repeated"], result["names"]) == (3, 1, ["wen", "one_step"])
    whole = out.read_text()
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    assert [(r["list"], r["stratum"], r["prompt"]) for r in rows] == [
        ("list", "VM", "ab"), ("list", "TM", "b"), ("against", "", "other")]
    assert all(float(r["wen"]) > 0 and r["clique"] == "" for r in rows)
    out.write_text("".join(whole.splitlines(keepends=True)[:3]))
    _, told = work(task)
    assert sum(progress.message == "measuring prompts" for progress in told) == 1
    with out.open(newline="") as file:
        again = list(csv.DictReader(file))
    assert [r["wen"] for r in again] == [r["wen"] for r in rows]


def test_a_damaged_list_is_told_before_a_model_is_loaded(tmp_path, capsys):
    listed = tmp_path / "wen.jsonl"
    listed.write_text(json.dumps({"caption": "a"}) + "\n{}\n")
    assert main(["--home", str(tmp_path / "home"), "signals", str(listed)]) == 1
    said = capsys.readouterr()
    assert "entry 2" in said.err and said.out == ""


def _script() -> None:
    from pages.prompt import signals_panel
    from pages.shared import state
    now = state.here()
    signals_panel.panel(now.open_case, now.open_subject)


def _shown(case: tuple[str, str]) -> AppTest:
    app = AppTest.from_function(_script, default_timeout=60)
    app.query_params["case"], app.query_params["subject"] = case
    return app.run()


def test_the_panel_asks_for_a_reading_and_shows_it(settings, case, monkeypatch):
    monkeypatch.setenv("AFTERIMAGE_HOME", str(settings.home))
    monkeypatch.setattr("explorer.jobs.launch.ensure_workers", lambda *a, **k: [])
    opened, subject_id = case
    prompt = opened.chosen_prompt(subject_id)
    app = _shown((opened.id, subject_id))
    assert not app.exception
    app.button(key=f"signals_{subject_id}").click().run()
    task = Queue(settings.database).recent(limit=1)[0].task
    assert (task.prompt, task.subject_id) == (prompt, subject_id)
    blob = opened.subjects()[0].pixels_sha256
    opened.commit(SignalReading(
        "r1", subject_id, "an earlier *prompt*", ModelRef("world", "f" * 64, "sd1"), (0, 1), 12, 2.0,
        {"wen": 5.25, "clique": 2.0}, 96, 3.0, (TermGain("ball", 0.5, 1), TermGain("box", 0.25, 1)), blob, blob))
    app = _shown((opened.id, subject_id))
    assert not app.exception
    said = " ".join(m.value for m in app.markdown)
    assert "5.25" in said and SIGNALS["clique"].label in said and "bright_ending" not in said
    assert any("an earlier" in c.value for c in app.caption)
    assert len(app.warning) == 1
