"""What pages say: `say` of `explorer.texts`, and what makes words fit for a screen."""

from __future__ import annotations

import re

from explorer.errors import cut
from explorer.texts import known, say, texts_of
from explorer.texts.retell import retold

MOST_SHOWN = 5_000  # letters of a text from outside
_STEERING = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u061c\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069\\ufeff]")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~$:])")


def task_name(name: str) -> str:
    """What a kind of task is called on the screen; its own name where it has no text yet."""
    return texts_of("task").get(name, name)


def plain(text: str) -> str:
    """Text from outside made harmless for Markdown: shown letter by letter, on one line.

    Characters that steer or turn the text around are named instead ("[U+202E]"), so that none can
    make a name read as another one. What is longer than anybody reads is cut.
    """
    return _MARKDOWN.sub(r"\\\1", bare(text))


def bare(text: str) -> str:
    """The same for a place that reads no Markdown, as the options of a list."""
    words = " ".join(cut(str(text), MOST_SHOWN).split())
    return _STEERING.sub(lambda found: f"[U+{ord(found[0]):04X}]", words)


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


__all__ = ["bare", "known", "minutes", "plain", "retold", "say", "size", "task_name", "texts_of"]
