"""Turns faults of disk, memory and database into sentences for the person."""

from __future__ import annotations

import contextlib
import errno
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from explorer.errors import ExplorerError
from explorer.texts import say

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_WHY = {**dict.fromkeys(FULL, "space"), **dict.fromkeys((errno.EMFILE, errno.ENFILE), "open_files"),
        **dict.fromkeys((errno.EACCES, errno.EPERM), "may_not"), errno.ENOMEM: "memory", errno.EIO: "disk"}
_SQLITE_WHY = {sqlite3.SQLITE_NOMEM: "memory", sqlite3.SQLITE_FULL: "space", sqlite3.SQLITE_IOERR: "disk",
               sqlite3.SQLITE_CANTOPEN: "temporary"}


def own_fault(error: BaseException | None) -> str:
    """What this computer lacked that led to an error, as half a sentence; "" where it lies in what was read."""
    while error is not None:
        if isinstance(error, MemoryError):
            return say("note.lacking.memory")
        if isinstance(error, OSError):
            return say(f"note.lacking.{_WHY.get(error.errno, 'other')}",
                       strerror=error.strerror or type(error).__name__)
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF if isinstance(error, sqlite3.Error) else 0
        if code in _SQLITE_WHY:
            return say(f"note.lacking.{_SQLITE_WHY[code]}")
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return ""


@contextlib.contextmanager
def plain_faults(where: Path) -> Iterator[None]:
    """Raises ExplorerError for a full or unwritable disk and for a damaged database under `where`."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise _fault(str(error), where) from error
    except sqlite3.DatabaseError as error:
        if isinstance(error, (sqlite3.IntegrityError, sqlite3.ProgrammingError)):
            raise
        raise ExplorerError("cases.faults_database_damaged", where=where, error=error) from error
    except OSError as error:
        if error.errno in FULL:
            raise ExplorerError("cases.faults_no_space", where=where) from error
        raise ExplorerError("cases.faults_cannot_read_written", where=where,
                            strerror=error.strerror or error) from error


def _fault(message: str, where: Path) -> ExplorerError:
    if "full" in message:
        return ExplorerError("cases.faults_no_space", where=where)
    if "locked" in message:
        return ExplorerError("cases.faults_busy", where=where)
    return ExplorerError("cases.faults_database_cannot_read", where=where, message=message)
