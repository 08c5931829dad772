"""Two kinds of error: this one is shown to the person as it is; anything else is a bug and is logged."""


class ExplorerError(Exception):
    """A message for the person: what is wrong, what is allowed, and what to do next."""


def shortened(text: object, most: int = 120) -> str:
    """A name, path or address for a sentence: one line, what is too long cut in its middle."""
    line = "".join(c if c.isprintable() else " " for c in str(text))
    return line if len(line) <= most else f"{line[:most // 2]}…{line[-(most // 2 - 1):]}"


class Cancelled(Exception):
    """Raised inside a running task after its cancellation was asked for; not an error to show."""
