"""Finished examples: opened at once, told, read-only, and run again live with the same settings."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from explorer.cases.store import CaseStore
from explorer.images.decode import read_png
from explorer.jobs.queue import Queue
from explorer.settings import load_settings
from explorer.world.example_cases import read
from pages.shared.frame import script
from pages.shared.texts import say
from tests.pages.conftest import ROOT
from tests.pages.test_pages import press, written

TOLD = {t.story: t for t in read()}


def opened_story(opened, story):
    app = opened("examples")
    return next(b for b in app.button if b.key == f"story_{story}").click().run()


def test_the_first_stories_are_on_the_start_page_and_all_among_the_examples(opened):
    start, all_of_them = written(opened("start")), written(opened("examples"))
    first = list(TOLD)[:4]
    assert all(say(f"told.{story}") in start for story in first)
    assert all(say(f"told.{story}") in all_of_them for story in TOLD)


@pytest.mark.parametrize("story", TOLD)
def test_every_story_can_be_read_to_its_end(opened, story):
    app = opened_story(opened, story)
    assert not app.exception and not app.error
    text = written(app)
    assert say(f"told.{story}") in text and say("told.every", n=TOLD[story].replays) in text
    assert "{" not in text.split(say("told.try"))[0] and "****" not in text


def test_a_story_opens_at_once_with_its_figures(opened, home):
    app = opened_story(opened, "comes_back")
    assert not app.exception and not app.error
    text = written(app)
    assert f"**{TOLD['comes_back'].noise:.3f}**" in text
    assert say("told.every", n=TOLD["comes_back"].replays) in text
    assert app.query_params["story"] == "comes_back" and "replay" not in app.query_params
    case = CaseStore(home / "cases").open(app.query_params["case"])
    assert case.read_only


def test_a_link_opens_the_story_in_another_workspace(opened, home):
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    app.query_params["story"] = "never_in_training"
    app.run()
    app.switch_page(script("examples")).run()
    assert say("told.never_in_training") in written(app)


def test_trying_it_runs_the_same_settings_in_a_case_of_ones_own(opened, home):
    app = press(opened_story(opened, "shown_the_answer"), say("told.try"))
    assert not app.exception and not app.error
    jobs = {j.name: j.task for j in Queue(load_settings(home).database).active()}
    assert {"EmbedSubject", "FindNeighbours", "RunSearch"} <= set(jobs) and "Interrogate" not in jobs
    settings = jobs["RunSearch"].settings
    assert settings.strengths == (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9) and settings.steps == (12,)
    own = CaseStore(home / "cases").open(jobs["RunSearch"].case_id)
    assert not own.read_only and "story" not in app.query_params
    assert app.query_params["search"] == jobs["RunSearch"].search_id


def test_the_picture_for_an_article_can_be_made(opened):
    app = opened_story(opened, "shown_the_answer")
    app = press(app, say("share.make"))
    assert not app.exception and not app.error
    png = app.session_state[f"share_{TOLD['shown_the_answer'].given_replay}"]
    assert read_png(png).shape[1] > 1024
