"""Tables of `workspace.sqlite`: jobs, their progress, the workers, and the screens' heartbeat."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from explorer.cases import case_tables
from explorer.errors import ExplorerError

VERSION = 1

TABLES = (
    """CREATE TABLE IF NOT EXISTS jobs (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, task TEXT NOT NULL,
  kind TEXT NOT NULL, interactive INTEGER NOT NULL, state TEXT NOT NULL, owner TEXT NOT NULL,
  case_id TEXT NOT NULL, after TEXT, attempts INTEGER NOT NULL DEFAULT 0, cancel INTEGER NOT NULL DEFAULT 0,
  held INTEGER NOT NULL DEFAULT 0, worker TEXT NOT NULL DEFAULT '', error TEXT NOT NULL DEFAULT '',
  result TEXT NOT NULL DEFAULT 'null', submitted REAL NOT NULL, started REAL, ended REAL)""",
    "CREATE INDEX IF NOT EXISTS jobs_waiting ON jobs (state, kind, interactive, seq)",
    """CREATE TABLE IF NOT EXISTS progress (
  job_id TEXT PRIMARY KEY, done INTEGER NOT NULL, total INTEGER NOT NULL, message TEXT NOT NULL,
  step INTEGER NOT NULL, steps INTEGER NOT NULL, left_s REAL, best_replay_id TEXT NOT NULL, preview BLOB,
  updated REAL NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS workers (
  kind TEXT PRIMARY KEY, token TEXT NOT NULL, pid INTEGER NOT NULL, born REAL NOT NULL, device TEXT NOT NULL,
  beat REAL NOT NULL, job_id TEXT NOT NULL DEFAULT '', stop INTEGER NOT NULL DEFAULT 0,
  facts TEXT NOT NULL DEFAULT '{}')""",
    "CREATE TABLE IF NOT EXISTS beats (name TEXT PRIMARY KEY, time REAL NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS claims (name TEXT PRIMARY KEY, time REAL NOT NULL) WITHOUT ROWID",
)


def connect(path: Path) -> sqlite3.Connection:
    """A connection as to a case, with the tables made where they are missing."""
    db = case_tables.connect(path)
    db.execute("PRAGMA secure_delete=ON")  # previews of a deleted case must not stay in free pages
    _prepare(db, path)
    return db


def _prepare(db: sqlite3.Connection, path: Path) -> None:
    found = int(db.execute("PRAGMA user_version").fetchone()[0])
    if found == VERSION:
        return
    if found > VERSION:
        raise ExplorerError("jobs.queue_tables_workspace_written_newer", path=path)
    db.execute("BEGIN IMMEDIATE")
    for table in TABLES:
        db.execute(table)
    db.execute(f"PRAGMA user_version={VERSION}")
    db.execute("COMMIT")
