"""A folder that only this program fills: libraries open a model there, and find nothing else."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from explorer.errors import ExplorerError
from explorer.texts import say

LINKED = (".safetensors", ".gguf")  # by far the largest, and nothing in them can act


@contextmanager
def private_folder(files: Mapping[str, Path | bytes]) -> Iterator[Path]:
    """A folder for a while that holds `files` (place below it -> a file, or bytes) and nothing else.

    Weights are linked, all else is copied. ExplorerError if a file cannot be read.
    """
    with tempfile.TemporaryDirectory(prefix="afterimage-", ignore_cleanup_errors=True) as name:
        root = Path(name)
        for place, source in files.items():
            parts = PurePosixPath(place).parts
            if not parts or ".." in parts or PurePosixPath(place).is_absolute():
                raise ValueError(f"{place!r} is no place in a private folder")
            target = root.joinpath(*parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            _put(source, target)
        yield root


def _put(source: Path | bytes, target: Path) -> None:
    try:
        if isinstance(source, bytes):
            target.write_bytes(source)
        elif target.suffix in LINKED:
            _link(source.resolve(strict=True), target)
        else:
            shutil.copyfile(source, target)
    except OSError as error:
        named = say("note.foreign.part_model") if isinstance(source, bytes) else str(source)
        raise ExplorerError("foreign.private_cannot_made_ready", named=named,
                            strerror=error.strerror or error) from error


def _link(source: Path, target: Path) -> None:
    """A hard link, else a symbolic one, else (where a system allows neither) a copy."""
    for make in (os.link, os.symlink, shutil.copyfile):
        try:
            make(source, target)
            return
        except OSError:
            if make is shutil.copyfile:
                raise
