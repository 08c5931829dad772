"""Queries over a case's tables: contents come from the log entries that the indexes name."""

from __future__ import annotations

import dataclasses
import sqlite3
from typing import Any

from explorer import records
from explorer.cases.log import LogEntry
from explorer.closeness.catalogue import SCORES
from explorer.records import Replay, from_json
from explorer.records.canonical import read


def natural_key(record: Any) -> str:
    """What makes a record itself: a second one with this key takes the first one's place."""
    if isinstance(record, records.Embedding):
        return f"{record.subject_id}/{record.clip_fingerprint}"
    if isinstance(record, records.Neighbour):
        return f"{record.subject_id}/{record.collection}/{record.rank}"
    if isinstance(record, records.PromptCandidate):
        return f"{record.subject_id}/{record.mode}/{record.source}/{record.text}"
    found = getattr(record, "id", "")
    if not found:
        raise ValueError(f"a {type(record).__name__} needs a key of its own")
    return found


def body_at(db: sqlite3.Connection, seq: int) -> dict[str, Any]:
    """The body of a log entry, as it stands there."""
    return read(db.execute("SELECT body FROM log WHERE seq=?", (seq,)).fetchone()[0])


def choice(db: sqlite3.Connection, key: str) -> dict[str, Any] | None:
    row = db.execute("SELECT body FROM choices JOIN log USING (seq) WHERE key=?", (key,)).fetchone()
    return read(row[0]) if row else None


def records_of(db: sqlite3.Connection, kind: type, *, subject_id: str | None) -> list[Any]:
    where, given = "records.kind=?", [kind.__name__]
    if subject_id is not None:
        where, given = f"{where} AND subject_id=?", [*given, subject_id]
    rows = db.execute(f"SELECT body FROM records JOIN log USING (seq) WHERE {where} ORDER BY seq", given)
    return [restore(kind, row[0]) for row in rows]


def record(db: sqlite3.Connection, kind: type, key: str) -> Any | None:
    row = db.execute("SELECT body FROM records JOIN log USING (seq) WHERE records.kind=? AND key=?",
                     (kind.__name__, key)).fetchone()
    return restore(kind, row[0]) if row else None


def neighbours(db: sqlite3.Connection, subject_id: str, *, collection: str | None,
               limit: int | None) -> list[records.Neighbour]:
    """Neighbours by collection and rank, told by their keys: only those asked for are read."""
    rows = db.execute("SELECT key, seq FROM records WHERE kind='Neighbour' AND subject_id=?", (subject_id,))
    places = []
    for key, seq in rows:
        where, _, rank = key[len(subject_id) + 1:].rpartition("/")
        if collection in (None, where):
            places.append((where, int(rank), seq))
    bodies = (db.execute("SELECT body FROM log WHERE seq=?", (seq,)).fetchone()[0]
              for *_, seq in sorted(places)[:limit])
    return [restore(records.Neighbour, body) for body in bodies]


def restore(kind: type, body: str) -> Any:
    """The record inside a log entry's body."""
    found = from_json(kind, read(body)["data"])
    if isinstance(found, Replay):  # a whole number lost its point in JSON
        found = dataclasses.replace(found, closeness={k: float(v) for k, v in found.closeness.items()})
    return found


def replay(db: sqlite3.Connection, replay_id: str) -> Replay | None:
    row = db.execute("SELECT body FROM replays JOIN log USING (seq) WHERE id=?", (replay_id,)).fetchone()
    return restore(Replay, row[0]) if row else None


def count_replays(db: sqlite3.Connection, subject_id: str | None, search_id: str | None,
                  exhibits: bool) -> int:
    row = db.execute("SELECT count(*) FROM replays WHERE (?1 IS NULL OR subject_id=?1) AND "
                     "(?2 IS NULL OR search_id=?2) AND exhibit >= ?3", (subject_id, search_id, int(exhibits)))
    return row.fetchone()[0]


def replays(db: sqlite3.Connection, subject_id: str, *, search_id: str | None, order_by: str, limit: int,
            offset: int) -> list[Replay]:
    if order_by == "time":
        rows = db.execute("SELECT seq FROM replays WHERE subject_id=? AND (?2 IS NULL OR search_id=?2) "
                          "ORDER BY first_seq LIMIT ? OFFSET ?", (subject_id, search_id, limit, offset))
        found = [row[0] for row in rows]
    else:
        found = _by_score(db, subject_id, search_id, order_by, limit, offset)
    bodies = (db.execute("SELECT body FROM log WHERE seq=?", (seq,)).fetchone()[0] for seq in found)
    return [restore(Replay, body) for body in bodies]


def _by_score(db: sqlite3.Connection, subject_id: str, search_id: str | None, name: str, limit: int,
              offset: int) -> list[int]:
    """Log numbers of replays, the closest first; those without the score follow, oldest first."""
    way = "DESC" if name in SCORES and SCORES[name].better == "higher" else "ASC"
    given = {"subject": subject_id, "search": search_id, "name": name, "limit": limit, "offset": offset}
    rows = db.execute(f"""
        SELECT r.seq FROM scores s CROSS JOIN replays r ON r.id = s.replay_id
        WHERE s.subject_id=:subject AND s.name=:name AND s.value IS NOT NULL
          AND (:search IS NULL OR r.search_id=:search)
        ORDER BY s.value {way}, s.replay_id LIMIT :limit OFFSET :offset""", given).fetchall()
    found = [row[0] for row in rows]
    if len(found) == limit:
        return found
    scored = db.execute("""
        SELECT count(*) FROM scores s CROSS JOIN replays r ON r.id = s.replay_id
        WHERE s.subject_id=:subject AND s.name=:name AND s.value IS NOT NULL
          AND (:search IS NULL OR r.search_id=:search)""", given).fetchone()[0]
    given |= {"limit": limit - len(found) if limit >= 0 else -1, "offset": max(offset - scored, 0)}
    rows = db.execute("""
        SELECT seq FROM replays r WHERE subject_id=:subject AND (:search IS NULL OR search_id=:search)
          AND NOT EXISTS (SELECT 1 FROM scores s WHERE s.replay_id=r.id AND s.name=:name
                          AND s.value IS NOT NULL)
        ORDER BY first_seq LIMIT :limit OFFSET :offset""", given).fetchall()
    return found + [row[0] for row in rows]


def log(db: sqlite3.Connection, after: int | None, limit: int) -> list[LogEntry]:
    rows = db.execute("SELECT * FROM log WHERE (?1 IS NULL OR seq>?1) ORDER BY seq LIMIT ?2", (after, limit))
    return [LogEntry(seq=r["seq"], time=r["time"], kind=r["kind"], actor=r["actor"], job=r["job"],
                     body=read(r["body"]), prev=r["prev"], hash=r["hash"]) for r in rows]
