"""The plane of bits against closeness for one subject of a case, from what the case holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from explorer.cases.view import CaseView
from explorer.closeness import codecs
from explorer.closeness.ledger import total_bits
from explorer.closeness.start_code import StartBill
from explorer.errors import ExplorerError
from explorer.findings.case_ledger import ledger_of, replay_ledger
from explorer.findings.case_tests import Ranked, portfolio_of, ranked_tests, without_p
from explorer.findings.finding import Measured
from explorer.findings.plane import Plane, PlanePoint, control_band
from explorer.images.decode import read_png
from explorer.records import Recipe, Replay, Subject
from explorer.search.fit_size import fit

MOST_REPLAYS = 2000
_AT_ONCE = 200  # replays held at a time
MOST_CODEC_PX = 256  # larger pictures take codecs too long for a screen
QUALITIES = (1, 10, 35, 65, 90)
_CODEC_SCORES = ("tiled_l2", "ssim", "psnr", "l2")


def case_plane(case: CaseView, subject_id: str, *, score: str = "tiled_l2", ranked: Sequence[Ranked] | None = None,
               most: int = MOST_REPLAYS, codecs_px: int = MOST_CODEC_PX,
               qualities: Sequence[int] = QUALITIES) -> Plane | None:
    """Bits supplied and closeness of up to `most` of the closest replays; None without a scored replay.

    Bits are those of the ledger: words, seeds and settings tried, starting image. The curves are what WebP, JPEG
    and AVIF reach with as many bits, at the size of the closest replay (up to `codecs_px`). The band is that of
    the controls of the newest of the `ranked` tests (all that the case's works, as a set, leave a p-value); the
    floor the last search's.
    """
    subject = case.subject(subject_id)
    points, size = _points(case, subject, score, most)
    if size is None:
        return None
    if ranked is None:
        decided = subject_id not in without_p(portfolio_of(case))
        ranked = ranked_tests(case, subject_id, score=score) if decided else ()
    band = tested = None
    if ranked:
        test = ranked[-1].test
        band, tested = control_band(ranked[-1].controls, test.features), _tested(case, subject, test)
    floors = [s.floor[score] for s in case.searches(subject_id) if score in s.floor]
    return Plane(score, points, band, tested, _codecs(case, subject, size, score, codecs_px, qualities),
                 floors[-1] if floors else None)


def _points(case: CaseView, subject: Subject, score: str,
            most: int) -> tuple[tuple[PlanePoint, ...], Recipe | None]:
    """The replays on the plane, and the closest one's recipe."""
    known: dict[tuple, float] = {}
    billed = {b.id for b in case.records(StartBill, subject_id=subject.id)}
    closer = {p.id for p in case.plans(subject.id) if p.settings.get("mode") == "closer"}  # each round costs more
    points, first = [], None
    for made in _closest(case, subject.id, score, most):
        first = first or made.recipe
        bits = _bits(case, made, known, apart=made.id in billed or made.search_id in closer)
        points.append(PlanePoint(bits, made.closeness[score], made.id, made.recipe.start(subject)))
    return tuple(points), first


def _tested(case: CaseView, subject: Subject, test: Measured) -> PlanePoint | None:
    """The point of a measured test; None where the case does not hold its replay."""
    try:
        made = case.replay(test.replay_id)
    except ExplorerError:
        return None
    return PlanePoint(total_bits(ledger_of(case, made)), test.value, made.id, made.recipe.start(subject))


def _closest(case: CaseView, subject_id: str, score: str, most: int) -> Iterator[Replay]:
    """Scored replays, the closest first, read a few at a time."""
    for first in range(0, most, _AT_ONCE):
        part = case.replays(subject_id, order_by=score, limit=_AT_ONCE, offset=first)
        yield from (r for r in part if r.closeness.get(score) is not None)
        if len(part) < _AT_ONCE:
            return


def _bits(case: CaseView, replay: Replay, known: dict[tuple, float], *, apart: bool) -> float:
    """The ledger's sum; replays of one search that were given the same things cost the same."""
    recipe = replay.recipe
    key = (replay.search_id, recipe.prompt, recipe.negative_prompt, recipe.start_sha256, recipe.strength,
           recipe.noise_blob, recipe.embedding_blob, recipe.width_px, recipe.height_px, recipe.variation,
           replay.id if apart else "")
    if key not in known:
        known[key] = total_bits(replay_ledger(case, replay))
    return known[key]


def _codecs(case: CaseView, subject: Subject, size: Recipe, score: str, most_px: int,
            qualities: Sequence[int]) -> tuple[codecs.CodecPoint, ...]:
    if score not in _CODEC_SCORES or max(size.width_px, size.height_px) > most_px:
        return ()
    rgb = fit(read_png(case.blob(subject.pixels_sha256)), height_px=size.height_px, width_px=size.width_px)
    return codecs.codec_curve(rgb, score=score, qualities=qualities)
