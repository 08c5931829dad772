"""Galleries: marks are kept and logged, filters say what they leave out, the map is asked for and drawn."""

from __future__ import annotations

from explorer.cases import marks
from explorer.cases.store import CaseStore
from explorer.images.decode import png_bytes
from explorer.records.scores import SCORES
from pages.shared.texts import say
from tests.pages.filled import picture
from tests.pages.test_pages import press, written


def toggle(app, label: str):
    return next(t for t in app.toggle if t.label == label).set_value(True).run()


def show(app, what: str):
    return next(g for g in app.button_group if g.label == say("marks.show")).set_value(what).run()


def store_of(home, case):
    return CaseStore(home / "cases").open(case[0])


def test_hiding_one_is_kept_logged_and_counted(opened, case, home):
    app = press(opened("replay", case), say("marks.hide"))
    store = store_of(home, case)
    assert marks.marked(store, marks.HIDDEN) == ("replay0003",)  # the closest from noise
    assert store.log()[-1].body["key"] == "hidden" and store.count_replays() == 12
    text = written(app)
    assert say("replay.count", shown=11, total=11) in text and say("marks.hidden_count", n=1) in text
    app = show(app, "hidden")
    assert say("replay.count", shown=1, total=1) in written(app)
    press(app, say("marks.unhide"))
    assert marks.marked(store_of(home, case), marks.HIDDEN) == ()


def test_what_stands_on_further_pages_is_said_with_where_to_turn(opened, case, monkeypatch):
    told = say("replay.others", tools=say("replay.tools"))
    assert told not in written(opened("replay", case))
    monkeypatch.setattr("pages.replay.replay_gallery.PAGE", 5)
    assert f'{say("replay.count", shown=5, total=12)} {told}' in written(opened("replay", case))


def test_near_copies_are_left_out_only_when_asked_and_counted(opened, case):
    app = opened("replay", case)
    assert say("replay.count", shown=12, total=12) in written(app)
    text = written(toggle(app, say("marks.fold")))
    assert "Near copies left out:" in text and say("replay.count", shown=12, total=12) not in text


def test_a_limit_leaves_out_what_is_farther(opened, case):
    app = opened("replay", case)
    limit = next(n for n in app.number_input if n.label == say("marks.limit_lower", label="Tiled distance"))
    assert say("replay.count", shown=12, total=12) not in written(limit.set_value(0.05).run())


def test_selecting_several_offers_what_can_be_done(opened, case):
    app = toggle(opened("replay", case), say("marks.several"))
    assert say("marks.selected", n=0) in written(app)
    offered = {b.key: b.disabled for b in app.button}
    assert offered["marks.hide_hidden"] and offered["marks.star_stars"] and offered["mark_exhibits"]
    assert not offered["one_hidden"]  # of the one that is open


def test_stars_and_hidden_works_belong_to_their_subject(opened, case, home):
    store = store_of(home, case)
    marks.put(store, marks.of_works(marks.HIDDEN, case[1]), ["work-2", "work-3"])
    store.close()
    text = written(opened("neighbours", case))
    assert say("neighbours.count", shown=4, total=4) in text and say("marks.hidden_count", n=2) in text


def test_two_images_of_a_case_are_compared(opened, case, home):
    assert say("subject.beside_text", side=64) not in written(opened("subject", case))
    store = store_of(home, case)
    store.add_subject(png_bytes(picture(3, noise=0.2)), "disputed.png")
    store.close()
    text = written(opened("subject", case))
    assert say("subject.beside_text", side=64) in text and SCORES["tiled_l2"].label in text
