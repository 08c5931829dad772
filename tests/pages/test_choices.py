"""What a real model needs on the screens: its own times, a CLIP out of a list, folders added on the spot."""

from __future__ import annotations

import dataclasses

import pytest

from explorer.clip.known_clips import KNOWN, L
from explorer.images.decode import png_bytes
from explorer.jobs import timings
from explorer.jobs.queue import Queue
from explorer.jobs.tasks import InspectModel, MeasureControls, MeasureSubject
from explorer.records import ModelInfo, ReplaySettings, to_json
from explorer.records.policy import policy_for
from explorer.records.timing import Timing
from explorer.search.expand import summarise
from explorer.settings import load_settings, save_settings
from pages.shared.texts import minutes, say
from tests.clip.conftest import write_clip
from tests.pages.filled import fill, picture
from tests.pages.test_models import board, end  # noqa: F401
from tests.pages.test_pages import press, written

INFO = ModelInfo("/models/sd", "sd", "sd1", "ab" * 32, "openrail", 2_000_000_000, 512, 30, 7.5)
TIMING = Timing(INFO.fingerprint, "sd1", 512, "auto", "cpu", "float32", 4.0, 2.0, 30.0)


@pytest.fixture
def other(home, board):  # noqa: F811
    """The workspace uses a model that a worker has looked at."""
    save_settings(dataclasses.replace(load_settings(home), model=INFO.source))
    end(board, InspectModel(INFO.source), to_json(INFO))
    return INFO


def test_times_come_from_this_model_and_not_from_the_one_before(opened, home, case, other):
    """The case's replays were made by another model: their speed promised 18 replays in 21 seconds."""
    app = opened("replay", case)
    assert say("replay.no_estimate") in written(app) and "at the speed of" not in written(app)
    timings.keep(home, TIMING)
    planned = summarise(replay_form_settings(), INFO)
    assert say("replay.as_timed", time=minutes(planned.unet_evaluations * 4.0)) in written(opened("replay", case))
    save_settings(dataclasses.replace(load_settings(home), device="cuda"))
    assert say("replay.no_estimate") in written(opened("replay", case))


def replay_form_settings() -> ReplaySettings:
    """What the form asks for before anything is changed in it."""
    return ReplaySettings(prompt="a red ball and a blue box", seeds=16, strengths=(0.3, 0.6))


def test_a_wrong_clip_is_refused_on_saving(opened, home, tmp_path):
    app = opened("settings")
    field = next(t for t in app.text_input if t.label == say("settings.clip_folder"))
    field.set_value("clip")
    press(app, say("settings.save"))
    assert any("no CLIP" in e.value for e in app.error) and load_settings(home).clip == "world"
    folder = write_clip(tmp_path / "clip")
    next(t for t in app.text_input if t.label == say("settings.clip_folder")).set_value(str(folder))
    press(app, say("settings.save"))
    assert load_settings(home).clip == str(folder)


def test_clips_that_were_fetched_are_in_the_list(opened, home):
    write_clip(KNOWN[L].folder(home))
    app = opened("settings")
    chosen = next(s for s in app.selectbox if s.label == say("settings.clip"))
    assert KNOWN[L].name in chosen.options
    chosen.set_value(str(KNOWN[L].folder(home)))
    press(app, say("settings.save"))
    assert load_settings(home).clip == str(KNOWN[L].folder(home))


def test_a_folder_is_added_where_it_is_asked_for(opened, home, tmp_path):
    app = opened("models")
    next(g for g in app.button_group if g.label == say("pick.model")).set_value("folder").run()
    app.text_input(key="root_text_model").set_value(str(tmp_path / "none"))
    press(app, say("settings.add"))
    assert app.error and load_settings(home).model_folders == ()
    app.text_input(key="root_text_model").set_value(str(tmp_path))
    press(app, say("settings.add"))
    assert load_settings(home).model_folders == (str(tmp_path),)
    assert any(s.label == say("pick.root") for s in app.selectbox)


def test_controls_are_chosen_once_for_all_works(opened, home, other, tmp_path):
    made, subject_id = fill(home)
    made.add_subject(png_bytes(picture(3, noise=0.2)), "waits.png")
    made.close()
    chosen = tmp_path / "controls"
    chosen.mkdir()
    save_settings(dataclasses.replace(load_settings(home), collection_folders=(str(chosen),)))
    app = opened("portfolio", (made.id, subject_id))
    assert say("portfolio.controls_open") in written(app)
    app.checkbox(key=f"this_portfolio_controls_{chosen}").set_value(True).run()
    assert load_settings(home).controls == str(chosen)
    assert say("portfolio.controls_in_use", path=str(chosen)) in written(app)
    press(app, say("portfolio.run", n=1))
    jobs = [j.task for j in Queue(load_settings(home).database).active()]
    tests = [t for t in jobs if isinstance(t, (MeasureControls, MeasureSubject))]
    assert [type(t) for t in tests] == [MeasureSubject, MeasureControls]  # the newest first
    assert {(t.controls, t.policy) for t in tests} == {(str(chosen), policy_for(INFO, seeds=16))}


def test_the_measured_test_of_another_model_says_its_own_settings(opened, case, other):
    text = written(opened("findings", case))
    assert "DPM++ 2M" in text and "20 steps, guidance 7.5" in text and "DDIM, 12 steps" not in text


def test_bundled_neighbours_are_not_offered_for_another_model(opened, case, other):
    text = "\n".join(i.value for i in opened("neighbours", case).info)
    assert say("neighbours.none_for_model") in text
