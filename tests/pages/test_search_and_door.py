"""The searches and the check at the door on the screens: what they queue, and what they say."""

from __future__ import annotations

import dataclasses

import pytest

from explorer.cases.store import CaseStore
from explorer.images.decode import png_bytes
from explorer.jobs.queue import Queue
from explorer.records import CopyCheck
from explorer.settings import load_settings
from pages.shared.texts import say
from tests.pages.filled import picture
from tests.pages.test_pages import press, written


def tasks(home) -> list:
    return [job.task for job in reversed(Queue(load_settings(home).database).active())]


@pytest.fixture
def generated(case, home):
    """The filled case with a second subject that a model made: (case, its id)."""
    store = CaseStore(home / "cases").open(case[0])
    subject = store.add_subject(png_bytes(picture(9, noise=0.1)), "made (seed 1)", origin="generated")
    return store, subject.id


def by_image(app):
    return next(g for g in app.button_group if g.label == say("search.by")).set_value("image").run()


def test_words_alone_are_searched_as_words(opened, case, home):
    app = opened("neighbours", case)
    next(t for t in app.text_input if t.label == say("search.words")).set_value("a frog")
    press(app, say("search.go"))
    first, second = tasks(home)
    assert type(first).__name__ == "EncodeText" and first.text == "a frog"
    assert type(second).__name__ == "SearchCollection"


def test_a_part_of_the_image_is_searched_with_words(opened, case, home):
    app = by_image(opened("neighbours", case))
    across = next(s for s in app.slider if s.label == say("region.across"))
    assert across.value == (0, 100)
    across.set_value((25, 75)).run()
    next(s for s in app.slider if s.label == say("search.weight")).set_value(0.3)
    next(t for t in app.text_input if t.label == say("search.words_too")).set_value("a boat")
    press(app, say("search.go"))
    query, search = tasks(home)
    assert type(query).__name__ == "EncodeQuery" and query.case_id == case[0] and query.subject_id == case[1]
    assert query.box == (0.25, 0.0, 0.75, 1.0) and query.text == "a boat"
    assert query.text_weight == pytest.approx(0.3) and type(search).__name__ == "SearchCollection"


def test_the_whole_image_has_no_box(opened, case, home):
    press(by_image(opened("neighbours", case)), say("search.go"))
    assert tasks(home)[0].box == () and tasks(home)[0].text == ""


def test_finding_neighbours_compares_their_pictures(opened, case, home):
    press(opened("neighbours", case), say("neighbours.find"))
    assert [type(t).__name__ for t in tasks(home)] == ["EmbedSubject", "FindNeighbours", "CompareNeighbours"]


def test_compared_neighbours_are_sorted_by_closeness(opened, case, home):
    store = CaseStore(home / "cases").open(case[0])
    values = {1: 0.5, 2: 0.1, 3: 0.3}
    store.commit_all([dataclasses.replace(n, closeness={"tiled_l2": values[n.rank]})
                      for n in store.neighbours(case[1]) if n.rank in values])
    app = opened("neighbours", case)
    assert say("neighbours.compared") in written(app) and "lower is closer" in written(app)
    order = next(g for g in app.button_group if g.label == say("neighbours.order"))
    app = order.set_value("tiled_l2").run()
    assert not app.exception
    from pages.neighbours.work_cards import sort_key
    ranked = sorted(store.neighbours(case[1]), key=lambda n: sort_key(n, "tiled_l2"))
    assert [n.rank for n in ranked] == [2, 3, 1, 4, 5, 6]


def test_a_made_picture_is_looked_up_at_the_door(opened, case, home):
    app = opened("subject", case)
    next(t for t in app.text_area if t.label == say("set.prompt")).set_value("a boat")
    press(app, say("subject.make"))
    made, query, check = tasks(home)
    assert [type(t).__name__ for t in (made, query, check)] == ["GenerateSubject", "EncodeQuery", "CheckCopy"]
    assert query.subject_id == "" and {t.case_id for t in (made, query, check)} == {case[0]}


def test_an_unchecked_picture_says_so(opened, generated, home):
    store, subject_id = generated
    app = opened("subject", (store.id, subject_id))
    assert say("door.open") in written(app)
    press(app, say("door.start"))
    assert [type(t).__name__ for t in tasks(home)] == ["EncodeQuery", "CheckCopy"]
    assert say("door.waiting") in written(opened("subject", (store.id, subject_id)))


@pytest.mark.parametrize(("likeness", "compared", "words"), [
    (0.99, 1600, "A near copy of a work of the collection was made"),
    (0.40, 1600, "That does not make it original"),
    (0.0, 0, "It is not known whether this is a near copy")])
def test_the_door_says_what_is_known_and_no_more(opened, generated, likeness, compared, words):
    store, subject_id = generated
    seen = CopyCheck(subject_id, "world", likeness >= 0.95, compared, 0.95, "w1", "A *boat*", "Somebody",
                     likeness=likeness, bits=3, by="both", note="nothing to compare", found_rate=0.9,
                     false_rate=0.01)
    store.commit(seen, key=f"{subject_id}/world")
    app = opened("subject", (store.id, subject_id))
    said = written(app) + "\n".join(e.value for kind in (app.warning, app.info) for e in kind)
    assert words in said and "Something went wrong" not in said
    assert ("90.0%" in said and "A \\*boat\\*" in said) == (compared > 0)


def test_an_uploaded_picture_has_no_door(opened, case):
    assert say("door.title") not in written(opened("subject", case))
