"""Opens a package for reading: its bag, its log, its blobs. Nothing is unpacked to disk."""

from __future__ import annotations

import json
import re
import sqlite3
from functools import cached_property
from pathlib import Path
from typing import Any

from explorer.cases import contents
from explorer.cases.archive import Archive, ArchiveFault
from explorer.cases.blobs import NAME, sha256
from explorer.cases.faults import own_fault
from explorer.cases.log import LogEntry
from explorer.cases.snapshot import Snapshot
from explorer.records.canonical import canonical, unpack

LINES = {"manifest-sha256.txt": re.compile(r"([0-9a-f]{64})  (\S+)"),  # as bagit writes them
         "tagmanifest-sha256.txt": re.compile(r"([0-9a-f]{64}) (\S+)")}
FIELDS = {"seq": int, "time": str, "kind": str, "actor": str, "job": str, "body": dict, "prev": str,
          "hash": str}
MANIFEST, TAGS, SEALS = "manifest-sha256.txt", "tagmanifest-sha256.txt", "seal/"


class Package:
    """A package on disk. ArchiveFault, with the place, for whatever does not read as one."""

    def __init__(self, path: Path) -> None:
        self.archive = Archive(path)
        roots = {name.partition("/")[0] for name in self.archive.names}
        if len(roots) != 1:
            self.archive.close()
            raise ArchiveFault("cases.package_not", path=path)
        self.case_id = roots.pop()
        self.root = f"{self.case_id}/"

    def close(self) -> None:
        self.archive.close()

    def __enter__(self) -> Package:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Every file, relative to the bag."""
        return tuple(n.removeprefix(self.root) for n in self.archive.names)

    def read(self, name: str) -> bytes:
        """One file of the bag, such as "data/log.jsonl"."""
        return self.archive.read(self.root + name)

    def manifest(self, name: str) -> dict[str, str]:
        """File → SHA-256 of a manifest that is written in exactly one way."""
        found: dict[str, str] = {}
        lines = _text(self.read(name), name).split("\n")
        if lines.pop() != "":
            raise ArchiveFault("cases.package_not_end_line", name=name)
        for number, line in enumerate(lines, 1):
            match = LINES[name].fullmatch(line)
            if match is None or match[2] in found:
                raise ArchiveFault("cases.package_line_not_checksum", number=number, name=name)
            found[match[2]] = match[1]
        return found

    @cached_property
    def entries(self) -> tuple[LogEntry, ...]:
        """The log as it stands in the package; its chain is not checked here."""
        name = f"data/{contents.LOG}"
        lines = _text(self.read(name), name).split("\n")
        if lines.pop() != "" or not lines:
            raise ArchiveFault("cases.package_log_empty_not")
        return tuple(_entry(line, number) for number, line in enumerate(lines, 1))

    @cached_property
    def case(self) -> Snapshot:
        """The case that the log adds up to."""
        try:
            return Snapshot(self.case_id, self.entries, self.blob)
        except (sqlite3.Error, KeyError, TypeError, ValueError, AttributeError) as error:
            if own_fault(error):
                raise
            raise ArchiveFault("cases.package_log_cannot_read", error_kind=type(error).__name__,
                               error=error) from error

    def sha256(self, name: str) -> str:
        """The SHA-256 of one file of the bag, however large it is."""
        return self.archive.sha256(self.root + name)

    def blob(self, name: str) -> bytes:
        """A blob by its SHA-256; ArchiveFault if it is missing or does not fit its name."""
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise ArchiveFault("cases.package_log_names_blob")
        data = self.read(f"data/blobs/{name[:2]}/{name}")
        if sha256(data) != name:
            raise ArchiveFault("cases.package_blob_not_hold", name=name)
        return data


def _text(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ArchiveFault("cases.package_not_text", name=name) from error


def _entry(line: str, number: int) -> LogEntry:
    try:
        value: Any = json.loads(line)
        fits = isinstance(value, dict) and value.keys() == FIELDS.keys() and all(
            type(value[k]) is kind for k, kind in FIELDS.items())
        if not fits or canonical(unpack(value)) != line.encode():
            raise ArchiveFault("cases.package_line_log_not", number=number)
        return LogEntry(**{**value, "body": unpack(value["body"])})
    except (ValueError, RecursionError, TypeError) as error:
        raise ArchiveFault("cases.package_line_log_cannot", number=number,
                           error_kind=type(error).__name__) from error
