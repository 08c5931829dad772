"""How hard the program's English is to read: Flesch and Kincaid's grade by textstat, and the words of a sentence.

Grade: 0.39 words a sentence + 11.8 syllables a word - 15.59 (Kincaid et al. 1975); 9 is what most people of
fourteen can read. Labels of a few words are no sentences and are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import textstat

from explorer.texts import FOLDER, WHOLE, tomllib

MOST_WORDS = 30
HIGHEST_GRADE = 9.0
CITED = ("paper",)  # names of texts that are quotations
FEWEST_SENTENCES = 3  # of a section, for a grade to mean something
_FILLED = re.compile(r"\{[^{}:]*:([^{}|]*)\|([^{}]*)\}")
_PLACE = re.compile(r"\{[^{}]*\}")
_MARKS = re.compile(r"[*`_#>|]+|:material/\w+:|\[([^\]]*)\]\([^)]*\)")
_END = re.compile(r"(?:(?<=[.?!])|(?<=[.?!][”\")]))\s+(?=[A-Z“(0-9])|\n+(?:- )?")


def sections(part: str = "") -> dict[str, dict[str, str]]:
    """Section → name → text of the English files in `part` of the texts ("screens", or all)."""
    found: dict[str, dict[str, str]] = {}
    for path in sorted((FOLDER / WHOLE / part).rglob("*.toml")):
        _lay(found, "", tomllib.loads(path.read_text("utf-8")))
    return found


def _lay(found: dict[str, dict[str, str]], section: str, table: Mapping) -> None:
    texts = {name: text.strip() for name, text in table.items() if isinstance(text, str) and name not in CITED}
    if texts:
        found[section] = texts
    for name, part in table.items():
        if isinstance(part, dict):
            _lay(found, f"{section}.{name}" if section else name, part)


def sentences(text: str) -> list[str]:
    """The sentences of a text as a person would read them: values as one short word, without marks."""
    words = _PLACE.sub("Ten", _FILLED.sub(r"\2", text))
    words = _MARKS.sub(lambda found: found[1] or "", words)
    return [part.strip() for part in _END.split(words) if part.strip()]


def words(sentence: str) -> int:
    """How many words a sentence has."""
    return len(re.findall(r"[\w’'-]*\w", sentence))


def whole(text: str) -> list[str]:
    """Its sentences that are more than labels: they end as sentences do, or have as many words."""
    return [s for s in sentences(text) if words(s) >= 4 and (s[-1] in ".?!" or words(s) >= 8)]


def grade(found: list[str]) -> float:
    """The grade of some sentences, read one after another."""
    joined = " ".join(re.sub(r"[.?!:;]", ",", s).strip(", ") + "." for s in found)
    return textstat.flesch_kincaid_grade(joined)


def graded(part: str = "screens") -> Iterator[tuple[str, float, int]]:
    """(section, grade, sentences) of every section with enough of them."""
    for section, texts in sections(part).items():
        found = [s for text in texts.values() for s in whole(text)]
        if len(found) >= FEWEST_SENTENCES:
            yield section, grade(found), len(found)


def long(part: str = "") -> Iterator[tuple[str, int]]:
    """(key, words) of every sentence with more than the most words."""
    for section, texts in sections(part).items():
        for name, text in texts.items():
            for sentence in sentences(text):
                if words(sentence) > MOST_WORDS:
                    yield f"{section}.{name}", words(sentence)
