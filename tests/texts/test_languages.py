"""A second language is whole, says what the first says, and says again what went on record."""

from __future__ import annotations

import re
import string

import pytest

from explorer import texts
from explorer.findings import wording
from explorer.findings.closeness_finding import judge
from explorer.records import Effort, ModelRef, Recipe, Replay
from explorer.records.scores import shown
from explorer.texts import WHOLE, catalogue, fields, on_record, own_name, say, speaking
from explorer.texts.retell import ON_RECORD, retold

OTHERS = [language for language in texts.languages() if language != WHOLE]


def _own(language: str) -> dict[str, dict[str, str]]:
    """What the language's own files have, without what is said in English for want of it."""
    found: dict = {}
    for path in (texts.FOLDER / language).rglob("*.toml"):
        texts._lay(found, "", texts.tomllib.loads(path.read_text("utf-8")), path)
    return found


@pytest.mark.parametrize("language", OTHERS)
def test_every_text_is_there(language):
    own = _own(language)
    lacking = [f"{s}.{n}" for s, named in catalogue().items() for n in named if n not in own.get(s, {})]
    assert lacking == []


@pytest.mark.parametrize("language", OTHERS)
def test_every_text_has_the_same_values_and_marks(language):
    for section, named in catalogue().items():
        for name, text in named.items():
            other = catalogue(language)[section][name]
            where = f"{section}.{name}"
            assert fields(other) == fields(text), where
            assert _literal(other).count("|") == _literal(text).count("|"), where
            assert all(other.count(mark) == text.count(mark) for mark in ("**", "`")), where
            assert text[:1] != " " or other[:1] == " ", where
            assert _conversions(other) == _conversions(text), where


def _conversions(text: str) -> list[str]:
    return sorted(f"{name}!{mark}" for _, name, _, mark in string.Formatter().parse(text) if mark)


def _literal(text: str) -> str:
    return "".join(literal for literal, *_ in string.Formatter().parse(text))


@pytest.mark.parametrize("language", OTHERS)
def test_nothing_is_alleged(language):
    banned = {"de": ("gestohlen", "diebisch", "raubkop", "abgekupfert", "plagi", "beweist, dass", "schuldig")}
    for section, named in catalogue(language).items():
        for name, text in named.items():
            assert not [w for w in banned.get(language, wording.BANNED) if w in text.lower()], f"{section}.{name}"


@pytest.mark.parametrize("language", OTHERS)
def test_what_went_on_record_is_said_again(language):
    """Each text of the record, filled in English, becomes the same text filled in the other language."""
    for section, named in catalogue().items():
        if section.split(".")[0] not in ON_RECORD or section == "note":
            continue
        for name, text in named.items():
            if len(re.findall(r"[A-Za-z]", _literal(text))) < 15:
                continue
            values = {field: 7 + i if re.search(rf"{{{field}:[,.]", text) else f"<{field}>"
                      for i, field in enumerate(sorted(fields(text)))}
            said = say(f"{section}.{name}", **values)
            with speaking(language):
                assert retold(said) == say(f"{section}.{name}", **values), f"{section}.{name}"


def test_a_finding_of_the_record_is_said_in_german_with_its_numbers():
    recipe = Recipe(ModelRef("world", "f" * 64, "sd1"), "a fox", 1, 20, 7.5, "euler", 64, 64)
    replay = Replay("r1", "s1", "q1", recipe, "0" * 64, {"tiled_l2": 0.125}, 40, 1.0)
    found = judge("s1", replay, Effort(1_600, 64_000, 9.0), score="tiled_l2")
    with speaking("de"):
        said = retold(found.statement)
        assert [retold(line) for line in found.limits] == list(wording.limits(found.kind))
        assert retold(found.error_rate) == say("error_rate.none")
    assert said.startswith("Die nächste von 1.600 Wiedergaben (64.000 Netzläufe) erreichte 0,125 "
                           "(Kachelabstand; 0 ist dasselbe Bild).")
    assert retold(found.statement) == found.statement


def test_lists_of_notes_are_said_again_and_foreign_words_are_left():
    with speaking("de"):
        assert retold("mirrored, scaled by 1.25") == "gespiegelt, skaliert mit 1,25"
        assert retold("steps: one of 3 listed; guidance by hand: 0 to 30 in tenths.") == (
            "Schritte: eines von 3 aufgeführten; Guidance von Hand: 0 bis 30 in Zehnteln.")
        missed = retold("x (at most 88%) of works seen once, 51% (at most 68%) of works seen 4 times and 0% (at "
                        "most 9%) of works seen 16 times")
        assert missed == ("x (höchstens 88 %) der ein Mal gesehenen Werke, 51 % (höchstens 68 %) der 4 Mal "
                          "gesehenen Werke und 0 % (höchstens 9 %) der 16 Mal gesehenen Werke")
        assert retold("A title that somebody typed") == "A title that somebody typed"


def test_numbers_are_written_as_the_language_writes_them():
    with speaking("de"):
        assert say("case.line", subjects=1, replays=1234) == "1 Bild, 1.234 Wiedergaben"
        assert say("document.spread", least=0.5, most=1.25, median=1) == "0,500 bis 1,250 (Median 1,000)"
        assert shown("tiled_l2", 0.5) == "0,500" and shown("psnr", 12.25) == "12,2 dB"
        assert say("works.distance", value=shown("tiled_l2", 0.5)).count("0,500") == 1
        assert texts.localised("95%") == "95 %" and texts.localised("v1.2.3") == "v1.2.3"
    assert say("document.spread", least=0.5, most=1.25, median=1) == "0.500 to 1.250 (median 1.000)"


def test_what_goes_on_record_is_said_in_english():
    with speaking("de"):
        assert on_record(lambda: say("nav.subject"))() == "Subject" and say("nav.subject") == "Prüfbild"
    assert own_name("de") == "Deutsch"
