"""Two kinds of error: this one is shown to the person as it is; anything else is a bug and is logged."""


class ExplorerError(Exception):
    """A message for the person: what is wrong, what is allowed, and what to do next."""


class Cancelled(Exception):
    """Raised inside a running task after its cancellation was asked for; not an error to show."""
