"""Reading what a command was pointed at."""

from __future__ import annotations

from pathlib import Path

from explorer.errors import ExplorerError, shortened

MOST_BYTES = 256 * 1024 * 1024


def read_file(path: Path) -> bytes:
    """The file's bytes; ExplorerError if it cannot be read or is over 256 MiB."""
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise ExplorerError(f"{path} has {size / 2**20:.0f} MiB; at most 256 MiB are read. Use a smaller copy.")
        return path.read_bytes()
    except OSError as error:
        raise ExplorerError(f"{shortened(path)} cannot be read ({error.strerror}). "
                            "Check the name and try again.") from error
