"""Two kinds of error: this one is shown to the person as it is; anything else is a bug and is logged."""

from __future__ import annotations

from numbers import Real

from explorer.texts import known, say


class ExplorerError(Exception):
    """A message for the person: what is wrong, what is allowed, and what to do next.

    `key` names the text in `texts/…/errors.toml` and `values` fill it: `ExplorerError("cases.none", id=id)`.
    `str(error)` is the sentence in the language in use. Pickled, key and values go along. What is no key (a
    sentence that another process said) is kept as it is.
    """

    def __init__(self, key: str, /, **values: object) -> None:
        super().__init__(key)
        self.key, self.values = key, {name: _plain(value) for name, value in values.items()}

    def __str__(self) -> str:
        key = f"error.{self.key}"
        return say(key, **self.values) if known(key) else self.key


def _plain(value: object) -> object:
    """What can be pickled, stored and read again without the modules that made it."""
    return value if isinstance(value, (str, Real)) else str(value)


def shortened(text: object, most: int = 120) -> str:
    """A name, path or address for a sentence: one line, what is too long cut in its middle."""
    line = "".join(c if c.isprintable() else " " for c in str(text))
    return line if len(line) <= most else f"{line[:most // 2]}…{line[-(most // 2 - 1):]}"


class Cancelled(Exception):
    """Raised inside a running task after its cancellation was asked for; not an error to show."""
