"""Every candidate work: emoji sets and the Open Clip Art Library, drawn, near copies told apart."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from explorer.world.manifest import small
from explorer.world_build import data, drawing, svg_metadata
from explorer.world_build.hands import near
from explorer.world_build.hands.draw_svg import rendered, webp
from explorer.world_build.hands.sets import Drawing, read_sets

Progress = Callable[[str, float, str], None]
OCA = "Open Clip Art Library"
FLAT = 0.8  # share of equal neighbours from which on a work counts as flat
OCA_LICENCE = "Public domain (Open Clip Art Library 0.18)"


@dataclass
class PoolWork:
    """One candidate, before the draw."""

    id: str
    title: str
    creator: str
    keywords: tuple[str, ...]
    licence: str
    attribution: str
    source: str
    hand: str  # the set that it belongs to: a package's key, or "oca"
    concept: str  # equal for works that show the same thing; "" where nobody can say
    copy: bytes = field(repr=False)  # display copy, WebP
    source_sha256: str = ""

    @property
    def caption(self) -> str:
        """Title, creator, keywords."""
        return svg_metadata.caption(self.title, self.creator, self.keywords)

    @property
    def image(self) -> str:
        """Path of the display copy below the world's folder."""
        return f"works/{self.id}.webp"


@dataclass
class CandidatePool:
    """Works with their 64 px pixels; `leader` names the kept work that each is near to."""

    works: list[PoolWork]
    pixels: np.ndarray  # (n, 64, 64, 3) uint8
    leader: np.ndarray  # (n,)

    @property
    def kept(self) -> np.ndarray:
        """Works that enter the draw: one of each family of near copies."""
        return np.flatnonzero(self.leader == np.arange(len(self.leader)))

    @cached_property
    def looks(self) -> list[tuple[bool, int]]:
        """Of each work: whether it is flat, and its complexity in bytes."""
        return [(flatness(p) > FLAT, drawing.complexity_bytes(p)) for p in self.pixels]

    def doubles_of(self, work: int) -> list[int]:
        """Natural near duplicates of a kept work."""
        return [int(i) for i in np.flatnonzero(self.leader == work) if i != work]

    def save(self, path: Path) -> None:
        """Keeps works and leaders as Parquet; pixels follow from the display copies."""
        rows = [{**asdict(w), "leader": int(j)} for w, j in zip(self.works, self.leader, strict=True)]
        pq.write_table(pa.Table.from_pylist(rows), path)


def load(path: Path) -> CandidatePool:
    """What `Pool.save` kept."""
    rows = pq.read_table(path).to_pylist()
    leader = np.array([row.pop("leader") for row in rows])
    works = [PoolWork(**{**row, "keywords": tuple(row["keywords"])}) for row in rows]
    return CandidatePool(works, np.stack([small(w.copy) for w in works]), leader)


def gather(sets: Path, clip_art: Path, progress: Progress) -> CandidatePool:
    """Reads and draws everything; `sets` holds the unpacked npm packages, `clip_art` svg/ and png/."""
    works = [*emoji(sets, progress), *library(clip_art, progress)]
    pixels = np.stack([small(w.copy) for w in works])
    drawn = [i for i in range(len(works)) if not drawing.near_blank(pixels[i])]
    works, pixels = [works[i] for i in drawn], pixels[drawn]
    order = np.argsort([hashlib.sha256(w.id.encode()).hexdigest() for w in works])
    progress("data", 0.8, f"comparing {len(works)} works")
    return CandidatePool(works, pixels, near.leaders([w.caption for w in works], pixels, order))


def emoji(sets: Path, progress: Progress) -> list[PoolWork]:
    """Works of the emoji sets."""
    found = []
    drawings = read_sets(sets)
    for n, d in enumerate(drawings):
        found.append(work_of(d))
        if n % 200 == 0:
            progress("data", 0.5 * n / len(drawings), f"drawn {n} emoji")
    return found


def work_of(d: Drawing) -> PoolWork:
    """A drawing as a work."""
    return PoolWork(d.id, d.title, d.hand.creator, d.keywords, d.hand.licence, d.hand.attribution,
                    f"{d.hand.package}/{d.name}", d.hand.key, d.concept, webp(rendered(d.svg)),
                    hashlib.sha256(d.svg.encode()).hexdigest())


def library(root: Path, progress: Progress) -> list[PoolWork]:
    """Works of the Open Clip Art Library: public domain, by a named creator, no pieces of patterned sets."""
    found, seen = [], set()
    metas = [m for m in svg_metadata.read_package(root) if svg_metadata.is_work(m)]
    for n, meta in enumerate(metas):
        png = data.png_of(root, meta)
        if png is None or (digest := hashlib.sha256(png.read_bytes()).hexdigest()) in seen:
            continue
        seen.add(digest)
        if (copy := drawing.display_copy(png)) is not None:
            m = svg_metadata.presentable(meta)
            found.append(PoolWork(data.work_id(meta.source), m.title, m.creator, m.keywords, OCA_LICENCE,
                                  f"{m.creator}, {OCA}, public domain", f"openclipart/svg/{meta.source}", "oca",
                                  "", copy, digest))
        if n % 100 == 0:
            progress("data", 0.5 + 0.3 * n / len(metas), f"drawn {len(found)} works of {OCA}")
    return found


def flatness(pixels: np.ndarray) -> float:
    """Share of neighbouring pixel pairs that are equal to within 4 of 255: 1 for one flat colour."""
    x = pixels.astype(np.int16)
    across = np.abs(np.diff(x, axis=1)).max(-1) <= 4
    down = np.abs(np.diff(x, axis=0)).max(-1) <= 4
    return float((across.mean() + down.mean()) / 2)
