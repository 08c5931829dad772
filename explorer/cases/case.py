"""One case on disk: writes that commit a result and its log entry together, and reads for the screens."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from explorer import records
from explorer.cases import indexing, reads, schema
from explorer.cases.blobs import BlobStore
from explorer.cases.canonical import canonical, digest, pack, read, recipe_digest
from explorer.cases.faults import plain_faults
from explorer.cases.kinds import Environment, SearchPlan
from explorer.cases.log import GENESIS, LogEntry, entry_hash
from explorer.cases.tries import Try, tries
from explorer.errors import ExplorerError, cut
from explorer.records import Replay, Subject

MOST_TITLE, MOST_FACT = 300, 2_000  # letters of a case's title, and of its other facts

__all__ = ["Case", "Environment", "SearchPlan", "utc_now"]


def utc_now() -> str:
    """The present as UTC, ISO 8601 with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def most_of(fact: str) -> int:
    """How many letters one of a case's facts may have."""
    return MOST_TITLE if fact == "title" else MOST_FACT


def check_facts(facts: Mapping[str, str]) -> None:
    """ExplorerError for a fact that is longer than one of its kind may be."""
    for fact, value in facts.items():
        if len(value) > most_of(fact):
            raise ExplorerError(f"A case's {fact.replace('_', ' ')} may have {most_of(fact):,} letters, and this "
                                f"one has {len(value):,}. Shorten it and save again.")


class Case:
    """An open case. Safe to use from several threads; other processes may write at the same time."""

    def __init__(self, folder: Path, *, actor: str = "", clock: Callable[[], str] = utc_now) -> None:
        self.folder, self.id, self.actor, self.clock = folder, folder.name, actor, clock
        self.blobs = BlobStore(folder / "blobs")
        self._turn = threading.RLock()
        with plain_faults(folder):
            self._db = schema.connect(folder / "case.sqlite")
            schema.migrate(self._db, folder / "case.sqlite")
        self.read_only = self.meta().get("read_only") == "1"

    def close(self) -> None:
        """Ends the connection; everything committed is on disk already."""
        with self._turn:
            self._db.close()

    # -- writing ---------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _write(self) -> Iterator[None]:
        if self.read_only:
            raise ExplorerError("This case was imported and is read-only. Make a case of your own and add "
                                "the subject there to go on with it.")
        with self._turn, plain_faults(self.folder):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def _append(self, kind: str, body: Mapping[str, Any], *, job_id: str = "") -> None:
        """Adds a log entry within the open transaction and indexes it; the chain's head is read inside it."""
        last = self._db.execute("SELECT seq, hash FROM log ORDER BY seq DESC LIMIT 1").fetchone()
        seq, prev = (last["seq"] + 1, last["hash"]) if last else (1, GENESIS)
        time = self.clock()
        mark = entry_hash(seq=seq, time=time, kind=kind, actor=self.actor, job=job_id, body=body, prev=prev)
        self._db.execute("INSERT INTO log VALUES (?,?,?,?,?,?,?,?)",
                         (seq, time, kind, self.actor, job_id, canonical(body).decode(), prev, mark))
        indexing.index(self._db, seq, kind, read(canonical(body)))

    def note(self, kind: str, body: Mapping[str, Any], *, job_id: str = "") -> None:
        """Writes one entry to the log that is neither a record nor a choice (an export, a job's start)."""
        with self._write():
            self._append(kind, body, job_id=job_id)

    def take_over(self, entries: Iterable[LogEntry], facts: Mapping[str, str]) -> None:
        """Writes entries of another case's log as they stand, into a case that has none yet.

        `facts` are set last, whatever the log says of them.
        """
        with self._turn, plain_faults(self.folder):
            if self.head()[0]:
                raise ValueError("this case has a log already")
            self._db.execute("BEGIN IMMEDIATE")
            for entry in entries:
                indexing.enter(self._db, entry)
            self._db.executemany("INSERT OR REPLACE INTO meta VALUES (?,?)", sorted(facts.items()))
            self._db.execute("COMMIT")

    def put_blob(self, data: bytes) -> str:
        """Writes a blob; returns its SHA-256. A blob belongs to the case once a record names it."""
        if self.read_only:
            with self._write():
                pass
        return self.blobs.put(data)

    def commit(self, record: Any, *, job_id: str = "", blobs: Mapping[str, bytes] | None = None,
               key: str = "") -> bool:
        """Writes a record and its log entry in one transaction, after its blobs (SHA-256 → bytes).

        A record whose natural key is there already with the same content changes nothing; nor does a
        second replay of one recipe in one search, unless it is the exhibit. Returns whether it was written.
        """
        return self.commit_all([record], job_id=job_id, blobs=blobs, key=key) == 1

    def commit_all(self, group: Iterable[Any], *, job_id: str = "", blobs: Mapping[str, bytes] | None = None,
                   key: str = "") -> int:
        """Writes several records in one transaction: all or none. Returns how many were new or changed."""
        for name, data in (blobs or {}).items():
            if self.put_blob(data) != name:
                raise ValueError(f"blob {name} does not hold the bytes that it names")
        with self._write():
            return sum(self._commit(record, job_id, sorted(blobs or ()), key) for record in group)

    def _commit(self, record: Any, job_id: str, blobs: list[str], key: str) -> bool:
        if isinstance(record, Replay):
            return self._commit_replay(record, job_id, blobs)
        kind, key = type(record).__name__, key or reads.natural_key(record)
        old = self._db.execute("SELECT seq FROM records WHERE kind=? AND key=?", (kind, key)).fetchone()
        data = pack(record)
        if old and digest(reads.body_at(self._db, old["seq"])["data"]) == digest(data):
            return False
        self._append(kind, {"key": key, "data": data, "blobs": blobs}, job_id=job_id)
        return True

    def _commit_replay(self, replay: Replay, job_id: str, blobs: list[str]) -> bool:
        recipe = recipe_digest(replay.recipe)
        old = self._db.execute("SELECT id, exhibit FROM replays WHERE search_id=? AND recipe=?",
                               (replay.search_id, recipe)).fetchone()
        if old and (old["exhibit"] or not replay.exhibit):
            return False
        if old and old["id"] != replay.id:
            raise ValueError(f"replay {old['id']} was rendered again under another id, {replay.id}")
        kind = indexing.EXHIBIT if replay.exhibit else indexing.REPLAY
        self._append(kind, {"key": replay.id, "data": pack(replay), "blobs": blobs}, job_id=job_id)
        return True

    def add_subject(self, data: bytes, name: str, *, origin: str = "upload", caption: str = "",
                    work_id: str = "", recipe: records.Recipe | None = None, job_id: str = "") -> Subject:
        """Writes an image to the case: its original bytes and its decoded PNG; returns the Subject.

        The same bytes again give the same subject, its caption kept if none is given. ExplorerError if refused.
        """
        from explorer.images.door import open_image, png_bytes
        picture = open_image(data, name=name)
        pixels = png_bytes(picture.rgb)
        stored = {self.put_blob(blob): blob for blob in (data, pixels)}
        names, known = list(stored), self.record(Subject, next(iter(stored))[:16])
        subject = Subject(names[0][:16], cut(name, MOST_TITLE) or "subject", sha256=names[0],
                          pixels_sha256=names[-1], format=picture.format, width_px=picture.width_px,
                          height_px=picture.height_px, origin=origin, notes=tuple(picture.notes), recipe=recipe,
                          work_id=work_id, caption=caption or (known.caption if known else ""))
        self.commit(subject, job_id=job_id, blobs=stored)
        return subject

    def set(self, key: str, value: Any, *, job_id: str = "") -> None:
        """Writes a choice (chosen prompt, threshold, pin) and its log entry; an equal one changes nothing."""
        with self._write():
            old = reads.choice(self._db, key)
            if old is not None and digest(old["value"]) == digest(value):
                return
            self._append(indexing.CHOICE, {"key": key, "value": pack(value)}, job_id=job_id)

    def set_meta(self, key: str, value: str) -> None:
        """Writes one of the case's own facts (title, archived, ...) with its log entry.

        ExplorerError where it is too long.
        """
        check_facts({key: value})
        with self._write():
            self._append(indexing.CASE, {key: value})

    # -- reading ---------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _read(self) -> Iterator[Any]:
        with self._turn, plain_faults(self.folder):
            yield self._db

    def meta(self) -> dict[str, str]:
        """The case's own facts: title, owner, question, case_number, created, archived, read_only.

        What is longer than a fact of its kind may be is cut: it would stand on every page.
        """
        with self._read() as db:
            return {row["key"]: cut(row["value"], most_of(row["key"]))
                    for row in db.execute("SELECT key, value FROM meta")}

    @property
    def title(self) -> str:
        return self.meta().get("title", self.id)

    def blob(self, name: str) -> bytes:
        """The bytes named by a SHA-256, checked against it; ExplorerError if missing or changed."""
        return self.blobs.get(name)

    def blob_path(self, name: str) -> Path:
        """Where the blob of that SHA-256 lies."""
        return self.blobs.path(name)

    def get(self, key: str, default: Any = None) -> Any:
        """The newest value of a choice."""
        with self._read() as db:
            found = reads.choice(db, key)
        return default if found is None else found["value"]

    def records(self, kind: type, *, subject_id: str | None = None) -> list[Any]:
        """Every record of a type, oldest first; of one subject if given."""
        with self._read() as db:
            return reads.records_of(db, kind, subject_id=subject_id)

    def record(self, kind: type, key: str) -> Any | None:
        """The record of a type with that key, or None."""
        with self._read() as db:
            return reads.record(db, kind, key)

    def subjects(self) -> list[Subject]:
        """The case's subjects, oldest first."""
        return self.records(Subject)

    def subject(self, subject_id: str) -> Subject:
        """One subject; ExplorerError if the case has none of that id."""
        found = self.record(Subject, subject_id)
        if found is None:
            raise ExplorerError(f"This case has no subject {subject_id!r}. Choose one of its subjects.")
        return found

    def neighbours(self, subject_id: str, *, collection: str | None = None,
                   limit: int | None = None) -> list[records.Neighbour]:
        """Neighbours of a subject, by collection and rank; of one collection if given; the first `limit`."""
        with self._read() as db:
            return reads.neighbours(db, subject_id, collection=collection, limit=limit)

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

    def choose_prompt(self, subject_id: str, text: str) -> None:
        """Writes the person's choice of a prompt for a subject, with its log entry."""
        self.set(f"prompt/{subject_id}", text)

    def searches(self, subject_id: str) -> list[records.SearchSummary]:
        """Searches of a subject that have ended, oldest first."""
        return self.records(records.SearchSummary, subject_id=subject_id)

    def plans(self, subject_id: str) -> list[SearchPlan]:
        """Searches of a subject that were begun, oldest first; one without a summary did not end."""
        return self.records(SearchPlan, subject_id=subject_id)

    def embedding(self, subject_id: str, clip_fingerprint: str) -> records.Embedding | None:
        """The subject's embedding under a CLIP, or None; its vector is `blob(embedding.blob)` as float32."""
        return self.record(records.Embedding, f"{subject_id}/{clip_fingerprint}")

    def replays(self, subject_id: str, *, search_id: str | None = None, order_by: str = "tiled_l2",
                limit: int = 50, offset: int = 0) -> list[Replay]:
        """Replays of a subject, the closest first by a score ("time": oldest first); unscored ones last."""
        with self._read() as db:
            return reads.replays(db, subject_id, search_id=search_id, order_by=order_by, limit=limit, offset=offset)

    def tries(self, subject_id: str, *, score: str = "tiled_l2", search_id: str | None = None,
              newest: int = -1) -> list[Try]:
        """Replays of a subject in short with one score, oldest first; of a search, the newest ones, if asked."""
        with self._read() as db:
            return tries(db, subject_id, score=score, search_id=search_id, newest=newest)

    def replay(self, replay_id: str) -> Replay:
        """One replay; ExplorerError if the case has none of that id."""
        with self._read() as db:
            found = reads.replay(db, replay_id)
        if found is None:
            raise ExplorerError(f"This case has no replay {replay_id!r}. Choose one from its gallery.")
        return found

    def count_replays(self, subject_id: str | None = None, *, search_id: str | None = None,
                      exhibits: bool = False) -> int:
        """How many replays the case, a subject or a search has; only exhibits if asked."""
        with self._read() as db:
            return reads.count_replays(db, subject_id, search_id, exhibits)

    def recipes_done(self, search_id: str) -> set[str]:
        """Digests of the recipes that a search has committed already."""
        with self._read() as db:
            return {row[0] for row in db.execute("SELECT recipe FROM replays WHERE search_id=?", (search_id,))}

    def log(self, *, after: int | None = None, limit: int = -1) -> list[LogEntry]:
        """Log entries in order, from the one after `after`."""
        with self._read() as db:
            return reads.log(db, after, limit)

    def head(self) -> tuple[int, str]:
        """Number and hash of the last log entry: print it, or seal it, to hold the chain."""
        with self._read() as db:
            row = db.execute("SELECT seq, hash FROM log ORDER BY seq DESC LIMIT 1").fetchone()
        return (row["seq"], row["hash"]) if row else (0, GENESIS)
