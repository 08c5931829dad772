"""Which work a replay is a near copy of, among one or thousands: Carlini et al. 2023's tiled distance at 64 px.

A few thousand works are compared one and all. Of a larger collection those are compared that its own index holds
for the nearest by CLIP: a near copy that CLIP does not see as alike is missed there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from explorer.cases.case import Case
from explorer.closeness.tiled import distances
from explorer.collections.embeddings import EmbeddingRows
from explorer.collections.layout import find_layout
from explorer.collections.rows import open_rows
from explorer.collections.signatures import signature
from explorer.collections.works import PICTURES, as_work, column_names
from explorer.errors import ExplorerError, shortened
from explorer.findings.looks import same_picture
from explorer.folders import is_plain, typed_path
from explorer.images.decode import open_image, read_png
from explorer.images.prepare import fit_square
from explorer.world.files import SIZE_PX, open_world
from explorer.world.manifest import load_small, read_manifest
from explorer.world.near_copy import NearCopyRule

WHOLE = 20_000  # works up to which every replay is compared with every work
CANDIDATES = 64  # of a larger collection, by CLIP
AT_ONCE = 4_096  # works a matrix
Encode = Callable[[Sequence[np.ndarray]], np.ndarray]  # pictures to (n, d) unit embeddings


@dataclass(frozen=True)
class Near:
    """The nearest protected work of one picture, and how far the nearest other work of any kind is; in [0, 1].

    A work that is the same picture as the nearest one, by the check at the door, is no other work: a file of a work
    among its rivals would else keep every near copy of it from counting.
    """

    work: str
    distance: float
    to_next: float


def nearness(near: Near, rule: NearCopyRule) -> float:
    """How near a picture is to being a near copy: below 1 it is one; lower is nearer."""
    return near.distance / min(rule.absolute, max(1e-9, rule.margin * near.to_next))


@dataclass(frozen=True)
class OneWork:
    """A work: the name it goes by, its words, and where its picture is (a path, or a PNG blob of the case)."""

    name: str
    title: str = ""
    caption: str = ""
    creator: str = ""
    place: str = ""


Read = Callable[[OneWork], np.ndarray]


class Works:
    """Works to compare with; `protected` says which of them a near copy may be of."""

    def __init__(self, listed: Sequence[OneWork], protected: Sequence[bool], read: Read, *,
                 rows: EmbeddingRows | None = None, encode: Encode | None = None, whole: int = WHOLE) -> None:
        """`read` gives a work's picture, (64, 64, 3) uint8; beyond `whole` works `rows` and `encode` are needed."""
        self.listed, self.protected = tuple(listed), np.asarray(protected, bool)
        self._pairs: dict[tuple[int, int], bool] = {}
        self._read, self._rows, self._encode = lru_cache(maxsize=4 * whole)(read), rows, encode
        if not self.protected.any():
            raise ExplorerError("incidence.no_work_protected")
        self.by_index = len(self.listed) > whole
        if self.by_index and (rows is None or encode is None or rows.count < len(self.listed)):
            raise ExplorerError("incidence.too_many_works", works=len(self.listed), whole=whole)
        self._pictures = None if self.by_index else np.stack([read(w) for w in self.listed])

    @property
    def sha256(self) -> str:
        """Names the list: each work's name, whether it is protected, and (where all are read) its pixels."""
        seen = hashlib.sha256()
        for i, work in enumerate(self.listed):
            pixels = b"" if self._pictures is None else hashlib.sha256(self._pictures[i].tobytes()).digest()
            seen.update(f"{work.name}\n{bool(self.protected[i])}\n".encode() + pixels)
        return seen.hexdigest()

    def nearest(self, images: Sequence[np.ndarray]) -> list[Near]:
        """For each (h, w, 3) uint8 picture its nearest protected work, with the nearest work beside that one."""
        small = np.stack([fit_square(rgb, SIZE_PX) for rgb in images]).astype(np.float32) / 255
        if self._pictures is not None:
            return [self._one(row, range(len(self.listed))) for row in _table(self._pictures, small)]
        found = []
        for picture, numbers in zip(small, self._candidates(images), strict=True):
            works = np.stack([self._read(self.listed[i]) for i in numbers])
            found.append(self._one(_table(works, picture[None])[0], numbers))
        return found

    def _one(self, row: np.ndarray, numbers: Sequence[int]) -> Near:
        """`row` holds the distances to the works `numbers`."""
        mine = np.where(self.protected[list(numbers)], row, np.inf)
        best = int(mine.argmin())
        if not np.isfinite(mine[best]):
            return Near("", 1.0, float(row.min()))
        to_next = next((float(row[k]) for k in np.argsort(row)
                        if k != best and not self._same(numbers[best], numbers[int(k)])), 1.0)
        return Near(self.listed[numbers[best]].name, float(row[best]), to_next)

    def _same(self, one: int, other: int) -> bool:
        """Whether two works are one picture, which no distance could tell apart: then neither is another work."""
        pair = (min(one, other), max(one, other))
        if pair not in self._pairs:
            marks = [signature(self._read(self.listed[n])) for n in pair]
            self._pairs[pair] = same_picture(*marks) or bool((marks[0] == marks[1]).all())
        return self._pairs[pair]

    def _candidates(self, images: Sequence[np.ndarray]) -> list[list[int]]:
        """The works nearest to each picture by CLIP, through the collection's own stored embeddings."""
        query = self._encode(images)  # (n, d)
        best: list[list[tuple[float, int]]] = [[] for _ in images]
        for start, block in self._rows.blocks():
            unit = block / np.maximum(np.linalg.norm(block, axis=1, keepdims=True), 1e-12)
            cosines = query @ unit.T  # (n, m)
            for i, line in enumerate(cosines):
                top = np.argpartition(-line, min(CANDIDATES, len(line) - 1))[:CANDIDATES]
                best[i] = sorted([*best[i], *((-float(line[t]), start + int(t)) for t in top)])[:CANDIDATES]
        self._rows.release()
        return [[number for _, number in one] for one in best]


def load_works(source: str, *, only: Sequence[str], rivals: str, case: Case, cache: Path,
               encode: Encode | None = None, whole: int = WHOLE) -> Works:
    """The works that settings name; see records.incidence_settings. ExplorerError where none can be read."""
    listed, read, rows = _source(source, case, cache)
    wanted = {o.casefold() for o in only}
    unknown = wanted - {n.casefold() for w in listed for n in (w.name, w.creator, w.title) if n}
    if unknown:
        raise ExplorerError("incidence.no_such_work", name=shortened(sorted(unknown)[0]))
    protected = [not wanted or bool({w.name.casefold(), w.creator.casefold(), w.title.casefold()} & wanted)
                 for w in listed]
    if rivals and rivals != source:
        others, read_other, _ = _source(rivals, case, cache)
        mine, read_mine = set(listed), read
        listed, rows = [*listed, *others], None
        protected = [*protected, *(False for _ in others)]
        read = lambda w: (read_mine if w in mine else read_other)(w)  # noqa: E731
    return Works(listed, protected, read, rows=rows, encode=encode, whole=whole)


def _source(source: str, case: Case, cache: Path) -> tuple[list[OneWork], Read, EmbeddingRows | None]:
    if source == "case":
        listed = [OneWork(s.id, s.name, s.caption, place=s.pixels_sha256) for s in case.subjects()]
        return _some(listed, source), lambda w: fit_square(read_png(case.blob(w.place)), SIZE_PX), None
    if source == "world":
        world = open_world()
        listed = [OneWork(r["id"], r["title"], r["caption"], r["creator"], r["image"])
                  for r in read_manifest(world)]
        return listed, lambda w: load_small(world.root, [w.place])[0], None
    folder = typed_path(source)
    if folder.is_dir() and not (folder / "metadata").is_dir() and not (folder / "metadata.hdf5").exists():
        files = sorted(f for f in folder.rglob("*") if f.suffix.lower() in PICTURES and is_plain(f))
        listed = [OneWork(f.relative_to(folder).as_posix(), f.stem, place=str(f)) for f in files]
        return _some(listed, source), _file, None
    return _collection(source, cache)


def _collection(source: str, cache: Path) -> tuple[list[OneWork], Read, EmbeddingRows | None]:
    """Works of an index folder, in the order of its embeddings; those without a picture here cannot be compared."""
    layout = find_layout(source)
    rows = open_rows(layout, cache=cache)
    names = column_names(rows.columns)
    values = rows.get(range(rows.count), tuple(names.values()))
    listed = []
    for number, one in enumerate(values):
        work = as_work(number, dict(zip(names.values(), one, strict=True)), names=names, root=layout.root)
        listed.append(OneWork(work.work_id, work.title, work.caption, work.creator, work.image_path))
    lacking = sum(not w.place for w in listed)
    if lacking:
        raise ExplorerError("incidence.works_without_picture", lacking=lacking, works=len(listed))
    stored = layout.embeddings.get("image", ())
    return _some(listed, source), _file, EmbeddingRows(stored) if stored and layout.mapping is None else None


def _some(listed: list[OneWork], source: str) -> list[OneWork]:
    if not listed:
        raise ExplorerError("incidence.no_works", source=shortened(source))
    return listed


def _file(work: OneWork) -> np.ndarray:
    path = Path(work.place)
    return fit_square(open_image(path.read_bytes(), name=path.name).rgb, SIZE_PX)


def _table(works: np.ndarray, images: np.ndarray) -> np.ndarray:
    """(m, n) tiled distances of m images (float32 on [0, 1]) to n works (uint8)."""
    parts: Iterable[np.ndarray] = (distances(works[a:a + AT_ONCE].astype(np.float32) / 255, images)
                                   for a in range(0, len(works), AT_ONCE))
    return np.concatenate(list(parts), axis=1)
