"""Control pictures that were dropped on a page: kept in the workspace, in a folder named by what is in it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from explorer.collections.works import PICTURES

FOLDER = "pictures"
MOST_NAME = 120


def keep_dropped(files: Iterable[tuple[str, bytes]], home: Path) -> Path:
    """Writes pictures (and text files beside them) by name and bytes into a folder of the workspace; returns it.

    The same files give the same folder. Only the last part of a name counts; what is no picture by its name is left
    out, and two of one name are kept apart.
    """
    kept: dict[str, bytes] = {}
    for name, data in files:
        last = PurePosixPath(name.replace("\\", "/")).name[-MOST_NAME:]
        suffix = Path(last).suffix.lower()
        if suffix not in PICTURES and suffix != ".txt":
            continue
        if last in kept and kept[last] != data:
            last = f"{Path(last).stem}-{hashlib.sha256(data).hexdigest()[:8]}{suffix}"
        kept[last] = data
    mark = hashlib.sha256()
    for name in sorted(kept):
        mark.update(f"{name} {hashlib.sha256(kept[name]).hexdigest()}\n".encode())
    folder = home / FOLDER / mark.hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in kept.items():
        (folder / name).write_bytes(data)
    return folder
