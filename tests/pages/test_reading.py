"""Every English sentence can be read: a grade of at most 9 a section, and no sentence of over thirty words."""

from __future__ import annotations

import pytest

from tests.texts.reading import HIGHEST_GRADE, grade, graded, long, sentences, whole, words

# Sections whose words are others' and cannot be made plainer.
HARD = {"document.source": "names of papers", "error_rate": "each names its rule, cases, interval, date and model"}
# Sentences that stay long, with why.
LONG = {
    "statement.": "on record since the first version; screens and reports say the answer in plain words first",
    "error_rate.": "on record since the first version",
    "limit.": "on record since the first version", "aside.": "parts of statements on record",
    "earlier.": "as earlier versions put it on record",
}


def test_every_section_can_be_read_at_fourteen():
    hard = {section: round(found, 1) for section, found, _ in graded("") if found > HIGHEST_GRADE}
    assert hard.keys() <= HARD.keys(), hard


def test_no_sentence_has_over_thirty_words():
    found = dict(long())
    assert {key: n for key, n in found.items() if not key.startswith(tuple(LONG))} == {}
    left = [start for start in LONG if not any(key.startswith(start) for key in found)]
    assert left == [], "these are short now and need no exception"


@pytest.mark.parametrize(("text", "found"), [
    ("One **bold** word. Two {n:word|words}.", ["One bold word.", "Two words."]),
    ("{name} is here. (It is.) “So it is.”", ["Ten is here.", "(It is.)", "“So it is.”"]),
    ("- first\n- second", ["first", "second"]),
])
def test_a_text_is_read_as_a_person_reads_it(text, found):
    assert [s.lstrip("- ") for s in sentences(text)] == found


def test_a_hard_text_is_told_from_an_easy_one():
    easy = ["The cat sat on the mat.", "It was red and it was big."]
    hard = ["Notwithstanding considerable methodological heterogeneity, multiplicity determines reproducibility."]
    assert grade(easy) < 3 < HIGHEST_GRADE < grade(hard)
    assert words("It's a well-known thing") == 4
    assert whole("Open") == [] and whole("A label of two") == []
