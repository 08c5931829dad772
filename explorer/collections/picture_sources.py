"""The pictures of a folder with what is said of them: .txt beside a picture, CSV or Parquet tables,
and webdataset shards (.tar), which are read in place and never unpacked."""

from __future__ import annotations

import csv
import json
import os
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from explorer.collections.checks import check_rows
from explorer.collections.rows import short
from explorer.collections.works import PICTURES, clean, column_names
from explorer.errors import ExplorerError
from explorer.folders import is_plain
from explorer.images.settings.encodings import decoded

MAX_FILE_BYTES = 256 * 2**20
MAX_TEXT_BYTES = 64 * 2**10
MAX_TABLE_ROWS = 10_000_000
FIELDS = ("title", "creator", "keywords", "caption", "licence", "url")


@dataclass(frozen=True)
class PictureFile:
    """One picture to embed. `key` is its path below the folder (for a shard: shard/member); `state` is
    size and time of change, so that an unchanged file is known again."""

    key: str
    state: str
    path: Path
    offset: int = -1  # where its bytes begin in a shard; -1 for a file of its own
    size: int = 0
    said: Mapping[str, str] = field(default_factory=dict)  # FIELDS

    def read(self) -> bytes:
        """Its bytes; ExplorerError when it is gone, changed or too large."""
        if self.size > MAX_FILE_BYTES:
            raise ExplorerError("collections.picture_sources_mb_most_read", key=self.key, size=self.size / 2**20,
                                max_file_bytes=MAX_FILE_BYTES / 2**20)
        try:
            with open(self.path, "rb") as handle:
                handle.seek(max(0, self.offset))
                return handle.read(self.size)
        except OSError as error:
            raise ExplorerError("collections.picture_sources_cannot_read", key=self.key,
                                strerror=error.strerror) from error


def list_items(folder: Path, *, without: Path | None = None) -> list[PictureFile]:
    """Every picture below `folder` in order of its key; links, pipes, devices and hidden names are left
    out, captions and tables too, and so is the folder `without`. ExplorerError when there is none."""
    if not folder.is_dir():
        raise ExplorerError("collections.picture_sources_not_folder", folder=folder)
    said = _tables(folder)
    found = [item for path in _walk(folder, without) for item in _of(path, folder, said)]
    if not found:
        raise ExplorerError("collections.picture_sources_holds_no", folder=folder,
                            pictures=", ".join(sorted(PICTURES)))
    return sorted(found, key=lambda item: item.key)


def _walk(folder: Path, without: Path | None) -> Iterator[Path]:
    for base, folders, files in os.walk(folder):
        folders[:] = sorted(d for d in folders if not d.startswith(".") and Path(base, d) != without)
        for name in sorted(files):
            path = Path(base, name)
            if not name.startswith(".") and is_plain(path):
                yield path


def _of(path: Path, folder: Path, said: Mapping[str, Mapping[str, str]]) -> Iterator[PictureFile]:
    key, suffix = path.relative_to(folder).as_posix(), path.suffix.lower()
    if suffix == ".tar":
        yield from _shard(path, key)
    elif suffix in PICTURES:
        state = path.stat()
        words = dict(said.get(key) or said.get(path.name) or said.get(path.stem) or {})
        beside = path.with_suffix(".txt")
        if "caption" not in words and is_plain(beside):
            with open(beside, "rb") as handle:
                words["caption"] = clean(_text(handle.read(MAX_TEXT_BYTES)))
        yield PictureFile(key, f"{state.st_size}:{state.st_mtime_ns}", path, size=state.st_size, said=words)


def _shard(path: Path, key: str) -> Iterator[PictureFile]:
    """Members of a webdataset shard; those with one base name belong together."""
    changed = path.stat().st_mtime_ns
    samples: dict[str, dict[str, tarfile.TarInfo]] = {}
    try:
        with tarfile.open(path, "r:") as shard:
            for member in shard:
                base, _, suffix = member.name.partition(".")
                if member.isreg():
                    samples.setdefault(base, {})[f".{suffix.lower()}"] = member
            for members in samples.values():
                picture = next((m for s, m in members.items() if s in PICTURES), None)
                if picture is not None:
                    yield PictureFile(f"{key}/{picture.name}", f"{picture.size}:{changed}", path,
                               offset=picture.offset_data, size=picture.size, said=_sample(shard, members))
    except (tarfile.TarError, OSError, EOFError, ValueError, OverflowError, RecursionError) as error:
        raise ExplorerError("collections.picture_sources_shard_damaged", path=path, error=short(error)) from error


def _sample(shard: tarfile.TarFile, members: Mapping[str, tarfile.TarInfo]) -> dict[str, str]:
    words: dict[str, str] = {}
    if ".json" in members:
        try:
            value = json.loads(_member(shard, members[".json"]))
        except (ValueError, RecursionError):
            value = {}
        words = _said(value) if isinstance(value, dict) else {}
    if ".txt" in members:
        words["caption"] = clean(_text(_member(shard, members[".txt"])))
    return words


def _member(shard: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    stream = shard.extractfile(member)
    return stream.read(MAX_TEXT_BYTES) if stream else b""


def _tables(folder: Path) -> dict[str, dict[str, str]]:
    """File name -> what the CSV and Parquet tables directly in the folder say of it."""
    said: dict[str, dict[str, str]] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in (".csv", ".parquet") or path.name.startswith(".") or not is_plain(path):
            continue
        try:
            for row in _table_rows(path):
                name = column_names(row).get("image_path") or column_names(row).get("work_id")
                if name and row.get(name):
                    said[str(row[name]).removeprefix("./")] = _said(row)
        except (OSError, ValueError, csv.Error, pa.ArrowException) as error:
            raise ExplorerError("collections.picture_sources_table_cannot_read", path=path,
                                error=short(error)) from error
    return said


def _table_rows(path: Path) -> Iterator[dict[str, Any]]:
    if path.suffix.lower() == ".parquet":
        check_rows((path,), "parquet")
        for batch in pq.ParquetFile(path).iter_batches(4096):
            yield from batch.to_pylist()
        return
    with open(path, encoding="utf-8-sig", errors="replace", newline="") as handle:
        for number, row in enumerate(csv.DictReader(handle)):
            if number >= MAX_TABLE_ROWS:
                raise ValueError(f"it has more than {MAX_TABLE_ROWS:,} rows")
            yield {k: v for k, v in row.items() if k is not None}


def _said(row: Mapping[str, Any]) -> dict[str, str]:
    names = column_names(row)
    return {f: text for f in FIELDS if f in names and (text := clean(row[names[f]]))}


def _text(data: bytes) -> str:
    """A caption file's words, in whatever encoding."""
    return decoded(data)
