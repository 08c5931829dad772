"""Turns faults of disk, memory and database into sentences for the person."""

from __future__ import annotations

import contextlib
import errno
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from explorer.errors import ExplorerError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_WHY = {**dict.fromkeys(FULL, "no space is left on a disk that is needed for it"),
        **dict.fromkeys((errno.EMFILE, errno.ENFILE), "too many files are open on this computer"),
        **dict.fromkeys((errno.EACCES, errno.EPERM), "a file may not be read"),
        errno.ENOMEM: "this computer ran out of memory", errno.EIO: "the disk reports a fault"}
_SQLITE_WHY = {sqlite3.SQLITE_NOMEM: _WHY[errno.ENOMEM], sqlite3.SQLITE_FULL: _WHY[errno.ENOSPC],
               sqlite3.SQLITE_IOERR: _WHY[errno.EIO], sqlite3.SQLITE_CANTOPEN: "a temporary file cannot be made"}


def own_fault(error: BaseException | None) -> str:
    """What this computer lacked that led to an error, as half a sentence; "" where it lies in what was read."""
    while error is not None:
        if isinstance(error, MemoryError):
            return _WHY[errno.ENOMEM]
        if isinstance(error, OSError):
            return _WHY.get(error.errno, f"a file cannot be read ({error.strerror or type(error).__name__})")
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF if isinstance(error, sqlite3.Error) else 0
        if code in _SQLITE_WHY:
            return _SQLITE_WHY[code]
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return ""


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
