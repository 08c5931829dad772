"""The check at the door: is a picture a near copy of a work of the collection?

Run on every generated picture before it is shown as new. It cannot see copies that are turned,
heavily cropped or redrawn; "no near copy found" is not "original".
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from explorer.collections.copyrule import DoorRule
from explorer.collections.likeness import likeness
from explorer.collections.open import Collection
from explorer.collections.signatures import LENGTH, blank, distance, hashes, mirrored, signature
from explorer.collections.stored_signatures import read_signature
from explorer.texts import say

CANDIDATES = 16  # works looked at by each of the two ways; by hash further on as long as copies are found
MOST = 4_096  # works looked at by hash, at most
RATES = Path(__file__).with_name("door_rates.json")  # written by tests/benchmarks/bench_collections.py


@dataclass(frozen=True)
class DoorCheck:
    """The work most like a picture. `by` says which way found it: "hash", "embedding" or "both".

    `compared` is how many works' pictures could be looked at; with none, nothing is known. `copies` counts
    the near copies of the picture that were found: its multiplicity in the collection."""

    is_near_copy: bool
    compared: int = 0
    work_id: str = ""
    title: str = ""
    creator: str = ""
    image_path: str = ""
    likeness: float = 0.0  # in [-1, 1]
    bits: int = 64  # hash distance, 0 to 64
    cosine: float | None = None
    by: str = ""
    copies: int | None = None
    note: str = ""


@dataclass(frozen=True)
class DoorRates:
    """How often the rule flags planted near copies and works that were never in the bundled collection."""

    found: float
    copies: int
    false: float
    others: int


class Door:
    """Checks pictures against one collection with (n, 3072) `signatures` of its works.

    Without signatures only the works nearest by embedding are looked at, by their pictures."""

    def __init__(self, collection: Collection, signatures: np.ndarray | None, *, rule: DoorRule | None = None):
        self.collection, self.signatures, self.rule = collection, signatures, rule or DoorRule()

    def check(self, rgb: np.ndarray, embedding: np.ndarray | None = None) -> DoorCheck:
        """The work nearest to (h, w, 3) uint8, found by hash and, with an embedding (d,), by CLIP."""
        return self.check_signature(signature(rgb)[None], embedding)

    def check_signature(self, mark: np.ndarray, embedding: np.ndarray | None = None) -> DoorCheck:
        """The same for a signature (1, 3072)."""
        if blank(mark)[0]:
            return DoorCheck(False, note=say("note.collections.picture_almost_blank"))
        near = self._candidates(mark, embedding)
        ids = np.fromiter(near, np.int64, len(near))
        marks = self._marks(ids)
        seen = marks.max(axis=1, initial=0) > 0
        if not seen.any():
            return DoorCheck(False, note=say("note.collections.none_nearest_works"))
        ids, marks = ids[seen], marks[seen]
        alike = likeness(np.repeat(mark, len(ids), axis=0), marks)
        best = int(np.argmax(alike))
        compared = int(self._seen) if self.signatures is not None else len(ids)
        bits = int(_bits(hashes(marks[best:best + 1]), mark)[0])
        best_one = self._described(int(ids[best]), float(alike[best]), bits, embedding, near[int(ids[best])],
                                   compared)
        found = {int(i) for i in ids[alike >= self.rule.likeness]}
        return replace(best_one, copies=len(found | self._further(mark, found)))

    def bits(self, mark: np.ndarray) -> np.ndarray:
        """(n,) hash distance of a signature (1, 3072), or of its mirror image, to every work."""
        return _bits(self._hashes, mark)

    def _candidates(self, mark: np.ndarray, embedding: np.ndarray | None) -> dict[int, str]:
        near: dict[int, str] = {}
        if self.signatures is not None:
            near = {int(i): "hash" for i in np.argsort(self.bits(mark), kind="stable")[:CANDIDATES]}
        if embedding is not None:
            for i in self.collection.nearest(embedding, CANDIDATES)[1]:
                near[int(i)] = "both" if int(i) in near else "embedding"
        return near

    def _further(self, mark: np.ndarray, found: set[int]) -> set[int]:
        """More near copies in the order of their hashes, as long as each next lot holds one."""
        more: set[int] = set()
        if self.signatures is None or not found:
            return more
        order, at, size = np.argsort(self.bits(mark), kind="stable")[:MOST], CANDIDATES, CANDIDATES
        while at < len(order):
            ids = order[at:at + size]
            alike = likeness(np.repeat(mark, len(ids), axis=0), self._marks(ids))
            lot = {int(i) for i in ids[alike >= self.rule.likeness]}
            if not lot:
                break
            more, at, size = more | lot, at + size, 2 * size
        return more

    def _marks(self, ids: np.ndarray) -> np.ndarray:
        """(m, 3072) uint8, zero where a work has no readable picture."""
        if not len(ids):
            return np.zeros((0, LENGTH), np.uint8)
        if self.signatures is not None:
            return self.signatures[ids]
        return np.stack([read_signature(w.image_path) for w in self.collection.rows(ids)])

    def _described(self, number: int, alike: float, bits: int, embedding: np.ndarray | None, by: str,
                   compared: int) -> DoorCheck:
        work = self.collection.rows([number])[0]
        cosine = None
        if embedding is not None:
            stored = self.collection.vectors([number])[0]
            cosine = float(stored @ embedding / (np.linalg.norm(stored) * np.linalg.norm(embedding) + 1e-12))
        return DoorCheck(alike >= self.rule.likeness, compared, work.work_id, work.title, work.creator,
                         work.image_path, alike, bits, cosine, by)

    @cached_property
    def _hashes(self) -> np.ndarray:
        """Blank and unread works get the hash of no picture: all bits unlike."""
        return hashes(np.asarray(self.signatures))

    @cached_property
    def _seen(self) -> int:
        return int((np.asarray(self.signatures).max(axis=1) > 0).sum())


def read_rates(rule: DoorRule, *, collection: str, path: Path = RATES) -> DoorRates | None:
    """The rates as measured, where they are of this rule and of a bundled collection with this fingerprint."""
    try:
        value = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    if value.get("likeness") != rule.likeness or value.get("collection") != collection:
        return None
    return DoorRates(value["found"], value["copies"], value["false"], value["others"])


def _bits(works: np.ndarray, mark: np.ndarray) -> np.ndarray:
    own, turned = hashes(mark)[0], hashes(mirrored(mark))[0]
    return np.minimum(distance(works, own), distance(works, turned))
