"""A single file may be given its title or caption; left empty, nothing changes."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.cases.store import CaseStore
from explorer.images.decode import png_bytes
from explorer.jobs.queue import Queue
from explorer.settings import load_settings
from pages.shared.texts import plain, say
from tests.pages.test_pages import press, written

PNG = png_bytes(np.full((40, 40, 3), 200, np.uint8))
OTHER = png_bytes(np.full((40, 40, 3), 100, np.uint8))


def dropped(opened, page, *files):
    app = opened(page)
    app.file_uploader[0].set_value(list(files))
    return app.run()


def field(app):
    return [t for t in app.text_input if t.label == say("begin.caption")]


def policy_after_running(app, home):
    press(app, say("subject.run"))
    jobs = Queue(load_settings(home).database).active()
    return next(j.task.policy for j in jobs if j.name == "MeasureSubject")


@pytest.mark.parametrize("page", ["start", "findings"])
def test_the_field_is_there_for_one_file_only(opened, page):
    assert not field(opened(page))
    one, = field(dropped(opened, page, ("door.png", PNG, "image/png")))
    assert one.value == "" and one.help == say("begin.caption_help")
    assert not field(dropped(opened, page, ("door.png", PNG, "image/png"), ("wall.png", OTHER, "image/png")))


def test_a_caption_is_kept_shown_and_taken_by_the_measured_test(opened, home):
    app = dropped(opened, "start", ("door.png", PNG, "image/png"))
    field(app)[0].set_value("  A *red* door\tby Ada ")
    app = press(app, say("begin.add", n=1))
    assert not app.exception
    store = CaseStore(home / "cases")
    case = store.open(store.list()[0].id)
    subject, = case.subjects()
    assert subject.caption == "A *red* door by Ada"
    assert say("subject.caption", text=plain(subject.caption)) in written(app)
    assert policy_after_running(app, home).prompt_from == "caption"


def test_without_a_caption_the_test_recovers_its_prompts(opened, home):
    app = press(dropped(opened, "start", ("door.png", PNG, "image/png")), say("begin.add", n=1))
    store = CaseStore(home / "cases")
    case = store.open(store.list()[0].id)
    subject, = case.subjects()
    assert subject.caption == "" and case.chosen_prompt(subject.id) == ""
    assert "as given with it" not in written(app)
    assert policy_after_running(app, home).prompt_from == "interrogation"


def test_the_same_file_added_again_without_words_keeps_them(home):
    case = CaseStore(home / "cases").create("again")
    first = case.add_subject(PNG, "door.png", caption="a door")
    assert case.add_subject(PNG, "door.png") == first and len(case.subjects()) == 1
    assert case.add_subject(PNG, "door.png", caption="a red door").caption == "a red door"
