"""The guided test of a real model: decisions with answers, a plan from a timed replay, and a start."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from explorer.cases.store import CaseStore
from explorer.clip.known_clips import KNOWN as CLIPS
from explorer.clip.known_clips import L
from explorer.diffusion.known import KNOWN
from explorer.findings.calibration import Calibration
from explorer.findings.control_check import ControlCheck, WorkFit
from explorer.findings.finding import Finding, Measured
from explorer.images.decode import png_bytes
from explorer.jobs import timings
from explorer.jobs.queue import Queue
from explorer.jobs.tasks import (
    CheckControls,
    DownloadClip,
    DownloadModel,
    MeasureControls,
    MeasureFamiliarity,
    MeasureKnownControls,
    MeasureSubject,
    TimeReplay,
)
from explorer.records import Effort, ModelInfo, to_json
from explorer.records.policy import Policy
from explorer.records.timing import Timing
from explorer.settings import load_settings
from explorer.setup import choices as chosen
from explorer.setup.dropped import keep_dropped
from explorer.texts.dates import month
from pages.shared.texts import minutes, plain, say, size
from tests.clip.conftest import write_clip
from tests.diffusion import tiny
from tests.pages.filled import picture, replay
from tests.pages.test_models import board, end  # noqa: F401
from tests.pages.test_pages import press, written

CHECK = ControlCheck(112, 0, 0, (), (WorkFit("mine.png", True, ""),))


@pytest.fixture
def mine(home):
    """A case with one picture of the person's own."""
    case = CaseStore(home / "cases").create("mine")
    subject = case.add_subject(png_bytes(picture()), "mine.png")
    case.close()
    return case.id, subject.id


def jobs(home) -> list:
    """What waits or runs, the oldest first."""
    return [j.task for j in reversed(Queue(load_settings(home).database).active())]


def finish(board, home, results) -> None:  # noqa: F811
    """Ends the waiting jobs as workers would, with the result that each kind of task comes to."""
    while True:
        taken = [(side, job) for side in board.values() if (job := side.take())]
        if not taken:
            return
        for side, job in taken:
            side.done(job.id, results[type(job.task)])


def test_the_first_choice_on_start_leads_here(opened):
    app = opened("start")
    assert say("start.which") in written(app)
    links = [e.proto.label for e in app.main.get("page_link")]
    first = links.index(say("start.which_bundled"))
    assert links[first + 1] == say("start.which_real") and say("start.journalist_go") in links[first + 2:]


def test_every_decision_has_an_answer_and_nothing_is_fetched_unasked(opened, home):
    app = opened("setup")
    assert not app.exception and not app.error
    assert [s.value for s in app.subheader] == [f"{n}  {say(f'setup.{name}')}" for n, name in enumerate(
        ("model", "clip", "works", "controls", "effort"), 1)]
    assert app.selectbox(key="setup_model").value == KNOWN[0].source
    text = written(app)
    assert plain(CLIPS[L].name) in text and month(KNOWN[0].released) in text and say("setup.controls_where") in text
    assert app.radio(key="setup_seeds").value == 16
    press(app, say("setup.go_on"))
    assert jobs(home) == [] and load_settings(home).offline
    text = "\n".join(i.value for i in app.info)
    for missing in ("missing_works", "missing_files"):
        assert plain(say(f"setup.{missing}")) in text
    assert "decision 4" in text
    assert next(b for b in app.button if b.label == say("setup.start")).disabled


def test_fetching_is_let_through_alone_and_ends_in_a_timed_replay(opened, home, mine, board):  # noqa: F811
    app = opened("setup", mine)
    press(app, say("setup.go_on"))
    assert size(KNOWN[0].size_bytes + CLIPS[L].size_bytes) in written(app)
    press(app, say("setup.fetch_go"))
    clip = str(CLIPS[L].folder(home))
    assert jobs(home) == [DownloadClip(L, asked=True), DownloadModel(KNOWN[0].source, asked=True),
                          TimeReplay("", clip)]
    assert load_settings(home).offline is True
    info = ModelInfo(KNOWN[0].source, "sd", "sd1", "ab" * 32, "", 1, 512, 30, 7.5)
    finish(board, home, {DownloadClip: {"clip": clip}, DownloadModel: {"source": info.source},
                         TimeReplay: {"source": info.source, "info": to_json(info)}})
    app.run()
    assert not app.exception and load_settings(home).offline is True


@pytest.fixture
def ready(home, mine, board, tmp_path):  # noqa: F811
    """A model folder and a CLIP on this computer, timed; controls that were looked at."""
    model = tmp_path / "sd"
    tiny.pipeline("sd1-tiny", tmp_path / "tokens").save_pretrained(model, safe_serialization=True)
    write_clip(CLIPS[L].folder(home))
    controls = tmp_path / "controls"
    controls.mkdir()
    settings = load_settings(home)
    chosen.save(settings, chosen.Choices(model=str(model), controls=str(controls), case=mine[0]))
    return model, controls


def timed(home, board, model) -> ModelInfo:  # noqa: F811
    """Ends the timed replay and the look at the controls."""
    info = ModelInfo(str(model), "sd", "sd1", "ab" * 32, "", 1, 512, 30, 7.5)
    timings.keep(home, Timing(info.fingerprint, "sd1", 512, "auto", "cpu", "float32", 4.0, 8.0, 30.0, "c", 2.0,
                              90.0, 3.0))
    finish(board, home, {CheckControls: to_json(CHECK),
                         TimeReplay: {"source": str(model), "info": to_json(info), "path": ""}})
    return info


def test_the_plan_says_times_from_a_timed_replay_and_the_smallest_p(opened, home, mine, ready, board):  # noqa: F811
    model, controls = ready
    app = opened("setup", mine)
    assert jobs(home) == [CheckControls(str(controls), mine[0])]
    press(app, say("setup.go_on"))
    assert jobs(home)[-1] == TimeReplay(str(model), str(CLIPS[L].folder(home)))  # by itself: nothing is fetched
    assert plain(say("setup.missing_timing")) in [i.value for i in app.info]
    timed(home, board, model)
    app.run()
    text, work_s = written(app), 16 * (20 * 2 * 4.0 + 8.0) + 2.0 + 16 * 3.0  # a prompt a try
    assert minutes(work_s) in text and minutes(112 * work_s) in text
    known_s = 113 * ((4 + 1) * 3 * 2 * 4.0 + 8.0 + 2.0 + 4 * 3.0)  # four and none, 3 times, 2 noises
    assert minutes(known_s) in text and minutes(113 * work_s + known_s + 150) in text
    assert "smallest p-value" in text.lower() and f"{1 / 90:.3f}" in text
    app.radio(key="setup_seeds_here").set_value(4).run()
    assert minutes(4 * 168.0 + 2.0 + 4 * 3.0) in written(app)


def at_the_plan(opened, home, mine, board, model):  # noqa: F811
    """The second page, with the timing and the look at the controls done."""
    app = opened("setup", mine)
    press(app, say("setup.go_on"))
    timed(home, board, model)
    app.run()
    return app


def test_one_press_starts_controls_and_works_with_the_models_own_policy(opened, home, mine, ready, board):  # noqa: F811
    model, controls = ready
    app = at_the_plan(opened, home, mine, board, model)
    press(app, say("setup.start"))
    first, test, known, asked = jobs(home)
    assert isinstance(first, MeasureControls) and isinstance(test, MeasureSubject)
    assert known == MeasureKnownControls(str(controls), "recovered", str(model), first.clip)
    assert (asked.subject_id, asked.words, asked.controls, asked.model, asked.clip) == (
        mine[1], "recovered", str(controls), str(model), first.clip)
    assert first.policy == test.policy and (first.policy.steps, first.policy.guidance) == (20, 7.5)
    assert first.controls == test.controls == str(controls) and test.subject_id == mine[1]
    settings = load_settings(home)
    assert (settings.model, settings.clip, settings.controls) == (
        str(model), str(CLIPS[L].folder(home)), str(controls))
    assert settings.neighbours_from == ""
    assert say("setup.close") in written(app)


def test_each_tested_picture_leads_to_its_answer(opened, home, mine, ready, board):  # noqa: F811
    model, _ = ready
    settings, case = load_settings(home), CaseStore(home / "cases").open(mine[0])
    made, png = replay(3, mine[1])
    case.commit(made, blobs={made.image_sha256: png})
    board["device"].queue.submit(MeasureControls("c"))
    task = MeasureSubject(mine[0], mine[1], "m", model=str(model))
    board["device"].queue.submit(task)
    begun = tuple(j.id for j in reversed(Queue(settings.database).active()))
    chosen.save(settings, dataclasses.replace(chosen.load(settings), jobs=begun))
    finish(board, home, {MeasureControls: {}, MeasureSubject: {}})
    case.commit(Measured("m", mine[1], "p", "a door", 0.4, made.id, Effort(16, 640), {}, "c"))
    case.commit(Finding("m", mine[1], "does_not_stand_out", "It came no closer.", {"p": 0.5}))
    own = Calibration("c", "controls", made.recipe.model, Policy(), 40, 38, 0, 2, "2026-11-30")
    case.commit(own)
    case.close()
    app = opened("setup", mine)
    text = written(app)
    assert say("setup.finished", n=1) in text and say("verdict.does_not_stand_out") in text
    assert "2 of 40 control pictures" in text
    press(app, say("setup.open"))
    assert not app.exception and app.title[0].value == say("findings.title")


def test_controls_that_do_not_fit_or_are_too_few_are_said_before(opened, home, mine, ready, board):  # noqa: F811
    app = opened("setup", mine)
    wrong = ControlCheck(50, 1, 9, ("old.jpg",), (WorkFit("mine.png", False, "another kind"),), False, "too flat")
    finish(board, home, {CheckControls: to_json(wrong)})
    app.run()
    said = "\n".join(w.value for w in app.warning)
    assert "old" in said and "mine" in said and "too flat" in said and "50 controls are too few" in said
    press(app, say("setup.go_on"))
    assert any("50 controls are too few" in i.value for i in app.info)
    assert next(b for b in app.button if b.label == say("setup.start")).disabled


def test_a_case_that_is_not_open_is_gone_on_with_when_asked(opened, home, mine, ready, board):  # noqa: F811
    model, _ = ready
    app = at_the_plan(opened, home, mine, board, model)
    fits = say("setup.check_fits", n=1)
    assert fits in [s.value for s in app.success] and say("setup.row_works", n=1) in written(app)
    app = opened("setup")  # another day: the case is kept in the choices, and not in the address
    again = say("setup.works_again", case="mine")
    assert not app.success and say("setup.works_text") in written(app) and "case" not in app.query_params
    press(app, say("setup.go_on"))
    assert not app.success and say("setup.row_works", n=0) not in written(app)
    assert next(b for b in app.button if b.label == say("setup.start")).disabled
    press(app, say("setup.back"))
    press(app, again)
    assert not app.exception and app.query_params["case"] == mine[0]
    assert fits in [s.value for s in app.success] and again not in [b.label for b in app.button]
    press(app, say("setup.go_on"))
    assert fits in [s.value for s in app.success]
    assert not next(b for b in app.button if b.label == say("setup.start")).disabled


def test_a_case_that_is_gone_is_not_offered_again(opened, home, mine, ready):
    CaseStore(home / "cases").delete(mine[0])
    app = opened("setup")
    assert not app.exception and say("setup.works_again", case="mine") not in [b.label for b in app.button]


def test_what_stopped_is_resumed_and_another_test_can_follow(opened, home, mine, ready, board):  # noqa: F811
    model, _ = ready
    app = at_the_plan(opened, home, mine, board, model)
    press(app, say("setup.start"))
    from explorer.errors import ExplorerError
    side = board["device"]
    side.failed(side.take().id, ExplorerError("worker.measured_no_folder", folder="x"))
    app.run()
    assert any("There is no folder" in e.value for e in app.error) and len(jobs(home)) == 0
    press(app, say("tray.resume"))
    assert [type(t) for t in jobs(home)] == [MeasureControls, MeasureSubject, MeasureKnownControls,
                                             MeasureFamiliarity]
    for job in Queue(load_settings(home).database).active():
        Queue(load_settings(home).database).cancel(job.id)
    app.run()
    press(app, say("setup.another"))
    assert app.subheader[0].value.endswith(say("setup.model"))
    assert chosen.load(load_settings(home)).model == str(model)


def test_a_wrong_model_folder_is_one_sentence_and_a_right_one_may_be_opened(opened, home, tmp_path):
    app = opened("setup")
    next(g for g in app.button_group if g.key == "setup_model_way").set_value("folder").run()
    app.text_input(key="setup_model_path").set_value(str(tmp_path)).run()
    assert app.error and not app.exception
    tiny.pipeline("sd1-tiny", tmp_path / "tokens").save_pretrained(tmp_path / "sd", safe_serialization=True)
    app.text_input(key="setup_model_path").set_value(str(tmp_path / "sd")).run()
    assert not app.error and str(tmp_path / "sd") in load_settings(home).model_folders
    assert chosen.load(load_settings(home)).model == str(tmp_path / "sd")


def test_dropped_controls_are_kept_by_name_and_nothing_else_is(tmp_path):
    png = png_bytes(np.zeros((8, 8, 3), np.uint8))
    files = [("set/a.png", png), ("set/b/a.png", png + b"x"), ("set/a.txt", b"words"), ("../../evil.png", png),
             ("run.sh", b"#!"), ("c\\d.PNG", png)]
    folder = keep_dropped(files, tmp_path)
    names = sorted(p.name for p in folder.iterdir())
    assert folder.parent == tmp_path / "pictures" and len(names) == 5
    assert {"a.png", "a.txt", "d.PNG", "evil.png"} < set(names) and keep_dropped(files, tmp_path) == folder
    assert keep_dropped(files[:1], tmp_path) != folder


def test_settings_of_another_person_are_not_shared(home):
    settings = load_settings(home)
    chosen.save(settings, chosen.Choices(seeds=64), person="anna")
    assert chosen.load(settings, person="anna").seeds == 64
    assert chosen.load(settings, person="bert") == chosen.load(settings) == chosen.Choices()
    (home / "setup.json").write_text("{")
    assert chosen.load(settings) == chosen.Choices()
    assert dataclasses.replace(chosen.Choices(), model="me/boat@v2").known is None
