"""The known truth of the world drawn by several hands: who is what, in one table, and the draw that follows it.

Order of the draw: strangers (the same in every draw, so that instruments can be shared), artists seen whole,
half or not at all, members at 256 and 64, look-alikes of these by other hands, and then the rest.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from explorer.world_build.hands.pool import CandidatePool
from explorer.world_build.truth import MULTIPLICITIES

DRAWS = 3
ROTATING = ("fxemoji", "emojione-v1", "noto-v1")  # seen whole, half or not at all: each in turn
SEEN = ("whole", "half", "unseen")
STRANGERS = {"oca": 140, "emoji": 60}
ARTISTS_EACH = 8  # creators of the clip-art library that are seen whole; as many half, as many not at all
ARTIST_WORKS = (8, 80)  # works that such a creator has
LOOK_ALIKES_EACH = 2  # of one member at most
BLOCKS = "measure"  # members of this role at 64 and 256 trade places over the draws


@dataclass(frozen=True)
class Assignment:
    """What a draw gives to one work."""

    split: str  # train, tuning, control, test, look_alike, double, artist, reserve or stranger
    multiplicity: int = 0  # near copies of it in one training epoch
    variant: str = "same"  # same, captions or images: what differs between its copies
    role: str = ""  # of members: measure, tuning, doubles, artist or plain; of look-alikes: the member's
    seen: str = ""  # of artists set apart: whole, half or unseen
    member: str = ""  # of look-alikes and doubles: the member that it is like


@dataclass(frozen=True)
class Row:
    """One row of the table: so many works get this label."""

    label: Assignment
    works: int


def _members(role: str, multiplicity: int, works: int, variant: str = "same") -> Row:
    return Row(Assignment("train", multiplicity, variant, role), works)


MUCH_SEEN = (
    _members("measure", 256, 30), _members("measure", 64, 40),
    _members("tuning", 256, 30), _members("tuning", 64, 30),
    _members("measure", 64, 24, "captions"), _members("measure", 64, 24, "images"),
    _members("doubles", 64, 36),
)
REST = (
    _members("measure", 16, 40), _members("tuning", 16, 30), _members("measure", 4, 40), _members("tuning", 4, 30),
    Row(Assignment("tuning"), 100), Row(Assignment("control"), 400), Row(Assignment("test"), 400),
    _members("measure", 1, 150), _members("tuning", 1, 30),
)
PLAIN = Assignment("train", 1, "same", "plain")  # whatever is left


def draw(pool: CandidatePool, number: int, strangers: frozenset[str] = frozenset()) -> list[Assignment]:
    """(n,) labels of every work of the pool, near copies included, for draw 1, 2, ...

    `strangers` are works that earlier instruments never saw: the clip-art strangers are taken from them.
    """
    if number < 1:
        raise ValueError("draws are numbered from 1")
    state = _Draw(pool, number)
    state.strangers(strangers)
    state.artists()
    state.much_seen()
    state.look_alikes()
    state.rest()
    return state.near_copies()


class _Draw:
    """One draw under way: labels so far, and the order in which works are taken."""

    def __init__(self, pool: CandidatePool, number: int):
        self.pool, self.number = pool, number
        self.labels: list[Assignment | None] = [None] * len(pool.works)
        self.fixed, self.rng = np.random.default_rng(0), np.random.default_rng(1000 + number)
        self.kept = [int(i) for i in pool.kept]
        counts = Counter(pool.works[i].creator for i in self.kept)
        self.share = min(1.0, len(self.kept) / 3000)  # a small pool gives each label its share
        self.stratum = {i: (self._artist(i, counts), *pool.looks[i]) for i in self.kept}
        self.counts = counts

    def _artist(self, i: int, counts: Counter) -> str:
        work = self.pool.works[i]
        return work.hand if work.hand != "oca" or counts[work.creator] < 20 else work.creator

    def free(self) -> list[int]:
        """Kept works without a label, by artist, flatness and complexity."""
        return sorted((i for i in self.kept if self.labels[i] is None), key=lambda i: (self.stratum[i], i))

    def give(self, works: Iterable[int], label: Assignment) -> None:
        for i in works:
            self.labels[i] = label

    def strangers(self, known: frozenset[str]) -> None:
        """The same in every draw: by hash, of the clip art among those that no instrument saw before."""
        def by_hash(i: int) -> str:
            return hashlib.sha256(self.pool.works[i].id.encode()).hexdigest()[::-1]
        oca = [i for i in self.kept if self.pool.works[i].hand == "oca"]
        unseen = [i for i in oca if self.pool.works[i].id in known] or oca
        emoji = [i for i in self.kept if self.pool.works[i].hand != "oca"]
        for works, kind in ((unseen, "oca"), (emoji, "emoji")):
            self.give(sorted(works, key=by_hash)[:self._works(STRANGERS[kind])], Assignment("stranger"))

    def artists(self) -> None:
        """Sets and creators apart: every work seen once, every second one, or none."""
        low, high = ARTIST_WORKS
        creators = sorted(c for c in {self.pool.works[i].creator for i in self.free()
                                      if self.pool.works[i].hand == "oca"} if low <= self.counts[c] <= high)
        creators = list(self.rng.permutation(creators))
        for n, seen in enumerate(SEEN):
            names = set(creators[n::len(SEEN)][:self._works(ARTISTS_EACH)])
            rotating = ROTATING[(n + self.number - 1) % len(ROTATING)]
            works = [i for i in self.free()
                     if self.pool.works[i].hand == rotating or self.pool.works[i].creator in names]
            start = int(self.rng.integers(2))
            for k, i in enumerate(works):
                member = seen == "whole" or (seen == "half" and (k + start) % 2 == 0)
                self.labels[i] = (Assignment("train", 1, "same", "artist", seen) if member
                                  else Assignment("artist", seen=seen))

    def much_seen(self) -> None:
        """Members at 256 and 64. Of the measured ones as many blocks as draws are set apart: they trade places."""
        whole = [row for row in MUCH_SEEN if row.label.role == BLOCKS and row.label.variant == "same"]
        blocks = [[] for _ in range(DRAWS)]
        taken: set[int] = set()
        for row in whole:
            for block in blocks:
                part = _spread([i for i in self._common() if i not in taken], self._works(row.works), self.fixed)
                taken |= set(part)
                block += [(i, row.label) for i in part]
        for n, block in enumerate(blocks):
            for i, label in block:
                if self.labels[i] is None:
                    mine = n == (self.number - 1) % DRAWS
                    self.labels[i] = label if mine else Assignment("test")
        for row in MUCH_SEEN:
            if row not in whole:
                free = self.free()
                if row.label.role == "doubles":
                    free = [i for i in free if self.pool.doubles_of(i)]
                self.give(_spread(free, self._works(row.works), self.rng), row.label)

    def _common(self) -> list[int]:
        """Works that every draw leaves free for the blocks: no strangers, no artists apart in any draw."""
        low, high = ARTIST_WORKS

        def apart(i: int) -> bool:
            work, label = self.pool.works[i], self.labels[i]
            creator = work.hand == "oca" and low <= self.counts[work.creator] <= high
            return creator or work.hand in ROTATING or (label is not None and label.split == "stranger")
        return [i for i in sorted(self.kept, key=lambda i: (self.stratum[i], i)) if not apart(i)]

    def look_alikes(self) -> None:
        """The same concept by other hands, held out where one hand's is a member at 64 or 256."""
        by_concept: dict[str, list[int]] = {}
        for i in self.free():
            if concept := self.pool.works[i].concept:
                by_concept.setdefault(concept, []).append(i)
        for i in self.kept:
            label = self.labels[i]
            if label is None or label.multiplicity < 64:
                continue
            others = [j for j in by_concept.get(self.pool.works[i].concept, [])
                      if self.labels[j] is None and self.pool.works[j].hand != self.pool.works[i].hand]
            for j in self.rng.permutation(others)[:LOOK_ALIKES_EACH]:
                self.labels[j] = Assignment("look_alike", role=label.role, member=self.pool.works[i].id)

    def rest(self) -> None:
        """Lower doses, held-out works, and every work left as a member seen once."""
        for row in REST:
            wanted = self._works(row.works)
            if row.label.split == "test":  # the blocks of other draws are tests already
                wanted = max(0, wanted - sum(la == row.label for la in self.labels))
            self.give(_spread(self.free(), wanted, self.rng), row.label)
        self.give(self.free(), PLAIN)

    def near_copies(self) -> list[Assignment]:
        """Near copies of kept works: doubles of members at 64 and 256, else in reserve. None is trained on."""
        found = []
        for i, label in enumerate(self.labels):
            if label is None:
                leader = int(self.pool.leader[i])
                of = self.labels[leader]
                label = Assignment("reserve")
                if of is not None and of.multiplicity >= 64:
                    label = Assignment("double", role=of.role, member=self.pool.works[leader].id)
            found.append(label)
        return found

    def _works(self, works: int) -> int:
        return max(1, round(works * self.share))


def _spread(order: list[int], works: int, rng: np.random.Generator) -> list[int]:
    """Evenly spaced works of an ordered list, from a random start."""
    works = min(works, len(order))
    step = len(order) / max(1, works)
    start = rng.random() * step
    return [order[min(len(order) - 1, int(start + k * step))] for k in range(works)]


def views(labels: Iterable[Assignment]) -> dict[int, int]:
    """Views in one epoch of the members at each multiplicity."""
    found = Counter(dict.fromkeys(MULTIPLICITIES, 0))
    for label in labels:
        if label.split == "train":
            found[label.multiplicity] += label.multiplicity
    return dict(found)


def much_seen_share(labels: Iterable[Assignment]) -> float:
    """Share of the views that members at 64 and 256 take."""
    found = views(labels)
    return (found[64] + found[256]) / max(1, sum(found.values()))


