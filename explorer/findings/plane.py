"""The plane of bits supplied against closeness: the subject, its controls as a band, codecs, the floor.

"Is a magic seed a pass phrase to an archive?" becomes a picture: a subject whose test comes closer than
controls of the same effort lies above the band; codecs show what as many bits buy without a model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from explorer.closeness.codecs import CodecPoint
from explorer.findings.finding import ControlResults
from explorer.findings.ranking import excesses
from explorer.findings.wording import number, statement
from explorer.records import Start
from explorer.records.scores import SCORES, is_better, shown, sort_key
from explorer.texts import say

LEVEL_ONE_IN = 20  # the band's edge is where a rank's p-value passes .05


@dataclass(frozen=True)
class PlanePoint:
    """One replay on the plane."""

    bits: float
    closeness: float
    replay_id: str = ""
    start: Start = Start.NOISE


@dataclass(frozen=True)
class Band:
    """Where the controls lie: the bits that they cost, and the closest 5%, median and farthest 5% of them.

    Closer than `close` is what a p-value of at most .05 takes.
    """

    least_bits: float
    most_bits: float
    close: float
    median: float
    far: float
    controls: int
    adjusted: bool = False  # each set to where it would lie were it as complex as the subject


@dataclass(frozen=True)
class Plane:
    """All that the picture shows; `score` says which way closeness runs."""

    score: str
    points: tuple[PlanePoint, ...]
    band: Band | None = None
    tested: PlanePoint | None = None  # the subject's measured test: the band's own effort
    codecs: tuple[CodecPoint, ...] = ()
    floor: float | None = None  # closeness after the model's own autoencoder: no replay is expected past it


def is_adjusted(found: ControlResults, features: Mapping[str, float] | None) -> bool:
    """Whether a rank among these controls takes off what a picture's features let one expect."""
    return found.expectation is not None and features is not None and len(found.features) == len(found.values)


def control_band(found: ControlResults, features: Mapping[str, float] | None = None) -> Band | None:
    """The band of controls that were all put through one policy.

    None where their bits are not known, or with fewer than 19 controls: no rank among so few gives p <= .05.

    Each control is set to where it would lie with its own excess and the subject's `features` (a simple picture
    comes near whoever made it), so that the band says what the measured test's rank says. The near edge is the
    k-th closest control, k = floor((n + 1) / 20): a subject closer than it has at most k - 1 controls as close, so
    p <= k / (n + 1) <= .05, and any other has p > .05 (of 400 controls the 20th, 20 / 401). The far edge mirrors
    it; under 5% of the controls lie beyond either, and nothing is interpolated. Every control supplied its own
    prompt, so the band spans their bits; within it closeness is not sorted by them.
    """
    n = len(found.values)
    edge = (n + 1) // LEVEL_ONE_IN - 1  # from 0; as many controls lie beyond it
    if not found.bits or edge < 0:
        return None
    values, better, adjusted = list(found.values), SCORES[found.score].better, is_adjusted(found, features)
    if adjusted:
        _, theirs = excesses(found.values[0], features, found)
        values = [found.expectation.value_at(e, features, better=better) for e in theirs]
    values.sort(key=sort_key(found.score))
    return Band(min(found.bits), max(found.bits), values[edge], values[n // 2], values[n - 1 - edge], n, adjusted)


@dataclass(frozen=True)
class BandPlace:
    """Where a subject lies against the band: `margin` in the score's units, positive when above it."""

    above: bool
    margin: float
    statement: str


def standing(plane: Plane) -> BandPlace | None:
    """The subject's measured test against the band; None without either."""
    best, band = plane.tested, plane.band
    if best is None or band is None:
        return None
    above = is_better(plane.score, best.closeness, band.close)
    margin = abs(best.closeness - band.close)
    words = {"bits": number(best.bits, 4), "value": shown(plane.score, best.closeness),
             "score": SCORES[plane.score].label, "controls": number(band.controls),
             "band": shown(plane.score, band.close), "least": number(band.least_bits, 4),
             "most": number(band.most_bits, 4), "off": say("aside.adjusted") if band.adjusted else ""}
    if above:
        return BandPlace(True, margin, statement("above_band", **words, margin=shown(plane.score, margin)))
    return BandPlace(False, -margin, statement("within_band", **words))
