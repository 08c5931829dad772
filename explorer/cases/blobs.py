"""Content-addressed files: a blob's name is its SHA-256; it is there whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path

from explorer.cases.faults import plain_faults
from explorer.errors import ExplorerError

NAME = re.compile(r"[0-9a-f]{64}")


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class BlobStore:
    """Blobs under `folder`, as `ab/ab...`; writers may race, since equal bytes have equal names."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, name: str) -> Path:
        """Where the blob lies or would lie; ExplorerError if `name` is not a SHA-256."""
        if not NAME.fullmatch(name):
            raise ExplorerError("cases.blobs_not_sha_256", name=name)
        return self.folder / name[:2] / name

    def put(self, data: bytes) -> str:
        """Writes to disk (temporary file, fsync, rename, fsync of the folder); returns the SHA-256."""
        name = sha256(data)
        path = self.path(name)
        if path.exists() and path.stat().st_size == len(data):
            return name
        with plain_faults(self.folder):
            made = not path.parent.exists()
            path.parent.mkdir(parents=True, exist_ok=True)
            draft = path.parent / f".{name[:8]}-{secrets.token_hex(6)}"
            try:
                _write(draft, data)
                os.replace(draft, path)
            except BaseException:
                with contextlib.suppress(OSError):
                    draft.unlink()
                raise
            sync_folder(path.parent)
            if made:
                sync_folder(self.folder)
        return name

    def put_all(self, contents: Iterable[bytes]) -> None:
        """Writes many blobs of a case that nobody sees yet; all are on disk when this returns.

        They are written first and waited for last: a slow disk confirms many at once as fast as one.
        """
        written: list[Path] = []
        with plain_faults(self.folder):
            for data in contents:
                path = self.path(sha256(data))
                if not path.exists():
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(data)
                    written.append(path)
            for path in written:
                with open(path, "r+b") as file:
                    os.fsync(file.fileno())
            for folder in {p.parent for p in written} | {self.folder}:
                sync_folder(folder)

    def get(self, name: str) -> bytes:
        """The blob's bytes; ExplorerError if it is missing or its bytes no longer fit its name."""
        path = self.path(name)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ExplorerError("cases.blobs_file_case_missing", path=path) from error
        if sha256(data) != name:
            raise ExplorerError("cases.blobs_file_changed_after", path=path)
        return data

    def names(self) -> Iterator[str]:
        """Every blob that is there, sorted; unfinished drafts are passed over."""
        for path in sorted(self.folder.glob("??/*")):
            if NAME.fullmatch(path.name):
                yield path.name


def _write(path: Path, data: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o644)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(handle, view):]
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_folder(folder: Path) -> None:
    """Makes a rename in `folder` last through a power cut; Windows has no such call and needs none."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
