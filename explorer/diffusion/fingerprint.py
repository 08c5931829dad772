"""SHA-256 of every weight and config file of a model, cached by size and modification time."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from pathlib import Path

from explorer.diffusion.locate import Located
from explorer.errors import ExplorerError
from explorer.records import Adapter


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, as 64 hex digits; ExplorerError if it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: OSError) -> ExplorerError:
    """The sentence for a file of a model that cannot be read."""
    return ExplorerError("diffusion.fingerprint_unreadable", path=path, why=error.strerror or type(error).__name__)


def file_hashes(located: Located, *, cache: Path | None = None) -> dict[str, str]:
    """SHA-256 of each of a model's files by relative name. Writes the cache file if one is given.

    A cached value counts only while the file's path, size and modification time (ns) are unchanged.
    """
    known = _read(cache)
    hashes: dict[str, str] = {}
    for name, path in located.paths.items():
        try:
            stat = path.stat()
        except OSError as error:
            raise unreadable(path, error) from error
        key = f"{path.resolve()}|{stat.st_size}|{stat.st_mtime_ns}"
        hashes[name] = known[key] if key in known else file_sha256(path)
        known[key] = hashes[name]
    _write(cache, known)
    return hashes


def model_fingerprint(hashes: dict[str, str]) -> str:
    """One SHA-256 over the sorted lines "hash  name" (as sha256sum prints them)."""
    lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(hashes.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def fingerprint_with(base: str, adapters: tuple[Adapter, ...]) -> str:
    """The base model's fingerprint, or one over it and every adapter with its weight, in order."""
    if not adapters:
        return base
    lines = [base, *(f"{a.kind} {a.sha256} {a.weight:g}" for a in adapters)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _read(cache: Path | None) -> dict[str, str]:
    if cache is None or not cache.is_file():
        return {}
    try:
        value = json.loads(cache.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}  # a damaged cache only costs time
    return {k: v for k, v in value.items() if isinstance(v, str)} if isinstance(value, dict) else {}


def _write(cache: Path | None, known: dict[str, str]) -> None:
    if cache is None or known == _read(cache):
        return
    with contextlib.suppress(OSError):
        cache.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=cache.parent, delete=False, encoding="utf-8") as draft:
            json.dump(known, draft)
        os.replace(draft.name, cache)
