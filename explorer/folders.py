"""Folders of a workspace, which a person may walk (no link leads out of them), and files that they name."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

from explorer.errors import ExplorerError, shortened

MOST_FOLDERS = 200
MOST_FILE_BYTES = 256 * 1024 * 1024


def absolute_source(text: str) -> str:
    """A source as a person types it ("BASE + LORA.safetensors*0.8") with its relative paths made absolute.

    Workers run in another folder. What is no path that exists here ("world", a hub id, an address) stays as it is.
    """
    parts = [part.strip() for part in text.split(" + ")]
    return " + ".join(" & ".join(_absolute(p.strip()) for p in part.split(" & ")) if _absolute(part) == part
                      else _absolute(part) for part in parts)


def _absolute(part: str) -> str:
    path, star, weight = part.rpartition("*")
    path, star, weight = (path, star, weight) if star else (part, "", "")
    if path in ("", "world") or "://" in path:
        return part
    try:
        there = Path(path).expanduser()
        return f"{there.resolve()}{star}{weight}" if there.exists() else part
    except (OSError, RuntimeError, ValueError):  # too long, or the home of nobody
        return part


def inside(root: Path, wanted: str | Path) -> Path:
    """`wanted` with every link followed, if it lies in `root`; else `root` itself."""
    top, path = root.resolve(), Path(wanted).resolve()
    return path if path.is_relative_to(top) and path.is_dir() else top


def folders_in(folder: Path) -> list[str]:
    """Names of the folders right below, sorted, at most MOST_FOLDERS; hidden ones and links left out."""
    try:
        with os.scandir(folder) as entries:
            names = [e.name for e in entries
                     if not e.name.startswith(".") and e.is_dir(follow_symlinks=False)]
    except OSError as error:
        raise ExplorerError("folders.folder_cannot_read", folder=folder, strerror=error.strerror) from error
    return sorted(names, key=str.casefold)[:MOST_FOLDERS]


def is_plain(path: str | Path, *, within: Path | None = None) -> bool:
    """Whether a path is a file and no link, pipe, device or folder; `within` a folder, a link may lead to one."""
    try:
        if within is None:
            return stat.S_ISREG(os.lstat(path).st_mode)
        top, target = os.path.realpath(within), os.path.realpath(path)
        return target.startswith(top.rstrip(os.sep) + os.sep) and stat.S_ISREG(os.stat(target).st_mode)
    except (OSError, ValueError):
        return False


def typed_path(text: str) -> Path:
    """The path that somebody typed, "~" as their home; ExplorerError for one that no disk can hold."""
    try:
        path = Path(text).expanduser()
        os.stat(path)
    except FileNotFoundError:
        return path
    except (OSError, RuntimeError, ValueError) as error:  # too long, no such person, a letter that no path has
        raise ExplorerError("folders.not_path_computer", shortened=shortened(text)) from error
    return path


def usable_root(text: str) -> str:
    """A root as it goes into the settings; ExplorerError unless it is a folder and not a whole disk."""
    path = typed_path(text.strip())
    if not text.strip() or not path.is_absolute() or not path.is_dir():
        raise ExplorerError("folders.not_folder_computer", text=shortened(text.strip()) or "Nothing")
    if path.resolve() == Path(path.anchor):
        raise ExplorerError("folders.whole_disk", path=path)
    return str(path.resolve())


def folder_bytes(folder: Path) -> int:
    """Bytes of all files below a folder; files that go away meanwhile count as nothing."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except OSError:
            continue
    return total


def empty_folder(folder: Path) -> None:
    """Removes everything in a folder, and keeps the folder; what is in use elsewhere may stay."""
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def read_file(path: Path) -> bytes:
    """The file's bytes; ExplorerError if it cannot be read or is over 256 MiB."""
    try:
        size = path.stat().st_size
        if size > MOST_FILE_BYTES:
            raise ExplorerError("folders.mib", path=path, size=size / 2**20)
        return path.read_bytes()
    except OSError as error:
        raise ExplorerError("folders.cannot_read", path=shortened(path), strerror=error.strerror) from error
