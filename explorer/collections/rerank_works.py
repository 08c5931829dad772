"""Neighbours put in order again by closeness scores: CLIP similarity alone is not provenance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from explorer.closeness.pixel_scores import compare
from explorer.errors import ExplorerError
from explorer.images.decode import open_image
from explorer.images.prepare import fit_square
from explorer.records import Neighbour, Progress
from explorer.records.scores import sort_key
from explorer.run import QUIET, Run
from explorer.texts import say

SIDE_PX = 256
BATCH = 8  # pictures that a learned score sees at once
Learned = Callable[[np.ndarray, Sequence[np.ndarray]], list[dict[str, float]]]


@dataclass(frozen=True)
class RankedNeighbour:
    """A neighbour, ranked by closeness. `closeness` is empty where it has no readable picture;
    `clip_rank` is where CLIP had put it."""

    neighbour: Neighbour
    closeness: dict[str, float]
    clip_rank: int


def rerank(subject_rgb: np.ndarray, neighbours: Sequence[Neighbour], *, by: str = "tiled_l2",
           only: Sequence[str] | None = None, learned: Learned | None = None,
           run: Run = QUIET) -> list[RankedNeighbour]:
    """Compares a subject (h, w, 3) uint8 with its neighbours' pictures.

    Ordered by the score `by`, nearest first; those without a picture follow in CLIP's order. `learned`
    (subject, others) adds scores of a network to the pixel scores.
    """
    subject = fit_square(subject_rgb, SIDE_PX)
    scored: list[RankedNeighbour] = []
    for at in range(0, len(neighbours), BATCH):
        chunk = neighbours[at:at + BATCH]
        pictures = [_picture(n.image_path) for n in chunk]
        seen = [p for p in pictures if p is not None]
        run.report(Progress(at, len(neighbours), say("progress.comparing_pictures")))
        more = iter(learned(subject, seen) if learned and seen else [{}] * len(seen))
        for number, (neighbour, other) in enumerate(zip(chunk, pictures, strict=True)):
            run.report(Progress(at + number, len(neighbours), say("progress.comparing_pictures")))
            scores = {} if other is None else {**compare(subject, other, only=only), **next(more)}
            scored.append(RankedNeighbour(neighbour, scores, neighbour.rank))
    best = sort_key(by)
    scored.sort(key=lambda c: (by not in c.closeness, best(c.closeness[by]) if by in c.closeness else 0,
                               c.clip_rank))
    return [replace(c, neighbour=replace(c.neighbour, rank=rank)) for rank, c in enumerate(scored, 1)]


def _picture(path: str) -> np.ndarray | None:
    if not path:
        return None
    try:
        return fit_square(open_image(Path(path).read_bytes(), name=Path(path).name).rgb, SIDE_PX)
    except (ExplorerError, OSError):
        return None
