"""Whether a collection's files may be opened here: a process of its own reads them first, once for each state.

What was read whole is noted in the cache under the files' names, sizes and times of change, so that opening the
same collection again costs nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Sequence
from pathlib import Path

from explorer.errors import ExplorerError, shortened
from explorer.images.sandbox import SandboxFailure, shared_sandbox
from explorer.texts import say

CHILD = "explorer.collections.probe"
VERSION = 1  # of what is checked; a higher one checks all collections again
LEAST_S, BYTES_A_SECOND = 30.0, 5_000_000
LEAST_MB = 1_024
_known: set[str] = set()


def check_rows(paths: Sequence[Path], kind: str, *, cache: Path | None = None) -> None:
    """Reads metadata files of a kind ("parquet", "arrow", "hdf5") in a process of its own.

    ExplorerError for rows that are damaged, lie in other files, or unpack to more than is read.
    """
    path, why = _fault("rows", paths, kind, cache)
    if why:
        raise ExplorerError("collections.checks_rows_cannot_read", path=path, why=why)


def check_index(path: Path, *, cache: Path | None = None) -> None:
    """Opens and searches a faiss index in a process of its own; ExplorerError where that does not go well."""
    _, why = _fault("index", (path,), "", cache)
    if why:
        raise ExplorerError("collections.faiss_index_damaged_not", path=shortened(path), short=why)


def _fault(op: str, paths: Sequence[Path], kind: str, cache: Path | None) -> tuple[str, str]:
    """Which file is not opened, and why; both "" where all may be."""
    state, size = _state(op, paths, kind)
    note = cache / "checked" / state if cache else None
    if state in _known or (note is not None and note.exists()):
        return "", ""
    megabytes = size // 2**20
    try:
        reply, _ = shared_sandbox(CHILD).call(
            {"op": op, "kind": kind, "paths": [str(p) for p in paths], "memory_mb": LEAST_MB + 2 * megabytes},
            timeout_s=LEAST_S + size / BYTES_A_SECOND, memory_mb=LEAST_MB + 2 * megabytes + 256)
    except SandboxFailure as failure:
        return shortened(paths[0]), say(f"note.collections.probe_{failure.reason}")
    if "count" not in reply:
        return shortened(reply["path"]), say(f"note.collections.probe_{reply['fault']}", **reply["values"])
    _known.add(state)
    if note is not None:
        with contextlib.suppress(OSError):  # then it is checked again the next time
            note.parent.mkdir(parents=True, exist_ok=True)
            note.touch()
    return "", ""


def _state(op: str, paths: Sequence[Path], kind: str) -> tuple[str, int]:
    """A name for what the files are now, and their bytes."""
    digest, size = hashlib.sha256(f"{VERSION} {op} {kind}".encode()), 0
    try:
        for path in paths:
            told = path.stat()
            size += told.st_size
            marks = (path.resolve(), told.st_size, told.st_mtime_ns, told.st_ctime_ns, told.st_ino)
            digest.update(("\n" + " ".join(map(str, marks))).encode("utf-8", "surrogateescape"))
    except OSError as error:
        raise ExplorerError("folders.cannot_read", path=shortened(error.filename),
                            strerror=error.strerror) from error
    return digest.hexdigest(), size
