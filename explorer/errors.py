"""Two kinds of error: this one is shown to the person as it is; anything else is a bug and is logged."""


class ExplorerError(Exception):
    """A message for the person: what is wrong, what is allowed, and what to do next."""


def shortened(text: object, most: int = 120) -> str:
    """A name, path or address for a sentence: one line, what is too long cut in its middle."""
    line = "".join(c if c.isprintable() else " " for c in str(text))
    return line if len(line) <= most else f"{line[:most // 2]}…{line[-(most // 2 - 1):]}"


def cut(text: str, most: int) -> str:
    """The text, or its beginning and how long it is where it is longer than `most` letters."""
    return text if len(text) <= most else f"{text[:most]}… ({len(text):,} letters)"


class Cancelled(Exception):
    """Raised inside a running task after its cancellation was asked for; not an error to show."""
