"""Near copies within a collection: candidate pairs, checked pixel by pixel, joined into groups.

Candidates come from the embeddings, from perceptual hashes, and from the pictures' lowest frequencies,
as they are and mirrored; a pair counts when the two signatures agree. Similar embeddings alone do not make a
copy: two photographs of one tower are near in CLIP and are no copies.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from explorer.collections.copyrule import CopyRule
from explorer.collections.likeness import likeness
from explorer.collections.open import Collection
from explorer.collections.pairs import Pairs, equal_rows, groups, hash_pairs, vector_pairs
from explorer.collections.parts import IndexParts, write_whole
from explorer.collections.rows import PLAIN_ROWS, store_arrow
from explorer.collections.signatures import blank, descriptors, hashes, mirrored
from explorer.collections.stored_signatures import read_signatures
from explorer.records import Progress
from explorer.run import QUIET, Run
from explorer.texts import say


@dataclass(frozen=True)
class DuplicateReport:
    """`group` (n,) int64 numbers each work by the first of its group; `multiplicity` (n,) is its size.

    `by_multiplicity` counts works at each multiplicity. `checked` says whether pictures were compared,
    or only embeddings.
    """

    group: np.ndarray = field(repr=False)
    multiplicity: np.ndarray = field(repr=False)
    by_multiplicity: dict[int, int]
    pairs: int
    checked: bool
    rule: CopyRule
    unread: int = 0  # works without a readable picture

    @property
    def distinct(self) -> int:
        """How many works are left when each group keeps one."""
        return len(np.unique(self.group))


def find_duplicates(collection: Collection, *, rule: CopyRule | None = None, cache: Path | None = None,
                    run: Run = QUIET) -> DuplicateReport:
    """Groups the near copies of a collection in near-linear time.

    Reads the pictures where the folder holds no signatures (and stores those in `cache`).
    """
    marks = read_signatures(collection, cache=cache, run=run)
    return near_copies(collection.vectors(np.arange(collection.works)), marks, rule or CopyRule(), run=run)


def near_copies(vectors: np.ndarray, marks: np.ndarray | None, rule: CopyRule, *,
                run: Run = QUIET) -> DuplicateReport:
    """The report on (n, d) unit vectors and (n, 3072) signatures, all zero where unread, or None."""
    least = rule.cosine if marks is not None else rule.cosine_alone
    left, right, cosine = _vector_candidates(vectors, rule, least, run)
    if marks is not None:
        more = _picture_candidates(marks, rule, run)
        run.report(Progress(0, 1, say("progress.comparing_pictures")))
        left, right = _checked(marks, np.stack([left, right], axis=1), cosine, more, rule)
    group = groups(len(vectors), left, right)
    _, back, size = np.unique(group, return_inverse=True, return_counts=True)
    multiplicity = size[back]
    spread = {int(m): int(c) for m, c in sorted(Counter(multiplicity.tolist()).items())}
    unread = 0 if marks is None else int((marks.max(axis=1) == 0).sum())
    run.report(Progress(1, 1, say("progress.grouped")))
    return DuplicateReport(group, multiplicity, spread, len(left), marks is not None, rule, unread)


def largest_groups(report: DuplicateReport) -> list[np.ndarray]:
    """Index ids of the works of each group of two or more, the largest group first."""
    members = np.flatnonzero(report.multiplicity > 1)
    order = members[np.lexsort((members, report.group[members], -report.multiplicity[members]))]
    cuts = np.flatnonzero(np.diff(report.group[order])) + 1
    return np.split(order, cuts) if len(order) else []


def deduplicated(collection: Collection, report: DuplicateReport, path: Path) -> int:
    """Writes a CSV of one work a group (work_id, title, creator, source, multiplicity); returns how many."""
    buffer = io.StringIO()
    table = csv.writer(buffer)
    table.writerow(["work_id", "title", "creator", "source", "multiplicity"])
    first = np.unique(report.group)
    for at in range(0, len(first), 1000):
        part = first[at:at + 1000]
        for number, work in zip(part.tolist(), collection.rows(part), strict=True):
            cells = (work.work_id, work.title, work.creator, work.source)
            table.writerow([*map(_as_text, cells), int(report.multiplicity[number])])
    write_whole(path, buffer.getvalue().encode("utf-8"))
    return len(first)


def store_multiplicity(collection: Collection, report: DuplicateReport) -> None:
    """Writes each work's multiplicity into the metadata of a collection that was built here.

    Open the collection again afterwards to see it."""
    parts, at = IndexParts(collection.layout.folder), 0
    for number in parts.numbers():
        rows = parts.rows(number)
        counts = report.multiplicity[at:at + len(rows)].tolist()
        parts.rewrite_rows(number, [{**r, "multiplicity": m} for r, m in zip(rows, counts, strict=True)])
        at += len(rows)
    if at > PLAIN_ROWS:
        store_arrow(collection.layout.folder)


def _vector_candidates(vectors: np.ndarray, rule: CopyRule, least: float, run: Run) -> Pairs:
    """Equal vectors first, so that a crowd of exact copies does not fill its members' neighbour lists."""
    first, other = equal_rows(vectors)
    alone = np.setdiff1d(np.arange(len(vectors)), other)
    distinct = vectors[alone] if len(other) else vectors
    left, right, cosine = vector_pairs(distinct, k=rule.k, least=least, run=run)
    return (np.concatenate([first, alone[left]]), np.concatenate([other, alone[right]]),
            np.concatenate([np.ones(len(first), np.float32), cosine]))


def _picture_candidates(marks: np.ndarray, rule: CopyRule, run: Run) -> np.ndarray:
    """(m, 2) pairs that hashes and lowest frequencies propose, as the pictures are and mirrored."""
    turned = mirrored(marks)
    own, plain = hashes(marks), descriptors(marks)
    found = [hash_pairs(own, most=rule.bits), hash_pairs(own, hashes(turned), most=rule.bits)]
    for queries in (None, descriptors(turned)):
        found.append(vector_pairs(plain, k=rule.k, least=rule.frequencies, queries=queries, run=run)[:2])
    return np.concatenate([np.stack(pair, axis=1) for pair in found])


def _checked(marks: np.ndarray, pairs: np.ndarray, cosine: np.ndarray, more: np.ndarray,
             rule: CopyRule) -> tuple[np.ndarray, np.ndarray]:
    """Candidate pairs whose signatures agree; works without a picture go by their embeddings alone."""
    empty, unread = blank(marks), marks.max(axis=1) == 0
    blind = pairs[unread[pairs].any(axis=1) & (cosine >= rule.cosine_alone)]
    candidates = np.unique(np.concatenate([pairs, more]), axis=0)
    candidates = candidates[~empty[candidates].any(axis=1)]
    alike = likeness(marks[candidates[:, 0]], marks[candidates[:, 1]]) >= rule.likeness
    kept = np.concatenate([candidates[alike], blind])
    return kept[:, 0], kept[:, 1]


def _as_text(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
