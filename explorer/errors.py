"""Two kinds of error: this one is shown to the person as it is; anything else is a bug and is logged."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

from explorer.texts import known, say


class ExplorerError(Exception):
    """A message for the person: what is wrong, what is allowed, and what to do next.

    `key` names the text in `texts/…/errors.toml` and `values` fill it: `ExplorerError("cases.none", id=id)`.
    `str(error)` is the sentence in the language in use; a value may be another such error. Pickled, key and
    values go along. What is no key (a sentence that another process said) is kept as it is.
    """

    def __init__(self, key: str, /, **values: object) -> None:
        super().__init__(key)
        self.key, self.values = key, {name: _plain(value) for name, value in values.items()}

    def __str__(self) -> str:
        key = f"error.{self.key}"
        return say(key, **self.values) if known(key) else self.key

    def packed(self) -> dict[str, Any]:
        """Key, values and the sentence, for JSON."""
        values = {n: v.packed() if isinstance(v, ExplorerError) else v for n, v in self.values.items()}
        return {"key": self.key, "values": values, "said": str(self)}

    @classmethod
    def unpacked(cls, packed: dict[str, Any]) -> ExplorerError:
        """The error again, to be said in another language; where its key is not known here, its sentence."""
        if not known(f"error.{packed['key']}"):
            return cls(packed["said"])
        return cls(packed["key"], **{n: ExplorerError.unpacked(v) if isinstance(v, dict) else v
                                     for n, v in packed["values"].items()})


def _plain(value: object) -> object:
    """What can be pickled, stored and read again without the modules that made it."""
    if isinstance(value, (str, int, float, ExplorerError)):
        return value
    return int(value) if isinstance(value, Integral) else float(value) if isinstance(value, Real) else str(value)


def shortened(text: object, most: int = 120) -> str:
    """A name, path or address for a sentence: one line, what is too long cut in its middle."""
    line = "".join(c if c.isprintable() else " " for c in str(text))
    return line if len(line) <= most else f"{line[:most // 2]}…{line[-(most // 2 - 1):]}"


def cut(text: str, most: int) -> str:
    """The text, or its beginning and how long it is where it is longer than `most` letters."""
    return text if len(text) <= most else say("format.cut", text=text[:most], count=len(text))


class Cancelled(Exception):
    """Raised inside a running task after its cancellation was asked for; not an error to show."""
