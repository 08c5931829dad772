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
