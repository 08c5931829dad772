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

CHILD = "explorer.collections.probe"
VERSION = 1  # of what is checked; a higher one checks all collections again
LEAST_S, BYTES_A_SECOND = 30.0, 5_000_000
LEAST_MB = 1_024
_WHY = {"time": "it takes too long to read", "memory": "it needs more memory than reading it may use",
        "crash": "it made the program fail that reads it"}
_known: set[str] = set()


def check_rows(paths: Sequence[Path], kind: str, *, cache: Path | None = None) -> None:
    """Reads metadata files of a kind ("parquet", "arrow", "hdf5") in a process of its own.

    ExplorerError for rows that are damaged, lie in other files, or unpack to more than is read.
    """
    path, why = _fault("rows", paths, kind, cache)
    if why:
        raise ExplorerError(f"{path} cannot be read: {why}. Copy it again from its source, or build the collection "
                            "again.")


def check_index(path: Path, *, cache: Path | None = None) -> None:
    """Opens and searches a faiss index in a process of its own; ExplorerError where that does not go well."""
    _, why = _fault("index", (path,), "", cache)
    if why:
        raise ExplorerError(f"The index {shortened(path)} is damaged or not a faiss index: {why}. Copy it again "
                            "from its source, or build the collection again.")


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
        return shortened(paths[0]), _WHY[failure.reason]
    if "count" not in reply:
        return shortened(reply.get("path", paths[0])), str(reply.get("fault"))
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
        raise ExplorerError(f"The file {shortened(error.filename)} cannot be read ({error.strerror}). "
                            "Check the disk, then try again.") from error
    return digest.hexdigest(), size
