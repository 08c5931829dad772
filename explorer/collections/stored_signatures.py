"""Signatures of a collection's works: stored beside the embeddings, or read from its pictures once."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from explorer.collections.embeddings import open_arrays
from explorer.collections.open import Collection
from explorer.collections.parts import FOLDERS, write_array
from explorer.collections.signatures import LENGTH, signature
from explorer.errors import ExplorerError
from explorer.images.decode import open_image
from explorer.records import Progress
from explorer.run import QUIET, Run
from explorer.texts import say


def stored_signatures(collection: Collection, *, cache: Path | None = None) -> np.ndarray | None:
    """(n, 3072) uint8 in index order, from the folder or the cache; None when they were never made."""
    folder = collection.layout.folder / FOLDERS["signature"]
    for paths in (sorted(folder.glob("*.npy")), _cached(collection, cache)):
        if not paths:
            continue
        parts = open_arrays(paths, (np.uint8,))
        if sum(map(len, parts)) == collection.works and all(p.shape[1] == LENGTH for p in parts):
            return parts[0] if len(parts) == 1 else np.concatenate(parts)
    return None


def read_signatures(collection: Collection, *, cache: Path | None = None, run: Run = QUIET) -> np.ndarray | None:
    """Signatures (n, 3072) uint8, all zero for a work without a readable picture.

    Reads every picture when none are stored, and writes them to `cache`; returns None for a collection
    without local pictures."""
    found = stored_signatures(collection, cache=cache)
    if found is not None:
        return found
    marks = np.zeros((collection.works, LENGTH), np.uint8)
    for at in range(0, collection.works, 64):
        run.report(Progress(at, collection.works, say("progress.reading_pictures")))
        numbers = range(at, min(at + 64, collection.works))
        for number, work in zip(numbers, collection.rows(list(numbers)), strict=True):
            marks[number] = read_signature(work.image_path)
        if at == 0 and not marks.any():
            return None
    for path in _cache_path(collection, cache):
        write_array(path, marks)
    return marks


def read_signature(path: str) -> np.ndarray:
    """(3072,) uint8 of a picture file; zeros where there is none or it cannot be read."""
    if not path:
        return np.zeros(LENGTH, np.uint8)
    try:
        return signature(open_image(Path(path).read_bytes(), name=Path(path).name).rgb)
    except (ExplorerError, OSError):
        return np.zeros(LENGTH, np.uint8)


def _cached(collection: Collection, cache: Path | None) -> list[Path]:
    return [p for p in _cache_path(collection, cache) if p.exists()]


def _cache_path(collection: Collection, cache: Path | None) -> list[Path]:
    return [cache / "signatures" / f"{collection.info.fingerprint[:32]}.npy"] if cache else []
