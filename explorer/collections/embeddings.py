"""The embedding files beside an index (img_emb/*.npy): rows by number without reading the files."""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

import numpy as np

from explorer.errors import ExplorerError

RELEASE_EVERY = 64  # looks after which mapped pages are handed back to the system


class EmbeddingRows:
    """(n, d) float16 or float32 vectors over several .npy files, memory-mapped."""

    def __init__(self, paths: Sequence[Path]):
        self._parts = open_arrays(paths, (np.float16, np.float32))
        self._plain = [p.view(np.ndarray) for p in self._parts]  # a memmap makes each look slower
        self._ends = np.fromiter(accumulate(len(p) for p in self._parts), np.int64)
        self.count = int(self._ends[-1]) if len(self._ends) else 0
        self.dim = self._parts[0].shape[1] if self._parts else 0
        if any(p.shape[1] != self.dim for p in self._parts):
            raise ExplorerError(f"The embeddings in {paths[0].parent} differ in dimension. They come from "
                                "different CLIPs; build the collection again with one.")
        self._looks = 0

    def get(self, ids: np.ndarray) -> np.ndarray:
        """(len(ids), d) float32, as stored."""
        if len(self._plain) == 1:
            found = self._plain[0][ids].astype(np.float32)
        else:
            found = np.empty((len(ids), self.dim), np.float32)
            parts = np.searchsorted(self._ends, ids, side="right")
            for number in np.unique(parts).tolist():
                here = parts == number
                start = self._ends[number - 1] if number else 0
                found[here] = self._plain[number][ids[here] - start]
        self._looks += 1
        if self._looks % RELEASE_EVERY == 0:
            self.release()
        return found

    def blocks(self, rows: int = 65_536):
        """Consecutive (start, (m, d) float32) blocks of at most `rows`, in order."""
        start = 0
        for part in self._parts:
            for at in range(0, len(part), rows):
                block = np.asarray(part[at:at + rows], np.float32)
                yield start, block
                start += len(block)

    def release(self) -> None:
        """Hands the mapped pages back, so that looking around in a large file keeps no memory."""
        for part in self._parts:
            mapped = getattr(part, "_mmap", None)
            if mapped is not None and hasattr(mmap, "MADV_DONTNEED"):
                mapped.madvise(mmap.MADV_DONTNEED)


def open_arrays(paths: Sequence[Path], types: tuple[type, ...]) -> list[np.ndarray]:
    """Two-dimensional .npy files, memory-mapped; ExplorerError for a damaged one or another type."""
    found = []
    for path in paths:
        try:
            part = np.load(path, mmap_mode="r", allow_pickle=False)
            if part.ndim != 2 or part.dtype not in types:
                raise ValueError(f"{part.dtype} of shape {part.shape}")
        except (OSError, ValueError, EOFError) as error:
            raise ExplorerError(f"The file {path} cannot be read ({error}). It is damaged or cut short; "
                                "build the collection again.") from error
        found.append(part)
    return found
