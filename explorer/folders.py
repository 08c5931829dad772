"""Folders of a workspace: those that a person may walk (no link leads out of them), sizes, emptying."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from explorer.errors import ExplorerError

MOST_FOLDERS = 200


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
        raise ExplorerError(f"The folder {folder} cannot be read ({error.strerror}). "
                            "Choose another one.") from error
    return sorted(names, key=str.casefold)[:MOST_FOLDERS]


def usable_root(text: str) -> str:
    """A root as it goes into the settings; ExplorerError unless it is a folder and not a whole disk."""
    path = named_path(text.strip())
    if not text.strip() or not path.is_absolute() or not path.is_dir():
        raise ExplorerError(f"{text.strip() or 'Nothing'} is not a folder on this computer. "
                            "Give the full path of one that exists.")
    if path.resolve() == Path(path.anchor):
        raise ExplorerError(f"{path} is the whole disk. Name the folder that holds your models or pictures.")
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


def named_path(text: str) -> Path:
    """The path that a person wrote, with ~ filled in; ExplorerError where no file can be called so."""
    try:
        path = Path(text).expanduser()
        path.exists()  # raises for names that are too long, and for folders that may not be read
        return path
    except (OSError, RuntimeError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise ExplorerError(f"{text[:80]!r} is no path on this computer ({why or type(error).__name__}). Give the "
                            "full path of a file or folder that is there.") from error
