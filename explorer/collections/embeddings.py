"""The embedding files beside an index (img_emb/*.npy): rows by number without reading the files."""

from __future__ import annotations

import mmap
import os
import tokenize
import weakref
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

import numpy as np

from explorer.errors import ExplorerError

FEW = 2_048  # rows up to which each is read by itself; mapped pages would stay counted as memory


class EmbeddingRows:
    """(n, d) float16 or float32 vectors over several .npy files: mapped for long passes, read for single rows.

    A mapped look at 100 rows of a large file brings some 30 MB of its pages into the process's count; reading the
    rows brings nothing, and is faster than mapping pages in and out.
    """

    def __init__(self, paths: Sequence[Path]):
        self._parts = open_arrays(paths, (np.float16, np.float32))
        self._ends = np.fromiter(accumulate(len(p) for p in self._parts), np.int64)
        self.count = int(self._ends[-1]) if len(self._ends) else 0
        self.dim = self._parts[0].shape[1] if self._parts else 0
        if any(p.shape[1] != self.dim for p in self._parts):
            raise ExplorerError("collections.embeddings_differ_dimension", first_paths_parent=paths[0].parent)
        plain = len({p.dtype for p in self._parts}) == 1 and all(p.flags.c_contiguous for p in self._parts)
        self._files = [_opened(self, path) for path in paths] if plain and hasattr(os, "pread") else []
        self._last = self._ends.tolist()
        self._places = [(file, p.offset - (end - len(p)) * p.strides[0]) for file, p, end in
                        zip(self._files, self._parts, self._last, strict=False)]  # where row 0 would begin

    def get(self, ids: Sequence[int] | np.ndarray) -> np.ndarray:
        """(len(ids), d) float32, as stored."""
        if self._files and len(ids) <= FEW:
            return self._read(ids.tolist() if isinstance(ids, np.ndarray) else ids)
        return self._mapped(np.asarray(ids, np.int64))

    def _read(self, ids: Sequence[int]) -> np.ndarray:
        """Row by row from the files; nothing of them stays in this process."""
        dtype, pread, raw = self._parts[0].dtype, os.pread, []
        width, last, places = self.dim * dtype.itemsize, self._last, self._places
        for number in ids:
            if not 0 <= number < self.count:
                raise IndexError(f"ids must lie in [0, {self.count}), got {number}")
            file, start = places[bisect_right(last, number)]
            raw.append(pread(file, width, start + width * number))
        return np.frombuffer(b"".join(raw), dtype).reshape(-1, self.dim).astype(np.float32)

    def _mapped(self, ids: np.ndarray) -> np.ndarray:
        if len(ids) and not 0 <= int(ids.min()) <= int(ids.max()) < self.count:
            raise IndexError(f"ids must lie in [0, {self.count}), got {ids.min()} to {ids.max()}")
        found = np.empty((len(ids), self.dim), np.float32)
        numbers = np.searchsorted(self._ends, ids, side="right")
        for number in np.unique(numbers).tolist():
            here = numbers == number
            start = self._ends[number - 1] if number else 0
            found[here] = self._parts[number][ids[here] - start]
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


def _opened(owner: object, path: Path) -> int:
    """A file descriptor that is closed with its owner."""
    file = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    weakref.finalize(owner, os.close, file)
    return file


def open_arrays(paths: Sequence[Path], types: tuple[type, ...]) -> list[np.ndarray]:
    """Two-dimensional .npy files, memory-mapped; ExplorerError for a damaged one or another type."""
    found = []
    for path in paths:
        try:
            part = np.load(path, mmap_mode="r", allow_pickle=False)
            if part.ndim != 2 or part.dtype not in types:
                raise ValueError(f"{part.dtype} of shape {part.shape}")
        except (OSError, ValueError, EOFError, SyntaxError, tokenize.TokenError) as error:
            raise ExplorerError("collections.embeddings_file_cannot_read", path=path, error=error) from error
        found.append(part)
    return found
