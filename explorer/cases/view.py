"""What a case holds, read in one way: from its tables on disk, or from those of its log up to an entry.

The log alone holds contents; the tables are indexes that name its entries.
"""

from __future__ import annotations

import sqlite3
import sys
from abc import ABC, abstractmethod
from typing import Any, NamedTuple

from explorer import records
from explorer.cases.case_facts import shown
from explorer.cases.log import GENESIS, LogEntry
from explorer.errors import ExplorerError
from explorer.records import Replay, SearchPlan, Start, Subject, from_json
from explorer.records.canonical import read
from explorer.records.scores import SCORES

_TRY = ("seed", "strength", "start_sha256", "noise_blob", "guidance", "steps", "scheduler", "prompt",
        "embedding_blob")
_PATHS = ", ".join(f"'$.data.{name}'" for name in (*(f"recipe.{n}" for n in _TRY), "unet_evaluations", "elapsed_s"))
_PLAIN = " AND ".join(f"json_extract(body, '$.data.recipe.{name}') IS NULL"
                      for name in ("start_sha256", "noise_blob", "embedding_blob"))  # that is Start.NOISE
_ASKED = f"""(:search IS NULL OR r.search_id=:search)
      AND (:noise IS NULL OR :noise=(SELECT {_PLAIN} FROM log WHERE log.seq=r.seq))"""
_SCORED = f"""FROM scores s CROSS JOIN replays r ON r.id = s.replay_id
    WHERE s.subject_id=:subject AND s.name=:name AND s.value IS NOT NULL AND {_ASKED}"""


class Try(NamedTuple):
    """One replay in short; `value` is its closeness by the score that was asked for, None without it."""

    id: str
    search_id: str
    exhibit: bool
    value: float | None
    seed: int
    strength: float | None
    start: Start
    guidance: float
    steps: int
    scheduler: str
    prompt: str
    unet_evaluations: int
    elapsed_s: float


class CaseView(ABC):
    """A case as screens, findings and reports read it."""

    id: str
    _db: sqlite3.Connection

    @abstractmethod
    def blob(self, name: str) -> bytes:
        """The bytes named by a SHA-256, checked against it; ExplorerError if missing or changed."""

    def _rows(self, sql: str, given: Any = ()) -> list[sqlite3.Row]:
        return self._db.execute(sql, given).fetchall()

    def _one(self, sql: str, given: Any = ()) -> Any | None:
        """The first column of the first row, or None."""
        rows = self._rows(sql, given)
        return rows[0][0] if rows else None

    def meta(self) -> dict[str, str]:
        """The case's own facts as they stand: title, owner, question, case_number, created, archived, read_only."""
        return {row["key"]: row["value"] for row in self._rows("SELECT key, value FROM meta")}

    def facts(self) -> dict[str, str]:
        """The same as they are shown: cut where they are too long for a page."""
        return shown(self.meta())

    @property
    def title(self) -> str:
        return self.facts().get("title", self.id)

    def get(self, key: str, default: Any = None) -> Any:
        """The newest value of a choice."""
        found = self._choice(key)
        return default if found is None else found["value"]

    def _choice(self, key: str) -> dict[str, Any] | None:
        body = self._one("SELECT body FROM choices JOIN log USING (seq) WHERE key=?", (key,))
        return None if body is None else read(body)

    def records(self, kind: type, *, subject_id: str | None = None) -> list[Any]:
        """Every record of a type, oldest first; of one subject if given."""
        rows = self._rows("SELECT body FROM records r JOIN log USING (seq) WHERE r.kind=?1 AND "
                          "(?2 IS NULL OR subject_id=?2) ORDER BY seq", (kind.__name__, subject_id))
        return [restore(kind, row[0]) for row in rows]

    def record(self, kind: type, key: str) -> Any | None:
        """The record of a type with that key, or None."""
        body = self._one("SELECT body FROM records r JOIN log USING (seq) WHERE r.kind=? AND key=?",
                         (kind.__name__, key))
        return None if body is None else restore(kind, body)

    def subjects(self) -> list[Subject]:
        """The case's subjects, oldest first."""
        return self.records(Subject)

    def subject(self, subject_id: str) -> Subject:
        """One subject; ExplorerError if the case has none of that id."""
        found = self.record(Subject, subject_id)
        if found is None:
            raise ExplorerError("cases.case_no_subject", subject_id=subject_id)
        return found

    def neighbours(self, subject_id: str, *, collection: str | None = None,
                   limit: int | None = None) -> list[records.Neighbour]:
        """Neighbours of a subject, by collection and rank; of one collection if given; the first `limit`."""
        places = []  # told by their keys: only those asked for are read
        for key, seq in self._rows("SELECT key, seq FROM records WHERE kind='Neighbour' AND subject_id=?",
                                   (subject_id,)):
            where, _, rank = key[len(subject_id) + 1:].rpartition("/")
            if collection in (None, where):
                places.append((where, int(rank), seq))
        return [restore(records.Neighbour, self._body(seq)) for *_, seq in sorted(places)[:limit]]

    def prompts(self, subject_id: str) -> list[records.PromptCandidate]:
        """Prompt candidates of a subject: by rank, then the most similar first."""
        found = self.records(records.PromptCandidate, subject_id=subject_id)
        return sorted(found, key=lambda p: (p.mode == "negative", p.rank, -p.similarity))

    def chosen_prompt(self, subject_id: str) -> str:
        """The prompt that the person chose, else the best candidate, else the caption, else ""."""
        chosen = self.get(f"prompt/{subject_id}")
        if chosen:
            return chosen
        found = [p.text for p in self.prompts(subject_id) if p.mode != "negative"]
        return found[0] if found else self.subject(subject_id).caption

    def searches(self, subject_id: str) -> list[records.SearchSummary]:
        """Searches of a subject that have ended, oldest first."""
        return self.records(records.SearchSummary, subject_id=subject_id)

    def plans(self, subject_id: str) -> list[SearchPlan]:
        """Searches of a subject that were begun, oldest first; one without a summary did not end."""
        return self.records(SearchPlan, subject_id=subject_id)

    def embedding(self, subject_id: str, clip_fingerprint: str) -> records.Embedding | None:
        """The subject's embedding under a CLIP, or None; its vector is `blob(embedding.blob)` as float32."""
        return self.record(records.Embedding, f"{subject_id}/{clip_fingerprint}")

    def replay(self, replay_id: str) -> Replay:
        """One replay; ExplorerError if the case has none of that id."""
        body = self._one("SELECT body FROM replays JOIN log USING (seq) WHERE id=?", (replay_id,))
        if body is None:
            raise ExplorerError("cases.case_no_replay", replay_id=replay_id)
        return restore(Replay, body)

    def replays(self, subject_id: str | None = None, *, search_id: str | None = None, order_by: str = "tiled_l2",
                limit: int = 50, offset: int = 0) -> list[Replay]:
        """Replays of a subject, the closest first by a score ("time": oldest first); unscored ones last.

        Without a subject those of the whole case, by time only.
        """
        given = {"subject": subject_id, "search": search_id, "name": order_by, "limit": limit, "offset": offset,
                 "noise": None}
        found = self._by_time(given) if order_by == "time" else self._by_score(given)
        return [self._replay_at(seq) for seq in found]

    def noise_first(self, subject_id: str, *, search_id: str | None = None, order_by: str = "tiled_l2",
                    limit: int = 50) -> list[Replay]:
        """The closest by a score of those from a seed's own noise, then those that were given more, likewise."""
        given = {"subject": subject_id, "search": search_id, "name": order_by, "offset": 0}
        found = self._by_score(given | {"limit": limit, "noise": 1})
        if len(found) != limit:
            found += self._by_score(given | {"limit": limit - len(found) if limit >= 0 else -1, "noise": 0})
        return [self._replay_at(seq) for seq in found]

    def _replay_at(self, seq: int) -> Replay:
        return restore(Replay, self._body(seq))

    def made(self, subject_id: str, search_id: str | None = None) -> list[Replay]:
        """All replays of a subject, or of one search for it, in the order in which they were first made."""
        return self.replays(subject_id, search_id=search_id, order_by="time", limit=-1)

    def _by_time(self, given: dict[str, Any]) -> list[int]:
        """Log numbers of replays in the order in which they were first made."""
        return [row[0] for row in self._rows(
            "SELECT seq FROM replays WHERE (:subject IS NULL OR subject_id=:subject) "
            "AND (:search IS NULL OR search_id=:search) ORDER BY first_seq LIMIT :limit OFFSET :offset", given)]

    def _by_score(self, given: dict[str, Any]) -> list[int]:
        """Log numbers of replays, the closest first; those without the score follow, oldest first."""
        name, limit = given["name"], given["limit"]
        way = "DESC" if name in SCORES and SCORES[name].better == "higher" else "ASC"
        rows = self._rows(f"SELECT r.seq {_SCORED} ORDER BY s.value {way}, s.replay_id LIMIT :limit OFFSET :offset",
                          given)
        found = [row[0] for row in rows]
        if len(found) == limit:
            return found
        left = {"limit": limit - len(found) if limit >= 0 else -1,
                "offset": max(given["offset"] - self._one(f"SELECT count(*) {_SCORED}", given), 0)}
        rows = self._rows(f"""
            SELECT seq FROM replays r WHERE subject_id=:subject AND {_ASKED}
              AND NOT EXISTS (SELECT 1 FROM scores s WHERE s.replay_id=r.id AND s.name=:name
                              AND s.value IS NOT NULL)
            ORDER BY first_seq LIMIT :limit OFFSET :offset""", given | left)
        return found + [row[0] for row in rows]

    def exhibits(self) -> list[Replay]:
        """The exhibits, oldest first."""
        rows = self._rows("SELECT body FROM replays JOIN log USING (seq) WHERE exhibit=1 ORDER BY first_seq")
        return [restore(Replay, row[0]) for row in rows]

    def tries(self, subject_id: str, *, score: str = "tiled_l2", search_id: str | None = None,
              newest: int = -1) -> list[Try]:
        """Replays of a subject in short with one score, oldest first; of a search, the newest ones, if asked."""
        subject = self.record(Subject, subject_id)
        rows = self._rows(f"""
            SELECT r.id, r.search_id, r.exhibit, s.value, json_extract(log.body, {_PATHS})
            FROM (SELECT * FROM replays WHERE subject_id=:subject AND (:search IS NULL OR search_id=:search)
                  ORDER BY first_seq DESC LIMIT :newest) r
            JOIN log ON log.seq = r.seq LEFT JOIN scores s ON s.replay_id = r.id AND s.name = :score
            ORDER BY r.first_seq""", {"subject": subject_id, "search": search_id, "score": score, "newest": newest})
        return [_try(*row, subject) for row in rows]

    def count_replays(self, subject_id: str | None = None, *, search_id: str | None = None,
                      exhibits: bool = False) -> int:
        """How many replays the case, a subject or a search has; only exhibits if asked."""
        return self._one("SELECT count(*) FROM replays WHERE (?1 IS NULL OR subject_id=?1) AND "
                         "(?2 IS NULL OR search_id=?2) AND exhibit >= ?3", (subject_id, search_id, int(exhibits)))

    def recipes_done(self, search_id: str) -> set[str]:
        """Digests of the recipes that a search has committed already."""
        return {row[0] for row in self._rows("SELECT recipe FROM replays WHERE search_id=?", (search_id,))}

    def first_replayed(self, subject_id: str) -> str:
        """When the first replay of a subject was logged, UTC in ISO 8601; "" without one."""
        return self._one("SELECT MIN(time) FROM replays JOIN log ON log.seq = first_seq WHERE subject_id=?",
                         (subject_id,)) or ""

    def captions_given(self, subject_id: str) -> dict[str, str]:
        """Every caption that a subject was ever logged with, and when it first was, UTC in ISO 8601."""
        found: dict[str, str] = {}
        for row in self._rows("SELECT time, body FROM log WHERE kind='Subject' ORDER BY seq"):
            body = read(row["body"])
            if body["key"] == subject_id:
                found.setdefault(body["data"].get("caption", ""), row["time"])
        return found

    def log(self, *, after: int | None = None, limit: int = -1) -> list[LogEntry]:
        """Log entries in order, from the one after `after`."""
        rows = self._rows("SELECT * FROM log WHERE (?1 IS NULL OR seq>?1) ORDER BY seq LIMIT ?2", (after, limit))
        return [LogEntry(**{**row, "body": read(row["body"])}) for row in map(dict, rows)]

    def head(self) -> tuple[int, str]:
        """Number and hash of the last log entry: print it, or seal it, to hold the chain."""
        rows = self._rows("SELECT seq, hash FROM log ORDER BY seq DESC LIMIT 1")
        return (rows[0]["seq"], rows[0]["hash"]) if rows else (0, GENESIS)

    def _body(self, seq: int) -> str:
        return self._one("SELECT body FROM log WHERE seq=?", (seq,))


def restore(kind: type, body: str) -> Any:
    """The record inside a log entry's body."""
    return from_json(kind, read(body)["data"])


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


def _try(replay_id: str, search_id: str, exhibit: int, value: float | None, told: str,
         subject: Subject | None) -> Try:
    """Of texts that thousands of tries have in common one is kept."""
    seed, strength, start, noise, guidance, steps, scheduler, prompt, words, evaluations, elapsed_s = read(told)
    return Try(replay_id, sys.intern(search_id), bool(exhibit), value, seed, strength,
               Start.of(start, noise, subject, words), float(guidance), steps, sys.intern(scheduler),
               sys.intern(prompt), evaluations, elapsed_s)
