"""The replay page and a search for words from the picture: the form's choice, and the words found."""

from __future__ import annotations

from explorer.cases.store import CaseStore
from explorer.jobs.queue import Queue
from explorer.records.words_records import WordGain, WordsFound
from explorer.settings import load_settings
from pages.shared.texts import say
from tests.pages.test_pages import press, written


def test_the_form_counts_and_starts_a_search_for_words(opened, case, home):
    app = opened("replay", case)
    next(g for g in app.button_group if g.key == "mode").set_value("trigger").run()
    assert not app.exception and say("trigger.tip") in next(g for g in app.button_group if g.key == "mode").help
    press(app, say("replay.start"))
    assert Queue(load_settings(home).database).active()[0].task.settings.mode == "trigger"


def test_the_words_found_stand_with_what_each_is_worth(opened, case, home):
    store = CaseStore(home / "cases").open(case[0])
    search = store.replays(case[1], limit=1)[0].search_id
    store.commit(WordsFound(search, case[1], "a *ball*", 0.31, "red, ball", 0.30, 0.28,
                            (WordGain("red", 0.021), WordGain("ball", -0.001)), 20, "e" * 64, 12_345.0, 300))
    store.close()
    text = written(opened("replay", case))
    assert say("trigger.text") in text and "| red | +2.10% |" in text and "| ball | -0.10% |" in text
    assert "12,345 bits" in text and say("trigger.no_controls") in text
