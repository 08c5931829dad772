"""Every sentence of the program, by key, in the language in use: a folder a language, TOML by subject.

`en/` is whole. Another language is one more folder with files of any names; what it lacks is said in English.
A key is `section.name`; no section stands in two files of a language.
"""

from __future__ import annotations

import contextlib
import functools
import re
import string
import tomllib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
WHOLE = "en"  # the language that has every text, and in which everything goes on record
_chosen: ContextVar[str] = ContextVar("language", default="")
_asked: list[Callable[[], str]] = []


@functools.cache
def languages() -> tuple[str, ...]:
    """The languages that can be chosen, the whole one first."""
    return WHOLE, *sorted({p.relative_to(FOLDER).parts[0] for p in FOLDER.rglob("*.toml")} - {WHOLE})


def language() -> str:
    """The language in use here: that of `speaking`, else what `ask` tells, else English."""
    wanted = _chosen.get() or next((tell() for tell in _asked), "")
    return wanted if wanted in languages() else WHOLE


def own_name(of: str) -> str:
    """A language's name in itself."""
    return catalogue(of)["format"]["name"]


def ask(tell: Callable[[], str]) -> None:
    """From now on `tell` names this process's language, at each sentence anew: a session's, or the settings'."""
    _asked[:] = [tell]


@contextlib.contextmanager
def speaking(wanted: str) -> Iterator[None]:
    """Within it (and within this thread or task) sentences are said in the language `wanted`."""
    token = _chosen.set(wanted)
    try:
        yield
    finally:
        _chosen.reset(token)


def on_record(make: Callable[..., Any]) -> Callable[..., Any]:
    """`make`, whose words go on record: said in English, in whatever language the session is."""

    @functools.wraps(make)
    def made(*args: Any, **kwargs: Any) -> Any:
        with speaking(WHOLE):
            return make(*args, **kwargs)

    return made


def catalogue(wanted: str = WHOLE) -> dict[str, dict[str, str]]:
    """Section → name → text of one language; what it lacks is English, in the order of the English."""
    return _read(wanted)


@functools.cache
def _read(wanted: str) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for path in sorted((FOLDER / wanted).rglob("*.toml")):
        _lay(found, "", tomllib.loads(path.read_text("utf-8")), path)
    if wanted == WHOLE:
        return found
    return {section: {name: found.get(section, {}).get(name, text) for name, text in texts.items()}
            for section, texts in _read(WHOLE).items()}


def _lay(found: dict[str, dict[str, str]], section: str, table: dict[str, Any], path: Path) -> None:
    texts = {name: text.strip("\n") for name, text in table.items() if isinstance(text, str)}
    if texts and section in found:
        raise ValueError(f"the section {section} stands in {path.name} and in another file")
    if texts:
        found[section] = texts
    for name, part in table.items():
        if isinstance(part, dict):
            _lay(found, f"{section}.{name}" if section else name, part, path)


def texts_of(section: str) -> dict[str, str]:
    """Name → text of a whole section, unfilled, in the language in use; KeyError for an unknown one."""
    return catalogue(language())[section]


def say(key: str, /, **values: object) -> str:
    """The text of `section.name`, with `{placeholders}` filled; KeyError for an unknown key or a missing value.

    `{n:image|images}` gives the first word where n is 1, else the second; other formats are Python's. Values
    are never read as templates themselves.
    """
    section, _, name = key.rpartition(".")
    text = texts_of(section)[name]
    return _WORDS.vformat(text, (), values) if values else text


def inside(words: str) -> str:
    """A label inside a sentence: in small letters, where the language has them there."""
    return words.lower() if say("format.small_inside") == "yes" else words


def known(key: str) -> bool:
    """Whether there is a text of this key."""
    section, _, name = key.rpartition(".")
    return name in catalogue(WHOLE).get(section, {})


def fields(text: str) -> set[str]:
    """The names of a text's placeholders."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


class _Words(string.Formatter):
    """Placeholders as in `str.format`, and one word or another by number."""

    def format_field(self, value: object, spec: str) -> str:
        one, bar, many = spec.partition("|")
        if bar:
            return one if str(value) == "1" else many
        if isinstance(value, _Localised):
            return value
        try:
            return localised(super().format_field(value, spec))
        except ValueError:  # a number that is in words already
            return localised(str(value))


class _Localised(str):
    """A number that is written as the language writes it, and not to be turned round again."""


def localised(text: str) -> str:
    """A number as this language writes it; any other text as it is."""
    if isinstance(text, _Localised) or not _NUMBER.fullmatch(text) or say("format.decimal_comma") != "yes":
        return text
    return _Localised(text.translate(_SWAPPED).replace("%", " %"))


_NUMBER = re.compile(r"[-−+]?\d{1,3}(,\d{3})+(\.\d+)?%?|[-−+]?\d+\.\d+%?|[-−+]?\d+%")
_SWAPPED = str.maketrans(",.", ".,")


_WORDS = _Words()

# Read at once: to say that memory or open files have run out must need neither.
languages()
catalogue()
