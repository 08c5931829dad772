"""The plane of bits supplied against closeness: the subject, its controls as a band, codecs, the floor.

"Is a magic seed a pass phrase to an archive?" becomes a picture: a subject whose replays come closer
than controls do at the same bits lies above the band; codecs show what as many bits buy without a model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from explorer.closeness.catalogue import SCORES, is_better, shown, sort_key
from explorer.closeness.codecs import CodecPoint
from explorer.findings.wording import number, say


@dataclass(frozen=True)
class PlanePoint:
    """One replay on the plane."""

    bits: float
    closeness: float
    replay_id: str = ""
    group: str = "noise"  # "noise" | "subject": what it started from


@dataclass(frozen=True)
class BandPoint:
    """What controls reach with at most `bits`: the closest 5 %, the median and the farthest 5 % of them."""

    bits: float
    close: float
    median: float
    far: float
    controls: int


@dataclass(frozen=True)
class Plane:
    """All that the picture shows; `score` says which way closeness runs."""

    score: str
    points: tuple[PlanePoint, ...]
    frontier: tuple[PlanePoint, ...]  # the closest replay with at most so many bits
    band: tuple[BandPoint, ...]
    codecs: tuple[CodecPoint, ...] = ()
    floor: float | None = None  # closeness after the model's own autoencoder: no replay is expected past it


def make_plane(points: Sequence[PlanePoint], controls: Sequence[Sequence[PlanePoint]], *, score: str,
               codecs: Sequence[CodecPoint] = (), floor: float | None = None) -> Plane:
    """The plane of a subject's replays and of each control's (one sequence a control, same effort)."""
    fronts = [front for front in (frontier(c, score=score) for c in controls) if front]
    levels = sorted({p.bits for p in (*frontier(points, score=score), *(q for f in fronts for q in f))})
    band = [b for b in (_band(fronts, bits, score) for bits in levels) if b is not None]
    return Plane(score, tuple(points), frontier(points, score=score), tuple(band), tuple(codecs), floor)


def frontier(points: Sequence[PlanePoint], *, score: str) -> tuple[PlanePoint, ...]:
    """The points that no other beats with at most as many bits, by bits."""
    kept: list[PlanePoint] = []
    closest_first = sort_key(score)
    for point in sorted(points, key=lambda p: (p.bits, closest_first(p.closeness))):
        if not kept or is_better(score, point.closeness, kept[-1].closeness):
            kept.append(point)
    return tuple(kept)


def reached(front: Sequence[PlanePoint], bits: float) -> float | None:
    """The closeness that a frontier reaches with at most `bits`; None if it has nothing there."""
    values = [p.closeness for p in front if p.bits <= bits]
    return values[-1] if values else None


def _band(fronts: Sequence[Sequence[PlanePoint]], bits: float, score: str) -> BandPoint | None:
    values = sorted((v for v in (reached(f, bits) for f in fronts) if v is not None), key=sort_key(score))
    if len(values) < len(fronts) or not values:
        return None  # only where every control has something: else the band would jump as controls join
    # ranks, not interpolation: the k-th closest control, so that at most 5 % lie beyond `close`
    n = len(values)
    return BandPoint(bits, values[int(0.05 * n)], float(np.median(values)), values[n - 1 - int(0.05 * n)], n)


@dataclass(frozen=True)
class Standing:
    """Where a subject lies against the band: `margin` in the score's units, positive when above it."""

    above: bool
    bits: float
    closeness: float
    band: float
    margin: float
    statement: str


def standing(plane: Plane) -> Standing | None:
    """The subject's best point against the band at the same bits; None without either."""
    if not plane.frontier or not plane.band:
        return None
    best = plane.frontier[-1]
    at = [b for b in plane.band if b.bits <= best.bits]
    if not at:
        return None
    edge = at[-1].close
    above = is_better(plane.score, best.closeness, edge)
    words = {"bits": number(best.bits, 4), "value": shown(plane.score, best.closeness),
             "score": SCORES[plane.score].label, "band": shown(plane.score, edge)}
    margin = abs(best.closeness - edge) if above else -abs(best.closeness - edge)
    if above:
        return Standing(True, best.bits, best.closeness, edge, margin,
                        say("above_band", **words, margin=shown(plane.score, margin)))
    return Standing(False, best.bits, best.closeness, edge, margin, say("within_band", **words))
