"""All cases of a workspace: one folder each; a case is made, or deleted, whole."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import sqlite3
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from explorer.cases import case_tables
from explorer.cases.blobs import sync_folder
from explorer.cases.case import Case, check_facts, utc_now
from explorer.cases.exports import COUNSEL, PERSON, is_counsel_only, owner
from explorer.cases.faults import plain_faults
from explorer.errors import ExplorerError, shortened

CASE_ID = re.compile(r"[0-9]{8}-[0-9a-f]{10}")


@dataclass(frozen=True)
class CaseRow:
    """A case in a list. `problem` says why one cannot be opened; its other fields are empty then."""

    id: str
    title: str
    owner: str = ""
    question: str = ""
    case_number: str = ""
    created: str = ""  # UTC, ISO 8601
    changed: str = ""
    subjects: int = 0
    replays: int = 0
    cover_sha256: str = ""  # decoded PNG of the first subject
    archived: bool = False
    read_only: bool = False
    problem: str = ""
    counsel_only: bool = False


@dataclass(frozen=True)
class Deleted:
    """What a deletion removed."""

    files: int
    size_bytes: int


class CaseStore:
    """The cases under `root`. `actor` is who acts, for the log, where login is on.

    With a `person` only that person's cases exist: any other is refused as if it were not there. Whose a
    case is stands in a file of its own in the case's folder, never in the log, which others may write.
    """

    def __init__(self, root: Path, *, actor: str = "", person: str = "",
                 clock: Callable[[], str] = utc_now) -> None:
        self.root, self.actor, self.person, self.clock = Path(root), actor or person, person, clock

    def create(self, title: str, *, owner: str = "", question: str = "", case_number: str = "",
               counsel_only: bool = False) -> Case:
        """Makes a case on disk and opens it; it appears under its name only when it is whole.

        What is tried in a `counsel_only` case is never exported; see evidence/counsel.py.
        """
        facts = {"title": title.strip() or "Untitled", "owner": owner, "question": question,
                 "case_number": case_number}
        check_facts(facts)
        return self.create_from(facts, counsel_only=counsel_only)

    def create_from(self, facts: dict[str, str], *, fill: Callable[[Case], None] | None = None,
                    counsel_only: bool = False) -> Case:
        """Makes a case with these facts; `fill` may add to it before it appears."""
        created = self.clock()
        case_id = f"{created[:10].replace('-', '')}-{secrets.token_hex(5)}"
        draft = self.root / f".new-{case_id}"
        with plain_faults(self.root):
            (draft / "blobs").mkdir(parents=True)
            try:
                if self.person:
                    (draft / PERSON).write_text(self.person, "utf-8")
                if counsel_only:
                    (draft / COUNSEL).touch()
                self._fill(draft, {**facts, "created": created}, case_id, fill)
                os.replace(draft, self.root / case_id)
                sync_folder(self.root)
            except BaseException:
                shutil.rmtree(draft, ignore_errors=True)
                raise
        return self.open(case_id)

    def _fill(self, draft: Path, facts: dict[str, str], case_id: str,
              fill: Callable[[Case], None] | None) -> None:
        db = case_tables.connect(draft / "case.sqlite")
        db.execute("BEGIN IMMEDIATE")
        case_tables.create(db)
        db.executemany("INSERT INTO meta VALUES (?,?)", sorted(facts.items()))
        db.execute("COMMIT")
        db.close()
        case = Case(draft, actor=self.actor, clock=self.clock)
        try:
            if fill is None:
                case.note("case created", {**facts, "id": case_id, "python": sys.version.split()[0],
                                           "sqlite": sqlite3.sqlite_version})
            else:
                fill(case)
        finally:
            case.close()

    def open(self, case_id: str) -> Case:
        """Opens a case, bringing an earlier schema up to date; ExplorerError if there is none."""
        folder = self.root / case_id
        if (not CASE_ID.fullmatch(case_id) or not (folder / "case.sqlite").is_file()
                or not self._may_open(folder)):
            raise ExplorerError("cases.store_no_case_2", shortened=shortened(repr(case_id)), root=self.root)
        return Case(folder, actor=self.actor, clock=self.clock)

    def is_counsel_only(self, case_id: str) -> bool:
        """Whether the case is for counsel only."""
        return is_counsel_only(self.root / case_id)

    def _may_open(self, folder: Path) -> bool:
        return not self.person or owner(folder) == self.person

    def list(self, *, archived: bool | None = False) -> list[CaseRow]:
        """Cases, the one changed last first; archived ones too with None, only those with True."""
        if not self.root.is_dir():
            return []
        rows = [self._row(p) for p in self.root.iterdir() if CASE_ID.fullmatch(p.name) and p.is_dir()
                and self._may_open(p)]
        wanted = [r for r in rows if archived is None or r.problem or r.archived == archived]
        return sorted(wanted, key=lambda r: r.changed or r.id, reverse=True)

    def _row(self, folder: Path) -> CaseRow:
        try:
            case = self.open(folder.name)
        except ExplorerError as error:
            return CaseRow(folder.name, folder.name, problem=str(error))
        try:
            return replace(_row_of(case), counsel_only=self.is_counsel_only(case.id))
        except ExplorerError as error:
            return CaseRow(folder.name, folder.name, problem=str(error))
        finally:
            case.close()

    def rename(self, case_id: str, title: str) -> None:
        """Writes a case's new title, with its log entry; ExplorerError for an empty one."""
        if not title.strip():
            raise ExplorerError("cases.store_case_needs_title")
        self._set(case_id, "title", title.strip())

    def archive(self, case_id: str, *, archived: bool = True) -> None:
        """Takes a case off the list, or puts it back; nothing is removed."""
        self._set(case_id, "archived", "1" if archived else "0")

    def _set(self, case_id: str, key: str, value: str) -> None:
        case = self.open(case_id)
        try:
            case.set_meta(key, value)
        finally:
            case.close()

    def delete(self, case_id: str) -> Deleted:
        """Removes a case's folder with its log and every blob for good, and says how much that was."""
        self.open(case_id).close()
        grave = self.root / f".deleted-{case_id}-{secrets.token_hex(4)}"
        with plain_faults(self.root):
            os.replace(self.root / case_id, grave)
            sync_folder(self.root)
            files = [p for p in grave.rglob("*") if p.is_file()]
            size = sum(p.stat().st_size for p in files)
            shutil.rmtree(grave)
        return Deleted(len(files), size)

    def size_bytes(self, case_id: str = "") -> int:
        """Bytes on disk of one case, or of all of them."""
        folder = self.root / case_id if case_id else self.root
        return sum(_size(p) for p in folder.rglob("*"))

    def tidy(self, *, older_than_s: float, now: float) -> int:
        """Removes what killed processes left behind (half-made cases, half-deleted ones, drafts of blobs).

        `now` is in seconds since 1970. Returns how many were removed.
        """
        left = [*self.root.glob(".new-*"), *self.root.glob(".deleted-*"), *self.root.glob("*/blobs/??/.*")]
        stale = [p for p in left if _age(p, now) > older_than_s]
        for path in stale:
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        return len(stale)


def _row_of(case: Case) -> CaseRow:
    meta, subjects = case.facts(), case.subjects()
    last = case.log(after=case.head()[0] - 1)
    return CaseRow(
        id=case.id, title=meta.get("title", case.id), owner=meta.get("owner", ""),
        question=meta.get("question", ""), case_number=meta.get("case_number", ""),
        created=meta.get("created", ""), changed=last[0].time if last else meta.get("created", ""),
        subjects=len(subjects), replays=case.count_replays(),
        cover_sha256=subjects[0].pixels_sha256 if subjects else "",
        archived=meta.get("archived") == "1", read_only=meta.get("read_only") == "1")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:  # removed by another process meanwhile
        return 0


def _age(path: Path, now: float) -> float:
    try:
        return now - path.stat().st_mtime
    except OSError:
        return 0.0
