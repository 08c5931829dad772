"""One case on disk: writes that commit a result and its log entry together."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from explorer import records
from explorer.cases import case_tables, log_index
from explorer.cases.blobs import BlobStore
from explorer.cases.case_facts import MOST_TITLE, check_facts
from explorer.cases.faults import plain_faults
from explorer.cases.log import LogEntry, entry_hash
from explorer.cases.view import CaseView, natural_key
from explorer.errors import ExplorerError, cut
from explorer.records import Replay, Subject, recipe_digest
from explorer.records.canonical import canonical, digest, pack, read


def utc_now() -> str:
    """The present as UTC, ISO 8601 with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Case(CaseView):
    """An open case. Safe to use from several threads; other processes may write at the same time."""

    def __init__(self, folder: Path, *, actor: str = "", clock: Callable[[], str] = utc_now) -> None:
        self.folder, self.id, self.actor, self.clock = folder, folder.name, actor, clock
        self.blobs = BlobStore(folder / "blobs")
        self._turn = threading.RLock()
        with plain_faults(folder):
            self._db = case_tables.connect(folder / "case.sqlite")
            case_tables.migrate(self._db, folder / "case.sqlite")
        self.read_only = self.meta().get("read_only") == "1"

    def close(self) -> None:
        """Ends the connection; everything committed is on disk already."""
        with self._turn:
            self._db.close()

    @contextlib.contextmanager
    def _write(self) -> Iterator[None]:
        if self.read_only:
            raise ExplorerError("cases.case_imported_read_only")
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
        (last, prev), time = self.head(), self.clock()
        seq = last + 1
        mark = entry_hash(seq=seq, time=time, kind=kind, actor=self.actor, job=job_id, body=body, prev=prev)
        text = canonical(body)
        self._db.execute("INSERT INTO log VALUES (?,?,?,?,?,?,?,?)",
                         (seq, time, kind, self.actor, job_id, text.decode(), prev, mark))
        log_index.index(self._db, seq, kind, read(text))

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
                log_index.enter(self._db, entry)
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
        kind, key = type(record).__name__, key or natural_key(record)
        old = self._one("SELECT body FROM records r JOIN log USING (seq) WHERE r.kind=? AND key=?", (kind, key))
        data = pack(record)
        if old and digest(read(old)["data"]) == digest(data):
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
        kind = log_index.EXHIBIT if replay.exhibit else log_index.REPLAY
        self._append(kind, {"key": replay.id, "data": pack(replay), "blobs": blobs}, job_id=job_id)
        return True

    def add_subject(self, data: bytes, name: str, *, origin: str = "upload", caption: str = "",
                    work_id: str = "", recipe: records.Recipe | None = None, job_id: str = "") -> Subject:
        """Writes an image to the case: its original bytes and its decoded PNG; returns the Subject.

        The same bytes again give the same subject, its caption kept if none is given. ExplorerError if refused.
        """
        from explorer.images.decode import open_image, png_bytes
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
            old = self._choice(key)
            if old is not None and digest(old["value"]) == digest(value):
                return
            self._append(log_index.CHOICE, {"key": key, "value": pack(value)}, job_id=job_id)

    def choose_prompt(self, subject_id: str, text: str) -> None:
        """Writes the person's choice of a prompt for a subject, with its log entry."""
        self.set(f"prompt/{subject_id}", text)

    def set_meta(self, key: str, value: str) -> None:
        """Writes one of the case's own facts (title, archived, ...) with its log entry.

        ExplorerError where it is too long.
        """
        check_facts({key: value})
        with self._write():
            self._append(log_index.CASE, {key: value})

    def _rows(self, sql: str, given: Any = ()) -> list[Any]:
        with self._turn, plain_faults(self.folder):
            return super()._rows(sql, given)

    def blob(self, name: str) -> bytes:
        """The bytes named by a SHA-256, checked against it; ExplorerError if missing or changed."""
        return self.blobs.get(name)

    def blob_path(self, name: str) -> Path:
        """Where the blob of that SHA-256 lies."""
        return self.blobs.path(name)
