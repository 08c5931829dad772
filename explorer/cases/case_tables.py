"""The tables of a case's SQLite file, its version, and the steps from earlier versions.

The log alone holds contents: records, replays and choices are indexes that name a log entry, so that
what the screens show and what the chain covers can never differ.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from explorer.errors import ExplorerError

VERSION = 2

TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE log (seq INTEGER PRIMARY KEY, time TEXT NOT NULL, kind TEXT NOT NULL, actor TEXT NOT NULL,
  job TEXT NOT NULL, body TEXT NOT NULL, prev TEXT NOT NULL, hash TEXT NOT NULL);
CREATE TABLE records (kind TEXT NOT NULL, key TEXT NOT NULL, subject_id TEXT NOT NULL,
  seq INTEGER NOT NULL, PRIMARY KEY (kind, key)) WITHOUT ROWID;
CREATE INDEX records_of_subject ON records (kind, subject_id, seq);
CREATE TABLE replays (id TEXT PRIMARY KEY, subject_id TEXT NOT NULL, search_id TEXT NOT NULL,
  recipe TEXT NOT NULL, exhibit INTEGER NOT NULL, seq INTEGER NOT NULL, first_seq INTEGER NOT NULL,
  UNIQUE (search_id, recipe)) WITHOUT ROWID;
CREATE INDEX replays_of_subject ON replays (subject_id, first_seq);
CREATE TABLE scores (replay_id TEXT NOT NULL, name TEXT NOT NULL, subject_id TEXT NOT NULL, value REAL,
  PRIMARY KEY (replay_id, name)) WITHOUT ROWID;
CREATE INDEX scores_in_order ON scores (subject_id, name, value, replay_id);
CREATE TABLE choices (key TEXT PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;
"""

# From version 1: replays were ordered by their newest entry, so that an exhibit jumped to the end.
FROM_1 = """
ALTER TABLE replays RENAME TO replays_1;
CREATE TABLE replays (id TEXT PRIMARY KEY, subject_id TEXT NOT NULL, search_id TEXT NOT NULL,
  recipe TEXT NOT NULL, exhibit INTEGER NOT NULL, seq INTEGER NOT NULL, first_seq INTEGER NOT NULL,
  UNIQUE (search_id, recipe)) WITHOUT ROWID;
INSERT INTO replays SELECT id, subject_id, search_id, recipe, exhibit, seq, seq FROM replays_1;
DROP TABLE replays_1;
CREATE INDEX replays_of_subject ON replays (subject_id, first_seq);
"""

MIGRATIONS = {1: FROM_1}


def connect(path: Path) -> sqlite3.Connection:
    """A connection in autocommit mode with WAL, synchronous=FULL and ten seconds of patience."""
    db = sqlite3.connect(path, timeout=10.0, isolation_level=None, check_same_thread=False)
    db.row_factory = sqlite3.Row
    db.execute("PRAGMA busy_timeout=10000")
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute("PRAGMA foreign_keys=ON")
    return db


def create(db: sqlite3.Connection) -> None:
    """Makes the tables of the newest version."""
    run_script(db, TABLES)
    db.execute(f"PRAGMA user_version={VERSION}")


def run_script(db: sqlite3.Connection, script: str) -> None:
    """Runs statements one by one; `executescript` would commit the transaction that is open."""
    for statement in script.split(";"):
        if statement.strip():
            db.execute(statement)


def migrate(db: sqlite3.Connection, path: Path) -> None:
    """Brings an earlier case up to date in one transaction; ExplorerError for a later version."""
    if _version(db) == VERSION:
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        found = _version(db)
        if found > VERSION or found < 1:
            raise ExplorerError("cases.case_tables_schema", path_parent=path.parent, found=found, version=VERSION)
        for version in range(found, VERSION):
            run_script(db, MIGRATIONS[version])
        db.execute(f"PRAGMA user_version={VERSION}")
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])
