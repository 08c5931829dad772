"""Every page in German: its texts are German (but a README's table), as the address or the settings ask."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from explorer.settings import load_settings, save_settings
from explorer.texts import catalogue, speaking
from pages.shared.frame import ALONE, LIBRARY, PATH
from pages.shared.texts import say
from tests.pages.test_pages import written

ENGLISH = re.compile(r"\b(?:the|this|your|with|which|from|every|without)\b")


@pytest.fixture
def german(opened, home):
    """Opens a page of a workspace whose settings say German."""
    save_settings(replace(load_settings(), language="de"))
    return opened


@pytest.mark.parametrize("name", ("start", *PATH, *ALONE, *LIBRARY))
def test_every_page_is_german(german, case, name):
    app = german(name, case)
    assert not app.exception and not app.error
    with speaking("de"):
        assert app.title[0].value == say(f"{name}.title")
    shown = written(app) + "\n".join(b.label for b in app.button)
    english = {text for named in catalogue().values() for text in named.values() if "{" not in text and " " in text}
    german_texts = {text for named in catalogue("de").values() for text in named.values()}
    assert not [text for text in english - german_texts if len(text) > 20 and text in shown]
    lines = [re.sub(r"<[^>]*>|`[^`]*`|“.*?”|„.*?“", "", line) for line in shown.splitlines()]
    assert not [line for line in lines if ENGLISH.search(line) and (name != "methods" or line[:1] != "|")
                and line not in german_texts]


def test_the_address_sets_the_language_of_one_session(opened, home):
    app = opened("start")
    assert app.title[0].value == say("start.title")
    app.query_params["lang"] = "de"
    app.run()
    with speaking("de"):
        assert app.title[0].value == say("start.title")
    assert load_settings().language == ""


def test_the_settings_page_changes_the_language_whatever_the_address_asked(opened, home):
    app = opened("settings")
    app.query_params["lang"] = "en"
    next(s for s in app.selectbox if s.label == say("settings.language")).set_value("de").run()
    with speaking("de"):
        assert app.title[0].value == say("settings.title")
    assert load_settings().language == "de" and "lang" not in app.query_params
