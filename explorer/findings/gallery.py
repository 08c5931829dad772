"""What a gallery shows of many replays or works: sorted, filtered by marks and scores, near copies folded."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from explorer.cases import marks
from explorer.cases.view import CaseView, Try
from explorer.collections.copyrule import CopyRule
from explorer.collections.likeness import likeness
from explorer.collections.signatures import blank, descriptors, mirrored, signature
from explorer.errors import ExplorerError
from explorer.findings.series import Page, ranked, started_from
from explorer.images.decode import read_png
from explorer.records import Neighbour, Replay, Start, Subject
from explorer.records.scores import is_better

SIMILARITY = "rank"  # works in the order of a collection's search, which is that of CLIP similarity
LOOKED_AT = 240  # of the first in order, whose pictures are compared for near copies
MOST_KNOWN = 4096
_KNOWN: dict[str, np.ndarray] = {}  # signatures of pictures by the SHA-256 that names these
Kept = TypeVar("Kept")


@dataclass(frozen=True)
class Wish:
    """What a person wants to see. `search` "" stands for all; `limit` is the worst value still shown."""

    search: str = ""
    score: str = "tiled_l2"
    start: Start | None = None  # None: whatever they started from
    show: str = "all"  # "all" (but hidden ones) | "starred" | "exhibits" | "hidden"
    limit: float | None = None
    fold: bool = False  # near copies of one that stands before them are left out

    @property
    def plain(self) -> bool:
        """True where the order alone decides, so that a page can be read without the rest."""
        return (self.start, self.show, self.limit, self.fold) == (None, "all", None, False)


@dataclass(frozen=True)
class GalleryPage(Generic[Kept]):
    """A page of replays or works, how many fit the wish, and how many of those were left out and why."""

    items: tuple[Kept, ...]
    total: int
    hidden: int  # by the person
    copies: int  # near copies of one before them


def gallery_page(case: CaseView, subject: Subject, wish: Wish, page: Page) -> GalleryPage[Replay]:
    """A page of a subject's replays by a wish: from plain noise, the closest first; then those given more."""
    out = _hidden(case, subject, wish)
    hidden = 0 if wish.show == "hidden" else len(out)
    if wish.plain:
        total = case.count_replays(subject.id, search_id=wish.search or None) - hidden
        found = case.noise_first(subject.id, search_id=wish.search or None, order_by=wish.score,
                                 limit=page.first + page.length + hidden)
        kept = [r for r in found if r.id not in out]
        return GalleryPage(tuple(kept[page.first:page.first + page.length]), total, hidden, 0)
    fitting = [t for t in _asked(case, subject, wish) if wish.show == "hidden" or t.id not in out]
    copies = 0
    if wish.fold:
        fitting, copies = fold(fitting, lambda t: _signature(case, case.replay(t.id).image_sha256))
    shown = fitting[page.first:page.first + page.length]
    return GalleryPage(tuple(case.replay(t.id) for t in shown), len(fitting), hidden, copies)


def _asked(case: CaseView, subject: Subject, wish: Wish) -> list[Try]:
    """All that fit start, marks and limit: from noise, the closest first; then those given more."""
    tries = case.tries(subject.id, score=wish.score, search_id=wish.search or None)
    stars, hidden = (set(marks.marked(case, mark)) for mark in (marks.STARRED, marks.HIDDEN))
    fits = {"all": lambda t: True, "starred": lambda t: t.id in stars, "exhibits": lambda t: t.exhibit,
            "hidden": lambda t: t.id in hidden}[wish.show]
    order = sorted(ranked(started_from(tries, wish.start), wish.score), key=lambda t: t.start is not Start.NOISE)
    return [t for t in order
            if fits(t) and (wish.limit is None or reaches(wish.score, t.value, wish.limit))]


def _hidden(case: CaseView, subject: Subject, wish: Wish) -> Set[str]:
    """Replays of the subject, and of the search if one is named, that the person hid."""
    found = set()
    for name in marks.marked(case, marks.HIDDEN):
        try:
            replay = case.replay(name)
        except ExplorerError:
            continue  # marked in another case and carried over without it
        if replay.subject_id == subject.id and wish.search in ("", replay.search_id):
            found.add(name)
    return found


def works_page(case: CaseView, ordered: Sequence[Neighbour], wish: Wish, page: Page, *,
                   mark_of: Callable[[Neighbour], np.ndarray | None]) -> GalleryPage[Neighbour]:
    """A page of one subject's works, which come in the order in which they are to stand.

    Marks go by a work's id. The wish's limit is on its score, or on similarity where that is SIMILARITY;
    `mark_of` gives the signature of a work's picture, as in `fold`.
    """
    subject_id = ordered[0].subject_id if ordered else ""
    out = set(marks.marked(case, marks.of_works(marks.HIDDEN, subject_id)))
    stars = set(marks.marked(case, marks.of_works(marks.STARRED, subject_id)))
    fitting = [w for w in ordered if _work_fits(w, wish)]
    wanted = {"all": lambda w: w.work_id not in out, "hidden": lambda w: w.work_id in out,
              "starred": lambda w: w.work_id in stars and w.work_id not in out}[wish.show]
    kept, copies = [w for w in fitting if wanted(w)], 0
    hidden = 0 if wish.show == "hidden" else sum(w.work_id in out for w in fitting)
    if wish.fold:
        kept, copies = fold(kept, mark_of)
    return GalleryPage(tuple(kept[page.first:page.first + page.length]), len(kept), hidden, copies)


def _work_fits(work: Neighbour, wish: Wish) -> bool:
    if wish.limit is None:
        return True
    if wish.score == SIMILARITY:
        return work.similarity >= wish.limit
    return reaches(wish.score, work.closeness.get(wish.score), wish.limit)


def reaches(score: str, value: float | None, limit: float) -> bool:
    """Whether a value is as close as the limit or closer; what was not measured does not reach it."""
    return value is not None and (value == limit or is_better(score, value, limit))


def fold(found: Sequence[Kept], mark_of: Callable[[Kept], np.ndarray | None],
         rule: CopyRule | None = None) -> tuple[list[Kept], int]:
    """Those that are no near copy of one before them, and how many are left out.

    `mark_of` gives a picture's signature (3072,) uint8, None where there is no picture. The rule is that of
    collections: lowest frequencies propose, the likeness of signatures decides. Only the first LOOKED_AT are
    compared; the others stay.
    """
    chosen, first, rest = rule or CopyRule(), list(found[:LOOKED_AT]), list(found[LOOKED_AT:])
    seen = [mark_of(one) for one in first]
    marked = [n for n, mark in enumerate(seen) if mark is not None]
    gone = np.zeros(len(first), bool)
    if marked:
        pictures = np.stack([seen[n] for n in marked])
        gone[marked] = _copies(pictures, chosen)
    return [one for one, left_out in zip(first, gone, strict=True) if not left_out] + rest, int(gone.sum())


def _copies(pictures: np.ndarray, rule: CopyRule) -> np.ndarray:
    """(n,) bool over (n, 3072) signatures: a near copy of a picture before it that is none itself."""
    low = descriptors(pictures)
    alike = (low @ low.T >= rule.frequencies) | (low @ descriptors(mirrored(pictures)).T >= rule.frequencies)
    alike[blank(pictures)] = False
    gone = np.zeros(len(pictures), bool)
    for n in range(len(pictures)):
        later = np.flatnonzero(alike[n] & ~gone & (np.arange(len(pictures)) > n))
        if not gone[n] and len(later):
            gone[later] = likeness(np.repeat(pictures[n:n + 1], len(later), 0), pictures[later]) >= rule.likeness
    return gone


def _signature(case: CaseView, name: str) -> np.ndarray:
    """(3072,) uint8 of a case's picture; the last thousands are kept for as long as the process lives."""
    found = _KNOWN.get(name)
    if found is None:
        if len(_KNOWN) >= MOST_KNOWN:
            _KNOWN.clear()
        found = _KNOWN[name] = signature(read_png(case.blob(name)))
    return found
