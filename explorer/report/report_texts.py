"""What a report says in fixed words, from `texts/…/report.toml`; and how it names a model."""

from __future__ import annotations

from explorer.records import ModelRef, Recipe, Subject
from explorer.settings import BUNDLED
from explorer.texts import say, texts_of

DECIDED = ("stands_out", "does_not_stand_out")


def named(section: str, name: str) -> str:
    """The text of `document.section` for a name; the name itself where there is none."""
    return texts_of(f"document.{section}").get(name, name)


def listed(section: str) -> tuple[str, ...]:
    """All texts of `document.section`, in order."""
    return tuple(texts_of(f"document.{section}").values())


def head(name: str, **values: object) -> tuple[str, ...]:
    """The head of a table, or the names of its rows."""
    return tuple(say(f"document.head.{name}", **values).split("|"))


def reading() -> tuple[tuple[str, str], ...]:
    """The words of a report, each with its meaning."""
    return tuple(tuple(text.split(": ", 1)) for text in listed("reading"))


def began(recipe: Recipe, subject: Subject, section: str = "began") -> str:
    """What a replay started from, in the words of `document.section`."""
    return say(f"document.{section}.{recipe.start(subject)}", strength=recipe.strength or 0)


def day(time: str) -> str:
    """An ISO time as a day and a minute."""
    return say("document.day", day=time[:10], time=time[11:16])


def model_name(model: ModelRef, *, short: bool = False) -> str:
    """A model by its source and fingerprint (12 of its 64 digits if `short`), with what was laid over it."""
    source = say(f"document.bundled_{model.source}") if model.source in BUNDLED else model.source
    return say("document.model", source=source, fingerprint=model.fingerprint[:12 if short else 64],
               over=say("document.adapters", n=len(model.adapters)) if model.adapters else "")
