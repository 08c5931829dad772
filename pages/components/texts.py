"""Every sentence of the screens, by key, from `texts.toml`: one file to read, correct or translate."""

from __future__ import annotations

import functools
import re
import string
import tomllib
from pathlib import Path

from explorer.errors import cut

MOST_SHOWN = 5_000  # letters of a text from outside
_FILE = Path(__file__).with_name("texts.toml")
_STEERING = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u061c\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069\\ufeff]")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~$:])")


@functools.lru_cache(maxsize=1)
def catalogue() -> dict[str, dict[str, str]]:
    """Section → name → text."""
    return tomllib.loads(_FILE.read_text("utf-8"))


def say(key: str, **values: object) -> str:
    """The text of `section.name`, with `{placeholders}` filled; KeyError for an unknown key.

    `{n:image|images}` gives the first word where n is 1, else the second.
    """
    section, name = key.split(".", 1)
    text = catalogue()[section][name].strip()
    return _WORDS.vformat(text, (), values) if values else text


class _Words(string.Formatter):
    """Placeholders as in `str.format`, and one word or another by number."""

    def format_field(self, value: object, spec: str) -> str:
        one, bar, many = spec.partition("|")
        if bar:
            return one if str(value) == "1" else many
        return super().format_field(value, spec)


_WORDS = _Words()


def task_name(name: str) -> str:
    """What a kind of task is called on the screen; its own name where it has no text yet."""
    return catalogue()["task"].get(name, name)


def plain(text: str) -> str:
    """Text from outside made harmless for Markdown: shown letter by letter, on one line.

    Characters that steer or turn the text around are named instead ("[U+202E]"), so that none can
    make a name read as another one. What is longer than anybody reads is cut.
    """
    words = " ".join(cut(str(text), MOST_SHOWN).split())
    line = _STEERING.sub(lambda found: f"[U+{ord(found[0]):04X}]", words)
    return _MARKDOWN.sub(r"\\\1", line)


def minutes(seconds: float | None) -> str:
    """Time left in words a person reads at a glance; "" if not known."""
    if seconds is None:
        return ""
    if seconds < 90:
        return say("live.seconds", n=max(1, round(seconds)))
    if seconds < 5400:
        return say("live.minutes", n=round(seconds / 60))
    return say("live.hours", n=round(seconds / 3600, 1))


def size(size_bytes: int) -> str:
    """A size on disk or in memory as people say it."""
    for unit, one in (("GB", 1e9), ("MB", 1e6), ("KB", 1e3)):
        if size_bytes >= one:
            return f"{size_bytes / one:.1f} {unit}"
    return f"{size_bytes} B"
