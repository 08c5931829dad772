"""From log entries to the tables that the screens query: one way, for writing and for importing."""

from __future__ import annotations

import sqlite3
from typing import Any

from explorer.cases.log import LogEntry
from explorer.records.canonical import canonical, digest

REPLAY, EXHIBIT, CHOICE, CASE, CREATED = "Replay", "Exhibit", "choice", "case", "case created"
REPLAYS = (REPLAY, EXHIBIT)


def index(db: sqlite3.Connection, seq: int, kind: str, body: dict[str, Any]) -> None:
    """Enters one log entry into the tables; an entry that is only a note enters none."""
    if kind in REPLAYS:
        _replay(db, seq, kind, body["data"])
    elif kind == CHOICE:
        db.execute("INSERT OR REPLACE INTO choices VALUES (?,?)", (body["key"], seq))
    elif kind in (CASE, CREATED):
        db.executemany("INSERT OR REPLACE INTO meta VALUES (?,?)",
                       [(k, v) for k, v in body.items() if k not in ("id", "python", "sqlite")])
    elif "key" in body and "data" in body:
        db.execute("INSERT OR REPLACE INTO records VALUES (?,?,?,?)",
                   (kind, body["key"], body["data"].get("subject_id", ""), seq))


def _replay(db: sqlite3.Connection, seq: int, kind: str, data: dict[str, Any]) -> None:
    old = db.execute("SELECT first_seq FROM replays WHERE id=?", (data["id"],)).fetchone()
    db.execute("INSERT OR REPLACE INTO replays VALUES (?,?,?,?,?,?,?)",
               (data["id"], data["subject_id"], data["search_id"], digest(data["recipe"]),
                int(kind == EXHIBIT), seq, old[0] if old else seq))
    db.execute("DELETE FROM scores WHERE replay_id=?", (data["id"],))
    db.executemany("INSERT INTO scores VALUES (?,?,?,?)", [
        (data["id"], name, data["subject_id"], float(value)) for name, value in data["closeness"].items()])


def enter(db: sqlite3.Connection, entry: LogEntry) -> None:
    """Writes an entry as it stands (of an imported log) and indexes it."""
    db.execute("INSERT INTO log VALUES (:seq,:time,:kind,:actor,:job,:body,:prev,:hash)",
               vars(entry) | {"body": canonical(entry.body).decode()})
    index(db, entry.seq, entry.kind, entry.body)
