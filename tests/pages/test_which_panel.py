"""Findings: which model made the picture is asked there, and answers stand there with every source's rank."""

from __future__ import annotations

from explorer.cases.store import CaseStore
from explorer.evidence.which_model import judge
from explorer.evidence.which_records import Candidate, WhichModel
from explorer.evidence.which_words import how, rows
from explorer.jobs.queue import Queue
from explorer.jobs.tasks import NameModel
from explorer.records import ModelRef
from explorer.report.blocks import Heading, Table
from explorer.report.which_part import which_blocks
from explorer.settings import load_settings
from pages.shared.texts import say
from tests.pages.test_pages import press, written


def answered(subject_id: str) -> WhichModel:
    models = tuple(Candidate(ModelRef(name, letter * 64, "sd1"), name, p, 0.1, -1.2, letter)
                   for name, letter, p in (("early", "a", 0.4), ("late", "b", 0.025)))
    finding = judge(subject_id, models, 0.025, pictures=39, other_pictures=39, level=0.05)
    return WhichModel("w", subject_id, "plan", models, 0.025, "world", 39, 39, 0.05, "0" * 64, 2832, finding)


def test_an_answer_stands_on_the_page_with_every_source(opened, case, home):
    CaseStore(home / "cases").open(case[0]).commit(answered(case[1]))
    text = written(opened("findings", case))
    assert "only early is left" in text and "0\\.025" in text and say("which.bundled_works") in text


def test_the_question_is_put_on_the_queue(opened, case, home):
    app = opened("findings", case)
    app.text_area(key=f"which_models_{case[1]}").set_value("world\n/models/other\nworld").run()
    app.text_area(key=f"which_prompts_{case[1]}").set_value("a door\n").run()
    press(app, say("which.start"))
    task = Queue(load_settings(home).database).active()[0].task
    assert isinstance(task, NameModel) and task.models == ("world", "/models/other") and task.others == "world"
    assert CaseStore(home / "cases").open(case[0]).blob(task.prompts_blob) == b"a door\n"


def test_one_model_alone_cannot_be_asked(opened, case):
    app = opened("findings", case)
    app.text_area(key=f"which_models_{case[1]}").set_value("world").run()
    assert next(b for b in app.button if b.label == say("which.start")).disabled


def test_the_report_has_the_answer_its_table_and_its_limits(case, home):
    store = CaseStore(home / "cases").open(case[0])
    subject = store.subjects()[0]
    assert which_blocks(store, subject) == []
    store.commit(answered(subject.id))
    found = which_blocks(store, subject)
    assert isinstance(found[0], Heading) and [row[1] for row in found[2].rows] == ["0.4", "0.025", "0.025"]
    assert isinstance(found[2], Table) and "2,832" in found[3].text
    assert "Only these models were asked" in found[4].text


def test_numbers_are_words_on_both_pages():
    one = answered("s")
    assert len(rows(one)) == 3 and "39" in how(one)
