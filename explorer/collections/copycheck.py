"""The check at the door: is a picture a near copy of a work of the collection?

Run on every generated picture before it is shown as new. It cannot see copies that are turned,
heavily cropped or redrawn; "no near copy found" is not "original".
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from explorer.collections.likeness import likeness
from explorer.collections.open import Collection
from explorer.collections.signatures import blank, distance, hashes, mirrored, signature

CANDIDATES = 16  # works looked at by each of the two ways


@dataclass(frozen=True)
class DoorRule:
    """From which likeness of signatures, in [-1, 1], a picture is flagged."""

    likeness: float = 0.95


@dataclass(frozen=True)
class DoorCheck:
    """The work most like a picture. `by` says which way found it: "hash", "embedding" or "both"."""

    is_near_copy: bool
    work_id: str = ""
    title: str = ""
    creator: str = ""
    likeness: float = 0.0  # in [-1, 1]
    bits: int = 64  # hash distance, 0 to 64
    cosine: float | None = None
    by: str = ""
    note: str = ""


class Door:
    """Checks pictures against one collection with (n, 3072) `signatures` of its works."""

    def __init__(self, collection: Collection, signatures: np.ndarray, *, rule: DoorRule | None = None):
        self.collection, self.signatures, self.rule = collection, signatures, rule or DoorRule()

    def check(self, rgb: np.ndarray, embedding: np.ndarray | None = None) -> DoorCheck:
        """The work nearest to (h, w, 3) uint8, found by hash and, with an embedding (d,), by CLIP."""
        return self.check_signature(signature(rgb)[None], embedding)

    def check_signature(self, mark: np.ndarray, embedding: np.ndarray | None = None) -> DoorCheck:
        """The same for a signature (1, 3072)."""
        if blank(mark)[0]:
            return DoorCheck(False, note="The picture is almost blank; there is nothing to compare.")
        bits = self.bits(mark)
        near = {int(i): "hash" for i in np.argsort(bits, kind="stable")[:CANDIDATES]}
        if embedding is not None:
            for i in self.collection.nearest(embedding, CANDIDATES)[1]:
                near[int(i)] = "both" if int(i) in near else "embedding"
        ids = np.fromiter(near, np.int64)
        alike = likeness(np.repeat(mark, len(ids), axis=0), self.signatures[ids])
        best = int(np.argmax(alike))
        return self._described(int(ids[best]), float(alike[best]), bits, embedding, near)

    def bits(self, mark: np.ndarray) -> np.ndarray:
        """(n,) hash distance of a signature (1, 3072), or of its mirror image, to every work."""
        own, turned = hashes(mark)[0], hashes(mirrored(mark))[0]
        return np.minimum(distance(self._hashes, own), distance(self._hashes, turned))

    def _described(self, number: int, alike: float, bits: np.ndarray, embedding: np.ndarray | None,
                   near: dict[int, str]) -> DoorCheck:
        work = self.collection.rows([number])[0]
        cosine = None
        if embedding is not None:
            stored = self.collection.vectors([number])[0]
            cosine = float(stored @ embedding / (np.linalg.norm(stored) * np.linalg.norm(embedding) + 1e-12))
        return DoorCheck(alike >= self.rule.likeness, work.work_id, work.title, work.creator, alike,
                         int(bits[number]), cosine, near[number])

    @cached_property
    def _hashes(self) -> np.ndarray:
        """Blank and unread works get the hash of no picture: all bits unlike."""
        return hashes(np.asarray(self.signatures))
