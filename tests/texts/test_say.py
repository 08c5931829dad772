"""One say for every sentence: placeholders, words by number, languages that lack something, errors by key."""

from __future__ import annotations

import json
import pickle
import shutil
import threading
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from explorer import texts
from explorer.collections.net import Refused
from explorer.errors import ExplorerError
from explorer.texts import catalogue, fields, known, say, speaking

EN = texts.FOLDER / texts.WHOLE


@pytest.fixture
def second(tmp_path, monkeypatch):
    """A second language that has two texts and no more."""
    (tmp_path / "xx").mkdir()
    (tmp_path / "xx" / "any.toml").write_text('[nav]\nstart = "Anfang"\n[error.jobs]\n'
                                              'given_up_failed = "Nach {tries} Versuchen aufgegeben. {error}"\n')
    shutil.copytree(EN, tmp_path / "en")
    monkeypatch.setattr(texts, "FOLDER", tmp_path)
    monkeypatch.setattr(texts, "_asked", [])
    _forget()
    yield "xx"
    monkeypatch.undo()
    _forget()


def _forget():
    texts._read.cache_clear()
    texts.languages.cache_clear()


def test_words_follow_their_number():
    assert say("case.line", subjects=1, replays=34) == "1 image, 34 replays"
    assert say("case.line", subjects=0, replays=1) == "0 images, 1 replay"


def test_unknown_keys_and_missing_values_fail():
    for key in ("start.no_such_text", "no_such_section.title", "title"):
        assert not known(key)
        with pytest.raises(KeyError):
            say(key)
    with pytest.raises(KeyError):
        say("case.line", subjects=1)


def test_values_are_never_read_as_templates():
    assert "{0}{x!r}" in say("story.by", title="{0}{x!r}", creator="%s")


def test_a_language_without_a_text_falls_back_to_english(second):
    assert texts.languages() == ("en", "xx")
    with speaking(second):
        assert say("nav.start") == "Anfang" and say("nav.subject") == "Subject"
        assert list(catalogue(second)) == list(catalogue())
    assert say("nav.start") == "Start"
    with speaking("no such language"):
        assert say("nav.start") == "Start"


def test_a_process_can_tell_its_language_and_a_thread_can_speak_another(second):
    texts.ask(lambda: second)
    heard = []
    thread = threading.Thread(target=lambda: heard.append(say("nav.start")))
    with speaking("en"):
        thread.start()
        thread.join()
        heard.append(say("nav.start"))
    assert heard == ["Anfang", "Start"]


def test_one_section_stands_in_one_file(second):
    (texts.FOLDER / second / "other.toml").write_text('[nav]\nreport = "Bericht"\n')
    with pytest.raises(ValueError, match="nav"):
        catalogue(second)


def test_an_error_is_said_in_the_language_in_use_and_travels_with_key_and_values(second):
    error = ExplorerError("jobs.given_up_failed", tries=3, error=ValueError("it fell over"))
    assert str(error).startswith("This was given up after 3 tries") and str(error).endswith("it fell over")
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), again.key, again.values) == (ExplorerError, error.key, error.values)
    with speaking(second):
        assert str(error) == str(again) == "Nach 3 Versuchen aufgegeben. it fell over"


def test_an_error_is_kept_as_text_with_key_and_values_and_said_in_another_language(second):
    inner = ExplorerError("jobs.given_up_failed", tries=1, error="")
    kept = json.loads(json.dumps(ExplorerError("jobs.given_up_failed", tries=np.int64(3), error=inner).packed()))
    assert kept["said"].startswith("This was given up after 3 tries, since each failed. This was given up after 1")
    with speaking(second):
        assert str(ExplorerError.unpacked(kept)) == "Nach 3 Versuchen aufgegeben. Nach 1 Versuchen aufgegeben. "
    kept["key"] = "jobs.of_a_version_to_come"
    assert str(ExplorerError.unpacked(kept)) == kept["said"]


def test_a_sentence_from_elsewhere_is_kept_as_it_is_and_a_kind_of_error_stays_one():
    assert str(ExplorerError("Something {odd} was said.")) == "Something {odd} was said."
    error = pickle.loads(pickle.dumps(Refused("jobs.given_up_failed", tries=Fraction(3), error=Path("a"))))
    assert isinstance(error, Refused) and error.values == {"tries": 3, "error": "a"}


@pytest.mark.parametrize("language", texts.languages())
def test_every_text_can_be_filled(language):
    """A broken brace, or a placeholder that only one language has, would show only on a person's screen."""
    for section, named in catalogue(language).items():
        for name, text in named.items():
            assert fields(text) == fields(catalogue()[section][name]), f"{section}.{name}"
            assert all(value.isidentifier() for value in fields(text)), f"{section}.{name}"


@pytest.mark.parametrize("language", texts.languages())
def test_a_language_has_no_text_that_nobody_says(language):
    whole = {f"{section}.{name}" for section, named in catalogue().items() for name in named}
    for path in (texts.FOLDER / language).rglob("*.toml"):
        found: dict = {}
        texts._lay(found, "", texts.tomllib.loads(path.read_text("utf-8")), path)
        assert {f"{s}.{n}" for s, named in found.items() for n in named} <= whole, path.name
