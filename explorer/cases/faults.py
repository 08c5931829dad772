"""Turns faults of disk and database into sentences for the person."""

from __future__ import annotations

import contextlib
import errno
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from explorer.errors import ExplorerError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextlib.contextmanager
def plain_faults(where: Path) -> Iterator[None]:
    """Raises ExplorerError for a full or unwritable disk and for a damaged database under `where`."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise ExplorerError(_sentence(str(error), where)) from error
    except sqlite3.DatabaseError as error:
        if isinstance(error, (sqlite3.IntegrityError, sqlite3.ProgrammingError)):
            raise
        raise ExplorerError(f"The database in {where} is damaged ({error}). "
                            "Restore the folder from a copy, or import the case's package.") from error
    except OSError as error:
        if error.errno in FULL:
            raise ExplorerError(_full(where)) from error
        raise ExplorerError(f"{where} cannot be read or written ({error.strerror or error}). Check that the "
                            "disk is there and writable; nothing already found is lost.") from error


def _sentence(message: str, where: Path) -> str:
    if "full" in message:
        return _full(where)
    if "locked" in message:
        return (f"Another program keeps {where} busy. Wait a moment and try again; "
                "nothing already found is lost.")
    return (f"The database in {where} cannot be read or written ({message}). Check that the disk is there "
            "and writable; nothing already found is lost.")


def _full(where: Path) -> str:
    return (f"No space is left on the disk that holds {where}. Free some space and resume; "
            "nothing already found is lost.")
