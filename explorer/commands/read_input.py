"""Reading what a command was pointed at."""

from __future__ import annotations

from pathlib import Path

from explorer.errors import ExplorerError

MOST_BYTES = 256 * 1024 * 1024


def read_file(path: Path) -> bytes:
    """The file's bytes; ExplorerError if it cannot be read or is over 256 MiB."""
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise ExplorerError("commands.read_input_mib", path=path, size=size / 2**20)
        return path.read_bytes()
    except OSError as error:
        raise ExplorerError("commands.read_input_cannot", path=path, strerror=error.strerror) from error
