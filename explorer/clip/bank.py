"""Embeddings and token ids of a term list: computed once for a CLIP, kept on disk, memory-mapped.

The file is safetensors: `embeddings` (n, d) float32, L2-normalised; `ids` (sum of lengths,) int32, the
terms' own tokens one after another; `ends` (n,) int64, where each term's tokens end. Its name holds the
CLIP's fingerprint and the list's hash; a file that does not match or is damaged is written anew.
"""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from safetensors.numpy import save_file

from explorer.clip.terms import TermList
from explorer.records import Progress
from explorer.run import QUIET, Run
from explorer.texts import say

if TYPE_CHECKING:
    from explorer.clip.encoder import Encoder

CHUNK = 2048
FORMAT = "terms-1"
_TYPES = {"F32": np.float32, "I32": np.int32, "I64": np.int64}


@dataclass(frozen=True)
class TermBank:
    """A term list with its embeddings (n, d) float32 and token ids."""

    terms: TermList
    embeddings: np.ndarray = field(repr=False)
    ids: np.ndarray = field(repr=False)
    ends: np.ndarray = field(repr=False)

    def token_ids(self, index: int) -> tuple[int, ...]:
        """The tokens of one term, without start and end."""
        start = int(self.ends[index - 1]) if index else 0
        return tuple(int(i) for i in self.ids[start:int(self.ends[index])])

    def similarities(self, query: np.ndarray) -> np.ndarray:
        """Cosine of every term to the unit vector `query` (d,): (n,) float32."""
        return self.embeddings @ query

    def top(self, query: np.ndarray, k: int, *, sign: int = 1) -> list[tuple[int, float]]:
        """Exactly the k terms nearest to `query` (farthest with sign −1): (index, cosine), best first.

        Ties keep the list's order.
        """
        sims = self.similarities(query)
        k = min(k, len(sims))
        if k <= 0:
            return []
        score = -sign * sims
        edge = np.partition(score, k - 1)[k - 1]
        near = np.flatnonzero(score <= edge)
        order = near[np.lexsort((near, score[near]))][:k]
        return [(int(i), float(sims[i])) for i in order]


def is_read(encoder: Encoder, terms: TermList, *, cache: Path) -> bool:
    """Whether the list was read for this CLIP before, so that opening it takes no time."""
    path, meta = _place(encoder, terms, cache)
    return read_mapped(path, meta) is not None


def _place(encoder: Encoder, terms: TermList, cache: Path) -> tuple[Path, dict[str, str]]:
    meta = {"format": FORMAT, "clip": encoder.fingerprint, "terms": terms.sha256, "count": str(len(terms))}
    return cache / f"{encoder.fingerprint[:24]}-{terms.sha256[:24]}.safetensors", meta


def open_bank(encoder: Encoder, terms: TermList, *, cache: Path | None, run: Run = QUIET) -> TermBank:
    """The list's embeddings, written to `cache` where they are not there yet.

    With `cache` None nothing is kept. Terms longer than the CLIP reads are embedded as CLIP cuts them; their
    token ids show that they do not fit.
    """
    path, meta = (None, {}) if cache is None else _place(encoder, terms, cache)
    if path is not None:
        arrays = read_mapped(path, meta)
        if arrays is not None:
            return TermBank(terms, arrays["embeddings"], arrays["ids"], arrays["ends"])
    arrays = _embed(encoder, terms, run)
    if path is not None:
        _write(path, arrays, meta)
        mapped = read_mapped(path, meta)
        arrays = arrays if mapped is None else mapped
    return TermBank(terms, arrays["embeddings"], arrays["ids"], arrays["ends"])


def _embed(encoder: Encoder, terms: TermList, run: Run) -> dict[str, np.ndarray]:
    out = np.empty((len(terms), encoder.dim), np.float32)
    ids: list[int] = []
    ends = np.empty(len(terms), np.int64)
    for at in range(0, len(terms), CHUNK):
        part = terms.terms[at:at + CHUNK]
        tokens = [encoder.token_ids(t)[:encoder.max_tokens + 1] for t in part]  # one more: does not fit
        tower = encoder.tower
        out[at:at + len(part)] = (encoder.encode_texts(part) if tower is None else
                                  tower.encode([t[:encoder.max_tokens] for t in tokens]))
        for row, own in enumerate(tokens, start=at):
            ids.extend(own)
            ends[row] = len(ids)
        run.report(Progress(at + len(part), len(terms), say("progress.reading_list_once", terms_name=terms.name)))
    return {"embeddings": out, "ids": np.asarray(ids, np.int32), "ends": ends}


def _write(path: Path, arrays: dict[str, np.ndarray], meta: dict[str, str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent, suffix=".part")
    os.close(handle)
    try:
        save_file(arrays, draft, metadata=meta)
        os.replace(draft, path)
    except OSError:  # no room: the cache is a convenience, the prompt is not lost for it
        Path(draft).unlink(missing_ok=True)


def read_mapped(path: Path, meta: dict[str, str]) -> dict[str, np.ndarray] | None:
    """The arrays of a safetensors file, memory-mapped; None if it is missing, damaged or not `meta`'s."""
    try:
        with open(path, "rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            header = json.loads(stream.read(length))
        if header.pop("__metadata__", None) != meta:
            return None
        arrays = {}
        for name, entry in header.items():
            start, stop = entry["data_offsets"]
            kind = np.dtype(_TYPES[entry["dtype"]])
            shape = tuple(entry["shape"])
            if stop - start != kind.itemsize * int(np.prod(shape)):
                return None
            arrays[name] = (np.memmap(path, kind, "r", 8 + length + start, shape) if stop > start
                            else np.empty(shape, kind))
        same = len(arrays["embeddings"]) == len(arrays["ends"]) == int(meta["count"])
        return arrays if same and set(arrays) == {"embeddings", "ids", "ends"} else None
    except (OSError, ValueError, KeyError, TypeError, OverflowError, MemoryError):
        return None
