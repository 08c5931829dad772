"""The plane of bits against closeness for one subject of a case, from what the case holds."""

from __future__ import annotations

from explorer.cases.case import Case
from explorer.closeness.codecs import codec_curve
from explorer.findings.bill import case_bill
from explorer.findings.plane import Plane, PlanePoint, make_plane
from explorer.images.door import read_png
from explorer.records import Replay
from explorer.search.fit import fit

MOST_REPLAYS = 2000
MOST_CODEC_PX = 256  # larger pictures take codecs too long for a screen
QUALITIES = (1, 10, 35, 65, 90)


def case_plane(case: Case, subject_id: str, *, score: str = "tiled_l2", floor: float | None = None,
               codecs: bool = True) -> Plane | None:
    """Bits supplied and closeness of up to 2,000 of the closest replays; None without a scored replay.

    Bits are those of the ledger: words, seeds and settings tried, starting image. With `codecs`, also what
    WebP, JPEG and AVIF reach with as many bits, at the size of the closest replay (up to 256 px).
    """
    found = [r for r in case.replays(subject_id, order_by=score, limit=MOST_REPLAYS)
             if r.closeness.get(score) is not None]
    if not found:
        return None
    known: dict[tuple, float] = {}
    points = [PlanePoint(_bits(case, r, known), r.closeness[score], r.id,
                         "noise" if r.recipe.start_sha256 is None else "subject") for r in found]
    recipe = found[0].recipe
    curve = ()
    if codecs and max(recipe.width_px, recipe.height_px) <= MOST_CODEC_PX:
        rgb = read_png(case.blob(case.subject(subject_id).pixels_sha256))
        curve = codec_curve(fit(rgb, height_px=recipe.height_px, width_px=recipe.width_px), score=score,
                            qualities=QUALITIES)
    return make_plane(points, (), score=score, codecs=curve, floor=floor)


def _bits(case: Case, replay: Replay, known: dict[tuple, float]) -> float:
    """The ledger's sum; replays of one search that were given the same things cost the same."""
    recipe = replay.recipe
    key = (replay.search_id, recipe.prompt, recipe.negative_prompt, recipe.start_sha256, recipe.strength,
           recipe.noise_blob, recipe.width_px, recipe.height_px, recipe.variation)
    if key not in known:
        known[key] = sum(entry.bits for entry in case_bill(case, replay))
    return known[key]
