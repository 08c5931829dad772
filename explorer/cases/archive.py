"""Canonical ZIP files: one content, one sequence of bytes; and a careful reader of ZIPs from outside.

Canonical means: members sorted by name, stored, dated 1980-01-01, plain files of mode 0644, no extras, no
comments. Nothing else is accepted, so that no byte of a package is free to change; and since nothing is
compressed, files that claim more bytes than the ZIP has lie over one another, which is refused.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from explorer.cases.blobs import sync_folder
from explorer.errors import ExplorerError, shortened

DATE = (1980, 1, 1, 0, 0, 0)
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")
MOST_MEMBERS = 300_000
MOST_BYTES = 64 * 2**30
BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, OverflowError, RuntimeError,
          NotImplementedError, UnicodeError, KeyError, IndexError)  # the content's, not the disk's or the memory's
BLOCK = 2**20
Source = bytes | Path


class ArchiveFault(ExplorerError):
    """A ZIP that is refused or damaged, in a sentence."""


def write_archive(target: Path, members: Iterable[tuple[str, Source]]) -> str:
    """Writes a canonical ZIP (temporary file, fsync, rename); returns its SHA-256.

    `members` are (name, bytes or path of a file), in any order.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=target.parent, prefix=".draft-")
    try:
        with os.fdopen(handle, "w+b") as out:
            _write(out, sorted(members, key=lambda m: m[0]))
            out.flush()
            os.fsync(out.fileno())
            mark = _sha256(out)
        os.replace(draft, target)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
    sync_folder(target.parent)
    return mark


def _write(out: BinaryIO, members: list[tuple[str, Source]]) -> None:
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED, strict_timestamps=True) as pack:
        for name, source in members:
            pack.writestr(_info(name), source if isinstance(source, bytes) else source.read_bytes())


def _info(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, DATE)
    info.create_system, info.external_attr = 3, (stat.S_IFREG | 0o644) << 16
    return info


def _sha256(file: BinaryIO) -> str:
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()


class Archive:
    """An open canonical ZIP. ArchiveFault for everything that is unsafe, damaged or not canonical.

    ExplorerError for what is no ZIP file at all; OSError and MemoryError are this computer's own.
    """

    def __init__(self, path: Path, *, most_members: int = MOST_MEMBERS, most_bytes: int = MOST_BYTES) -> None:
        self.path = Path(path)
        if not os.path.isfile(self.path):
            raise ExplorerError("cases.archive_no_file", path=shortened(self.path))
        with open(self.path, "rb") as file:
            if file.read(2) != b"PK":
                raise ExplorerError("cases.archive_not_package", path_name=self.path.name)
        try:
            self._zip = zipfile.ZipFile(self.path)
        except BROKEN as error:
            raise ArchiveFault("cases.archive_damaged", path_name=self.path.name, error=_short(error)) from error
        try:
            _check(self._zip.infolist(), most_members, most_bytes)
            _check_places(self._zip.infolist(), self.path)
        except BaseException:
            self._zip.close()
            raise
        self.names = tuple(i.filename for i in self._zip.infolist())

    def close(self) -> None:
        self._zip.close()

    def read(self, name: str) -> bytes:
        """One member's bytes, checked against the ZIP's own checksum."""
        return b"".join(self._blocks(name))

    def sha256(self, name: str) -> str:
        """The SHA-256 of a member, which is read in blocks."""
        digest = hashlib.sha256()
        for block in self._blocks(name):
            digest.update(block)
        return digest.hexdigest()

    def is_canonical(self) -> bool:
        """Whether the ZIP written again has the same bytes; it is compared as it is written, and kept nowhere."""
        with open(self.path, "rb") as original:
            again = _Compared(original)
            with zipfile.ZipFile(again, "w", zipfile.ZIP_STORED) as pack:
                for name in sorted(self.names):
                    info = _info(name)
                    info.file_size = self._zip.getinfo(name).file_size
                    with pack.open(info, "w") as member, again.contents():
                        for block in self._blocks(name):
                            member.write(block)
            return again.is_same(self.path.stat().st_size)

    def _blocks(self, name: str) -> Iterator[bytes]:
        try:
            with self._zip.open(name) as member:
                while block := member.read(BLOCK):
                    yield block
        except BROKEN as error:
            raise ArchiveFault("cases.archive_missing_damaged", name=name, path_name=self.path.name,
                               error=_short(error)) from error


class _Compared:
    """A file to write to that keeps nothing: what is written is compared with a file that is there.

    zipfile writes each member's header twice, the second time as it stays; so headers are compared last.
    """

    def __init__(self, original: BinaryIO) -> None:
        self._original, self._at, self._end = original, 0, 0
        self._headers: dict[int, bytes] = {}
        self._same, self._within = True, False

    @contextlib.contextmanager
    def contents(self) -> Iterator[None]:
        """While it is on, what is written stays as it is."""
        self._within = True
        try:
            yield
        finally:
            self._within = False

    def write(self, data: bytes) -> int:
        if self._within:
            self._same = self._same and self._is(self._at, data)
        else:
            self._headers[self._at] = bytes(data)
        self._at += len(data)
        self._end = max(self._end, self._at)
        return len(data)

    def _is(self, at: int, data: bytes) -> bool:
        self._original.seek(at)
        return self._original.read(len(data)) == data

    def is_same(self, size: int) -> bool:
        """Whether all that was written, in the end, are the other file's `size` bytes."""
        return self._same and self._end == size and all(self._is(at, data) for at, data in self._headers.items())

    def tell(self) -> int:
        return self._at

    def seek(self, at: int, whence: int = os.SEEK_SET) -> int:
        self._at = at if whence == os.SEEK_SET else (self._at if whence == os.SEEK_CUR else self._end) + at
        return self._at

    def seekable(self) -> bool:
        return True

    def flush(self) -> None:
        """Nothing is held back."""


def _check(members: list[zipfile.ZipInfo], most_members: int, most_bytes: int) -> None:
    if len(members) > most_members or sum(m.file_size for m in members) > most_bytes:
        raise ArchiveFault("cases.archive_package_holds_files", members_count=len(members),
                           members=sum(m.file_size for m in members), most_members=most_members,
                           most_bytes=most_bytes)
    seen: set[str] = set()
    for member in members:
        _check_member(member)
        if member.filename.lower() in seen:
            raise ArchiveFault("cases.archive_package_holds_twice", filename=member.filename)
        seen.add(member.filename.lower())


def _check_places(members: list[zipfile.ZipInfo], path: Path) -> None:
    """Stored files that lie over one another would unpack to far more than was sent; one outside is none."""
    size = path.stat().st_size
    if sum(m.file_size for m in members) > size:
        raise ArchiveFault("cases.archive_files_claim_more", path_name=path.name)
    if not all(0 <= m.header_offset < size for m in members):
        raise ArchiveFault("cases.archive_damaged_file_would", path_name=path.name)


def _check_member(member: zipfile.ZipInfo) -> None:
    kind = stat.S_IFMT(member.external_attr >> 16)
    if not NAME.fullmatch(member.orig_filename) or len(member.orig_filename) > 240:
        raise ArchiveFault("cases.archive_package_holds_file", orig_filename=member.orig_filename[:80])
    if kind not in (0, stat.S_IFREG):
        raise ArchiveFault("cases.archive_package_link_special", filename=member.filename)
    if member.compress_type != zipfile.ZIP_STORED or member.compress_size != member.file_size:
        raise ArchiveFault("cases.archive_package_compressed", filename=member.filename)
    if member.flag_bits & 0x1:
        raise ArchiveFault("cases.archive_package_encrypted", filename=member.filename)


def _short(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")

