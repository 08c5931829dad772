"""The plane of bits against closeness for one subject of a case, from what the case holds."""

from __future__ import annotations

from collections.abc import Iterator

from explorer.cases.case import Case
from explorer.closeness.codecs import codec_curve
from explorer.closeness.ledger import total_bits
from explorer.closeness.start_code import StartBill
from explorer.findings.case_ledger import case_bill
from explorer.findings.case_tests import portfolio_of
from explorer.findings.finding import ControlResults, Finding, Measured
from explorer.findings.plane import Band, Plane, PlanePoint, control_band
from explorer.images.decode import read_png
from explorer.records import Replay, SearchSummary
from explorer.search.fit_size import fit

MOST_REPLAYS = 2000
_AT_ONCE = 200  # replays held at a time
MOST_CODEC_PX = 256  # larger pictures take codecs too long for a screen
QUALITIES = (1, 10, 35, 65, 90)


def case_plane(case: Case, subject_id: str, *, score: str = "tiled_l2", codecs: bool = True) -> Plane | None:
    """Bits supplied and closeness of up to 2,000 of the closest replays; None without a scored replay.

    Bits are those of the ledger: words, seeds and settings tried, starting image. With `codecs`, also what
    WebP, JPEG and AVIF reach with as many bits, at the size of the closest replay (up to 256 px). The band is
    that of the controls of the subject's measured test, where it was its first one; the floor the last search's.
    """
    known: dict[tuple, float] = {}
    billed = {b.id for b in case.records(StartBill, subject_id=subject_id)}
    closer = {p.id for p in case.plans(subject_id) if p.settings.get("mode") == "closer"}  # each round costs more
    points = [PlanePoint(_bits(case, r, known, apart=r.id in billed or r.search_id in closer), r.closeness[score],
                         r.id, "noise" if r.recipe.start_sha256 is None else "subject")
              for r in _closest(case, subject_id, score)]
    if not points:
        return None
    recipe = case.replay(points[0].replay_id).recipe
    curve = ()
    if codecs and max(recipe.width_px, recipe.height_px) <= MOST_CODEC_PX:
        rgb = read_png(case.blob(case.subject(subject_id).pixels_sha256))
        curve = codec_curve(fit(rgb, height_px=recipe.height_px, width_px=recipe.width_px), score=score,
                            qualities=QUALITIES)
    band, tested = _tested(case, subject_id, score)
    floors = [s.floor[score] for s in case.records(SearchSummary, subject_id=subject_id) if score in s.floor]
    return Plane(score, tuple(points), band, tested, tuple(curve), floors[-1] if floors else None)


def _tested(case: Case, subject_id: str, score: str) -> tuple[Band | None, PlanePoint | None]:
    tests = [t for t in case.records(Measured, subject_id=subject_id) if t.controls_id and not t.earlier_tests]
    controls = case.record(ControlResults, tests[-1].controls_id) if tests else None
    judged = case.record(Finding, tests[-1].id) if tests else None
    if controls is None or controls.score != score or judged is None or "p" not in judged.numbers:
        return None, None  # controls that do not fit are no band
    together = portfolio_of(case)
    if together and any(r.work.subject_id == subject_id and r.p is None for r in together.rows):
        return None, None  # nor are they where the case's works, as a set, do not fit them
    bits = total_bits(case_bill(case, case.replay(tests[-1].replay_id)))
    return control_band(controls, tests[-1].features), PlanePoint(bits, tests[-1].value, tests[-1].replay_id)


def _closest(case: Case, subject_id: str, score: str) -> Iterator[Replay]:
    """Scored replays, the closest first, read a few at a time."""
    for first in range(0, MOST_REPLAYS, _AT_ONCE):
        part = case.replays(subject_id, order_by=score, limit=_AT_ONCE, offset=first)
        yield from (r for r in part if r.closeness.get(score) is not None)
        if len(part) < _AT_ONCE:
            return


def _bits(case: Case, replay: Replay, known: dict[tuple, float], *, apart: bool) -> float:
    """The ledger's sum; replays of one search that were given the same things cost the same."""
    recipe = replay.recipe
    key = (replay.search_id, recipe.prompt, recipe.negative_prompt, recipe.start_sha256, recipe.strength,
           recipe.noise_blob, recipe.width_px, recipe.height_px, recipe.variation,
           replay.id if apart else "")
    if key not in known:
        known[key] = total_bits(case_bill(case, replay))
    return known[key]
