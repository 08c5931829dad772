"""The plane's band by hand, and a portfolio that finds what was planted and nothing else."""

import numpy as np
import pytest

from explorer.findings.features import FEATURES
from explorer.findings.finding import ControlResults
from explorer.findings.plane import PlanePoint, frontier, make_plane, reached, standing
from explorer.findings.portfolio import WorkResult, rank_portfolio
from explorer.records import Effort


def _points(*pairs):
    return [PlanePoint(float(b), c) for b, c in pairs]


def test_frontier_keeps_only_what_more_bits_bought():
    points = _points((10, 0.5), (10, 0.4), (12, 0.45), (20, 0.2), (30, 0.3))
    assert [(p.bits, p.closeness) for p in frontier(points, score="tiled_l2")] == [(10, 0.4), (20, 0.2)]
    assert [p.closeness for p in frontier(points, score="ssim")] == [0.5]
    front = frontier(points, score="tiled_l2")
    assert (reached(front, 15), reached(front, 25), reached(front, 5)) == (0.4, 0.2, None)


@pytest.mark.parametrize(("score", "sign"), [("tiled_l2", 1), ("ssim", -1)])
def test_a_subject_above_the_band_and_one_within(score, sign):
    controls = [_points((30, sign * (0.4 + i / 1000)), (34, sign * (0.35 + i / 1000))) for i in range(40)]
    plane = make_plane(_points((30, sign * 0.5), (34, sign * 0.1)), controls, score=score, floor=sign * 0.02)
    at = next(b for b in plane.band if b.bits == 34)
    assert at.controls == 40 and at.close == pytest.approx(sign * 0.352)
    assert at.median == pytest.approx(sign * 0.3695) and at.far == pytest.approx(sign * 0.387)
    found = standing(plane)
    assert found.above and found.margin == pytest.approx(0.252)
    assert "above the controls' band" in found.statement
    inside = standing(make_plane(_points((34, sign * 0.37)), controls, score=score))
    assert not inside.above and inside.margin < 0 and "within what controls" in inside.statement


def test_a_plane_without_controls_has_no_standing():
    assert standing(make_plane(_points((1, 0.5)), [], score="tiled_l2")) is None


def _features(draw):
    return dict(zip(FEATURES, draw.normal(size=len(FEATURES)).tolist(), strict=True))


def _controls(draw, count=199):
    return ControlResults("c", "works", "f" * 64, "tiled_l2", Effort(16, 640, 9.0),
                          tuple(f"w{i}" for i in range(count)), tuple(draw.normal(0.3, 0.02, count).tolist()),
                          tuple(_features(draw) for _ in range(count)))


def _works(draw, values, shift=0.0):
    return [WorkResult(f"s{i}", f"work {i:02}", float(v), f"r{i}", Effort(16, 640, 9.0),
                       {k: x + shift for k, x in _features(draw).items()}) for i, v in enumerate(values)]


def test_planted_works_lead_the_list():
    draw = np.random.default_rng(11)
    works = _works(draw, [0.1, 0.12, *draw.normal(0.3, 0.02, 18)])
    found = rank_portfolio(works, _controls(draw))
    assert [r.work.name for r in found.rows[:2]] == ["work 00", "work 01"]
    assert [r.rank for r in found.rows] == list(range(1, 21))
    assert not found.fit.fits, "twenty works are too few to show that the set is like the controls"
    assert all(r.p is None for r in found.rows)


def test_a_large_set_of_the_controls_kind_is_tested():
    draw = np.random.default_rng(14)
    works = _works(draw, [*[0.1] * 12, *draw.normal(0.3, 0.02, 108)])
    found = rank_portfolio(works, _controls(draw, 299))
    assert found.fit.fits, found.fit.why
    listed = [r.work.name for r in found.rows if r.listed]
    assert len(set(listed) & {f"work {i:02}" for i in range(12)}) >= 9 and len(listed) <= 13
    assert f"{len(listed)} of 120 works" in found.statement and "16 tries" in found.statement
    assert all(r.why_no_p for r in found.rows if r.p is None)


def test_when_nothing_is_listed_it_says_how_many_it_would_take():
    draw = np.random.default_rng(15)
    found = rank_portfolio(_works(draw, draw.normal(0.3, 0.02, 120)), _controls(draw, 299))
    assert found.fit.fits and "None of 120 works" in found.statement
    assert "at least 4 works" in found.statement


def test_a_set_of_another_kind_is_ranked_without_p_values():
    draw = np.random.default_rng(12)
    found = rank_portfolio(_works(draw, draw.normal(0.3, 0.02, 30), shift=3.0), _controls(draw))
    assert not found.fit.fits and all(r.p is None and not r.listed and r.why_no_p for r in found.rows)
    assert "no p-values" in found.statement


def test_few_works_are_each_compared_alone_and_supplied_ones_left_out():
    draw = np.random.default_rng(13)
    works = _works(draw, [0.1, 0.3])
    works = [WorkResult(w.subject_id, w.name, w.value, w.replay_id, w.effort) for w in works]
    given = WorkResult("g", "given", 0.0, "r", Effort(1, 1, 1), supplied=True)
    found = rank_portfolio([*works, given], _controls(draw))
    assert found.left_out == (given,) and len(found.rows) == 2
    assert found.rows[0].p == 1 / 200 and found.rows[0].q == pytest.approx(0.01) and found.rows[0].listed
