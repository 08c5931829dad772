"""Every page, empty and with a case: draws, says what it is, refuses in sentences, keeps its address."""

from __future__ import annotations

import dataclasses
import os

import pytest

from explorer.cases.store import CaseStore
from explorer.jobs.queue import Queue
from explorer.jobs.worker_queue import Board
from explorer.records import TermGain
from explorer.records.scores import SCORES
from explorer.settings import load_settings
from pages.shared.frame import ALONE, LIBRARY, PATH
from pages.shared.texts import say
from tests.pages.filled import SEARCH

EVERY = ("start", *PATH, *ALONE, *LIBRARY)


def written(app) -> str:
    """All Markdown and captions of a page as one text."""
    return "\n".join(e.value for kind in (app.markdown, app.caption, app.header, app.subheader) for e in kind)


def press(app, label: str):
    """Presses the button with that text and runs the page."""
    return next(b for b in app.button if b.label == label).click().run()


@pytest.mark.parametrize("name", EVERY)
def test_draws_in_an_empty_workspace(opened, name):
    app = opened(name)
    assert not app.exception and not app.error
    assert app.title[0].value == say(f"{name}.title")


@pytest.mark.parametrize("name", EVERY)
def test_draws_with_a_case(opened, case, name):
    app = opened(name, case)
    assert not app.exception and not app.error
    assert app.title[0].value == say(f"{name}.title")
    assert "Something went wrong" not in written(app)


@pytest.mark.parametrize("name", PATH)
def test_the_case_stays_in_the_address(opened, case, name):
    app = opened(name, case)
    assert app.query_params["case"] == case[0] and app.query_params["subject"] == case[1]


def test_steps_teach_when_there_is_no_image(opened):
    for name in PATH:
        assert say(f"{name}.empty") in written(opened(name))


def test_start_says_that_nothing_leaves_the_computer(opened):
    text = written(opened("start"))
    assert say("start.local") in text
    for way in ("artist", "expert", "journalist"):
        assert say(f"start.{way}") in text


def test_a_case_that_is_gone_is_a_sentence(opened, home):
    app = opened("start", ("20200101-0123456789", "x"))
    assert "There is no case" in app.warning[0].value
    assert "case" not in app.query_params


def test_words_of_others_are_shown_letter_by_letter(opened, case):
    text = written(opened("neighbours", case))
    assert "A\\. \\*Painter\\* \\<b\\>bold\\</b\\>" in text


def test_run_it_all_queues_the_loop(opened, case, home):
    app = press(opened("subject", case), say("subject.run"))
    queue = Queue(load_settings(home).database)
    names = [job.name for job in reversed(queue.active())]
    assert names == ["EmbedSubject", "FindNeighbours", "Interrogate", "MeasureSubject", "MeasureFamiliarity",
                     "RunSearch"]
    assert all(job.case_id == case[0] for job in queue.active())
    assert app.query_params["search"] == queue.active()[0].task.search_id


def test_choosing_a_prompt_is_on_record(opened, case, home):
    app = opened("prompt", case)
    app.text_area[0].set_value("a box beside a ball")
    press(app, say("prompt.keep"))
    store = CaseStore(home / "cases").open(case[0])
    assert store.chosen_prompt(case[1]) == "a box beside a ball"
    assert store.log()[-1].kind == "choice"


def test_interrogation_takes_its_settings(opened, case, home):
    app = opened("prompt", case)
    next(t for t in app.text_input if t.label == say("prompt.banned")).set_value("ball, by Artist 2")
    press(app, say("prompt.find"))
    task = Queue(load_settings(home).database).active()[0].task
    assert task.banned == ("ball", "by Artist 2") and task.mode == "best"
    assert (task.rerank, task.model) == (5, "world")


def test_both_rankings_of_a_prompt_and_its_words_are_shown(opened, case, home):
    store = CaseStore(home / "cases").open(case[0])
    first, = store.prompts(case[1])
    other = dataclasses.replace(first, rank=1, text="a drum", similarity=0.2, replay_score=-0.4,
                                replay_terms=(TermGain("drum", 0.07, 1), TermGain("red", -0.1, 1)))
    store.commit_all([other, dataclasses.replace(first, rank=2, replay_score=-0.6)])
    text = written(opened("prompt", case))
    assert say("prompt.judged", closeness="-0.400", place=1, clip_place=2) in text
    assert say("prompt.judged", closeness="-0.600", place=2, clip_place=1) in text
    assert say("prompt.replay_most", term="drum", gain="+0.070") in text


def test_prompts_of_a_measured_test_stay_folded_beside_the_candidates(opened, case, home):
    store = CaseStore(home / "cases").open(case[0])
    first, = store.prompts(case[1])
    store.commit_all([dataclasses.replace(first, text=f"a | drum {n}", mode="measured", rank=1000 + n)
                      for n in range(3)])
    app = opened("prompt", case)
    assert say("prompt.candidates", n=1) in [h.value for h in app.header]
    folded = next(e for e in app.expander if e.label == say("prompt.tested", n=3))
    assert folded.markdown[0].value.count("drum") == 3 and "a \\| drum 0" in folded.markdown[0].value


def test_replays_are_ranked_with_range_and_direction(opened, case):
    app = opened("replay", case)
    text = written(app)
    assert "lower is closer" in text and SCORES["tiled_l2"].plain in text
    assert say("replay.count", shown=12, total=12) in text
    assert app.query_params["replay"] == "replay0003"  # the closest from noise


def test_a_replay_that_was_given_the_subject_says_so(opened, case):
    app = opened("replay", case)
    assert not app.warning  # the first one was given nothing
    app.query_params["replay"] = "replay0000"
    assert any("supplied by you" in w.value for w in app.run().warning)


def test_a_star_is_kept_and_logged(opened, case, home):
    press(opened("replay", case), say("replay.star"))
    store = CaseStore(home / "cases").open(case[0])
    assert store.get("stars") == ["replay0003"]
    assert store.log()[-1].body["key"] == "stars"


def test_findings_never_call_it_copied(opened, case):
    text = written(opened("findings", case))
    assert "Without controls put through the same effort this closeness cannot be weighed" in text
    assert "says nothing about what the model holds" in text
    assert say("findings.cannot") in text and say("findings.not_absent") in text


def test_the_report_names_the_head_of_the_log(opened, case, home):
    store = CaseStore(home / "cases").open(case[0])
    app = opened("report", case)
    assert store.head()[1] in written(app)
    press(app, say("report.export"))
    assert Queue(load_settings(home).database).active()[0].name == "ExportCase"


def test_the_picker_stays_below_the_roots(opened, home, tmp_path):
    root = tmp_path / "models"
    (root / "one" / "deep").mkdir(parents=True)
    (tmp_path / "secret").mkdir()
    (root / "way-out").symlink_to(tmp_path / "secret")
    app = opened("settings")
    app.text_input[0].set_value(str(root))
    press(app, say("settings.add"))
    assert load_settings(home).model_folders == (str(root),)
    app = opened("models")
    next(g for g in app.button_group if g.label == say("pick.model")).set_value("folder").run()
    labels = [b.label for b in app.button]
    assert "one" in labels and "way-out" not in labels and say("pick.up") not in labels
    press(app, "one")
    assert "deep" in [b.label for b in app.button] and say("pick.up") in [b.label for b in app.button]


def test_a_root_that_is_no_folder_is_refused(opened, home):
    app = opened("settings")
    app.text_input[0].set_value("/no/such/folder")
    press(app, say("settings.add"))
    assert "is not a folder on this computer" in app.error[0].value
    assert load_settings(home).model_folders == ()


def test_settings_are_kept(opened, home):
    app = opened("settings")
    next(s for s in app.selectbox if s.label == say("settings.device_label")).set_value("cpu")
    press(app, say("settings.save"))
    assert load_settings(home).device == "cpu"


def test_deleting_a_case_asks_first(opened, case, home):
    app = opened("cases", case)
    press(app, say("cases.delete_sure"))
    assert CaseStore(home / "cases").list() == []
    assert SEARCH not in written(app)


def test_jobs_are_in_the_tray_and_can_be_cancelled(opened, case, home):
    app = press(opened("subject", case), say("subject.run"))
    assert say("task.RunSearch") in written(app)
    press(app, say("tray.cancel"))
    states = {job.state for job in Queue(load_settings(home).database).recent()}
    assert states == {"cancelled"}


def test_the_finished_report_stands_where_its_button_was(opened, case, home):
    app = opened("report", case)
    press(app, say("report.go"))
    queue = Queue(load_settings(home).database)
    assert [j.name for j in queue.active()] == ["WriteReport"]
    assert say("report.go") not in [b.label for b in app.button]
    path = home / "reports" / "made.html"
    path.parent.mkdir()
    path.write_text("<p>report</p>")
    worker = Board(queue, kind="desk", pid=os.getpid(), born_s=0.0, device="cpu")
    worker.arrive()
    worker.done(worker.take().id, {"path": str(path), "sha256": "a" * 64, "head_entry": 7, "data_path": ""})
    app = opened("report", case)
    assert say("made.html", entry=7) in written(app) and say("report.again") in [b.label for b in app.button]
    assert say("made.sheet", entry=7) not in written(app)


def test_a_sheet_is_offered_of_the_closest_replay_from_noise_where_there_are_no_exhibits(opened, case, home):
    app = opened("report", case)
    press(app, say("sheet_form.go"))
    [job] = Queue(load_settings(home).database).active()
    store = CaseStore(home / "cases").open(case[0])
    ranked = store.replays(case[1], limit=-1)
    assert ranked[0].recipe.start_sha256 is not None  # given the picture, and so offered last
    assert job.task.replay_id == next(r.id for r in ranked if r.recipe.start_sha256 is None)
    assert job.task.kind == "pdf"
