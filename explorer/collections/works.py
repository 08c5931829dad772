"""A metadata row as a work: the column names of several tools, cleaned text, a checked picture path."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from explorer.collections.rows import Rows

TEXT_LIMIT = 2_000  # characters of one field; a caption that is longer is not a caption
MOST_COPIES = 10**12
PICTURES = frozenset((".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif"))
_NAMES = {
    "work_id": ("id", "work_id", "key", "sample_id"),
    "title": ("title", "name"),
    "creator": ("creator", "artist", "author", "photographer"),
    "keywords": ("keywords", "tags", "subjects"),
    "caption": ("caption", "text", "description", "alt"),
    "licence": ("licence", "license", "rights"),
    "source": ("source", "page", "page_url", "url", "image_url"),
    "image_path": ("image_path", "path", "file", "filename"),
    "multiplicity": ("multiplicity", "copies"),
}


@dataclass(frozen=True)
class Work:
    """One work of a collection. `image_path` is an existing local file, or ""."""

    row: int
    work_id: str
    title: str = ""
    creator: str = ""
    keywords: str = ""
    caption: str = ""
    licence: str = ""
    source: str = ""
    image_path: str = ""
    multiplicity: int | None = None
    url: str = ""  # where a remote picture is


@dataclass(frozen=True)
class Terms:
    """What a collection says of its works, the most frequent first."""

    creators: tuple[str, ...]
    titles: tuple[str, ...]
    keywords: tuple[str, ...]


def column_names(columns: Iterable[str]) -> dict[str, str]:
    """Field of `Work` -> the column that holds it, for the columns of one collection."""
    lower = {c.lower(): c for c in reversed(list(columns))}
    found = {f: next((lower[n] for n in names if n in lower), "") for f, names in _NAMES.items()}
    found["url"] = next((lower[n] for n in ("url", "image_url") if n in lower), "")
    return {f: c for f, c in found.items() if c}


def as_work(row: int, values: Mapping[str, Any], *, names: Mapping[str, str], root: Path | None) -> Work:
    """The work that a metadata row describes; `names` says which column holds which field."""
    return Work(row=row, **described(row, {f: values.get(c) for f, c in names.items()}, root=root))


def described(row: int, given: dict[str, Any], *, root: Path | None) -> dict[str, Any]:
    """The fields of a work from those that its row has, which are taken out of `given`.

    Text is cut and freed of control characters, nothing more: it may still hold HTML, and whoever draws it
    must escape it."""
    picture, count = given.pop("image_path", None), given.pop("multiplicity", None)
    found: dict[str, Any] = {
        field: value if type(value) is str and len(value) <= TEXT_LIMIT and value.isprintable() else clean(value)
        for field, value in given.items()}  # nearly every text is clean, and asked so it costs no call
    if not found.get("work_id"):
        found["work_id"] = str(row)
    if not found.get("title"):
        found["title"] = clean(Path(str(picture or "")).stem)
    if picture is not None:
        found["image_path"] = local_picture(picture, root)
    if isinstance(count, (int, float)) and 1 <= count <= MOST_COPIES:  # what is there is there once at least
        found["multiplicity"] = int(count)
    return found


def clean(value: Any) -> str:
    """Plain text of a metadata value: lists joined, control characters out, at most TEXT_LIMIT long."""
    if value is None or (isinstance(value, float) and value != value):
        return ""
    if isinstance(value, (list, tuple)):
        value = ", ".join(map(str, value[:200]))
    text = str(value)[:TEXT_LIMIT]
    if text.isprintable():
        return text
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def local_picture(value: Any, root: Path | None) -> str:
    """The absolute path of an existing picture file; a relative one may not leave `root`; else ""."""
    if not isinstance(value, str) or not value or "\0" in value:
        return ""
    if os.path.splitext(value)[1].lower() not in PICTURES:
        return ""
    path = value
    if not os.path.isabs(value):
        if root is None:
            return ""
        base = _real(str(root))
        path = os.path.realpath(os.path.join(base, value))
        if not path.startswith(base.rstrip(os.sep) + os.sep):
            return ""
    return path if os.path.isfile(path) else ""


@lru_cache(maxsize=64)
def _real(root: str) -> str:
    return os.path.realpath(root)


def collect_terms(rows: Rows, names: Mapping[str, str]) -> Terms:
    """Creators, titles and single keywords of every row, the most frequent first."""
    def counted(field: str, split: bool) -> tuple[str, ...]:
        if field not in names:
            return ()
        counts: Counter[str] = Counter()
        for value in rows.column(names[field]):
            text = clean(value)
            counts.update({p.strip() for p in text.split(",")} if split else (text,))
        counts.pop("", None)
        return tuple(t for t, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0])))

    return Terms(counted("creator", False), counted("title", False), counted("keywords", True))
