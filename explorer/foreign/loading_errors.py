"""What a library says when it opens a foreign model, as one sentence."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from explorer.errors import Cancelled, ExplorerError

log = logging.getLogger(__name__)
OURS = ("out of memory", "can't allocate memory", "CUDA error:", "HIP error:", "MPS backend error", "CUDNN_STATUS_")


@contextmanager
def opening(what: str, *, then: str) -> Iterator[None]:
    """Turns whatever a library raises over somebody's files into an ExplorerError: `what`, why, `then`.

    Libraries raise errors of every kind over files that are odd. Memory that runs out and a device that fails are
    not the file's fault and go through.
    """
    try:
        yield
    except (ExplorerError, Cancelled, MemoryError):
        raise
    except Exception as error:
        if type(error).__name__ == "AcceleratorError" or any(sign in str(error) for sign in OURS):
            raise
        log.warning("%s cannot be loaded", what, exc_info=True)
        raise ExplorerError("foreign.loading_cannot_loaded", what=what, first_line=first_line(error),
                            then=then) from error


def first_line(error: Exception) -> str:
    """The first line of what an error says, at most 240 characters of it, or its kind."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")[:240]
