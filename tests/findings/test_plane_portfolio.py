"""The plane's band by hand, and a portfolio that finds what was planted and nothing else."""

import numpy as np
import pytest

from explorer.findings.control_fit import works_needed
from explorer.findings.expectation import Expectation
from explorer.findings.features import FEATURES
from explorer.findings.finding import ControlResults
from explorer.findings.plane import Plane, PlanePoint, control_band, standing
from explorer.findings.portfolio import WorkResult, in_kind, rank_portfolio
from explorer.findings.ranking import excesses
from explorer.records import Effort
from explorer.statistics import rank_p_value


def _tested(bits, closeness, band, score):
    point = PlanePoint(bits, closeness)
    return Plane(score, (point,), band, point)


@pytest.mark.parametrize(("score", "sign"), [("tiled_l2", 1), ("ssim", -1)])
def test_a_subject_above_the_band_and_one_within(score, sign):
    values = [sign * (0.35 + i / 1000) for i in range(40)]
    band = control_band(ControlResults("c", "works", "f" * 64, score, Effort(16, 640, 9.0),
                                       tuple(f"w{i}" for i in range(40)), tuple(values[::-1]),
                                       bits=tuple(30.0 + i for i in range(40))))
    assert (band.controls, band.least_bits, band.most_bits) == (40, 30.0, 69.0)
    assert band.close == pytest.approx(sign * 0.351) and band.far == pytest.approx(sign * 0.388)
    found = standing(_tested(34.0, sign * 0.1, band, score))
    assert found.above and found.margin == pytest.approx(0.251)
    assert "closer than the controls' band" in found.statement and "95 of 100 of its 40 controls" in found.statement
    inside = standing(_tested(34.0, sign * 0.37, band, score))
    assert not inside.above and inside.margin < 0 and "within what its 40 controls" in inside.statement


def test_the_band_of_a_subject_says_what_its_rank_says():
    draw = np.random.default_rng(5)
    told = [{"x": float(x)} for x in draw.normal(size=200)]
    expected = Expectation(("x",), (0.0,), (1.0,), (0.5,), -1.0, 0.6, 100, log=True)
    values = tuple(float(np.exp(-1.0 + 0.5 * t["x"] + 0.1 * e)) for t, e in
                   zip(told, draw.normal(size=200), strict=True))
    found = ControlResults("c", "works", "f" * 64, "tiled_l2", Effort(16, 640, 9.0),
                           tuple(f"w{i}" for i in range(200)), values, tuple(told), expected,
                           bits=(20.0,) * 200)
    for simple in ({"x": -2.0}, {"x": 2.0}):
        band = control_band(found, simple)
        for value in np.exp(expected.predict(simple) + np.linspace(-0.3, 0.3, 13)):
            mine, theirs = excesses(float(value), simple, found)
            stands = standing(_tested(20.0, float(value), band, "tiled_l2"))
            assert stands.above == (rank_p_value(mine, theirs) <= 0.05)
            assert "After taking off" in stands.statement
    low, plain, high = (control_band(found, f).close for f in ({"x": -2.0}, None, {"x": 2.0}))
    assert low < plain < high


def _plain(values, score="tiled_l2"):
    count = len(values)
    return ControlResults("c", "works", "f" * 64, score, Effort(16, 640, 9.0), tuple(map(str, range(count))),
                          tuple(values), bits=(20.0,) * count)


@pytest.mark.parametrize("count", [19, 20, 39, 40, 59, 99, 399, 400, 419])
@pytest.mark.parametrize(("score", "sign"), [("tiled_l2", 1), ("ssim", -1)])
def test_the_bands_edge_is_where_the_p_value_passes_the_level(count, score, sign):
    values = [sign * (i + 1) / 1000 for i in range(count)]
    found = _plain(values, score)
    band = control_band(found)
    for value in (*values, *(v - sign * 0.0005 for v in values)):
        p = rank_p_value(*excesses(value, None, found))
        assert standing(_tested(20.0, value, band, score)).above == (p <= 0.05), value
    no_closer = sum(sign * v >= sign * band.close for v in values)
    between = sum(sign * band.close <= sign * v <= sign * band.far for v in values)
    assert no_closer >= 0.95 * count and between >= 0.9 * count


def test_too_few_controls_have_no_band_for_none_of_their_ranks_is_below_the_level():
    assert control_band(_plain([0.3 + i / 1000 for i in range(18)])) is None
    nearest = control_band(_plain([0.3 + i / 1000 for i in range(19)]))
    assert nearest.close == 0.3 and nearest.far == pytest.approx(0.318)


def test_without_a_measured_test_or_controls_bits_there_is_no_standing():
    bare = ControlResults("c", "works", "f" * 64, "tiled_l2", Effort(16, 640, 9.0), ("w",), (0.3,))
    assert control_band(bare) is None and standing(_tested(1.0, 0.5, None, "tiled_l2")) is None


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
    assert not found.fit.fits, "the set does not show that it is like the controls, which twenty works can miss"
    assert all(r.p is None for r in found.rows), "and with so few controls none can be chosen that are like each"
    assert "do not show that they are like" in found.statement and "can be told" not in found.statement


def _of_one_kind(count, shift=0.0, seed=13):
    """The ranking of the first so many works of one draw: two that came close, the others like the controls."""
    draw = np.random.default_rng(seed)
    controls = _controls(draw, 399)
    return rank_portfolio(_works(draw, [0.1, 0.1, *draw.normal(0.3, 0.02, 28)], shift)[:count], controls)


@pytest.mark.parametrize("count", [2, 4, 5, 10, 13])
def test_a_work_more_of_the_same_kind_takes_no_p_values_back(count):
    found = _of_one_kind(count)
    assert found.fit.fits and [r.work.name for r in found.rows if r.listed] == ["work 00", "work 01"]
    assert all(r.p is not None or "another kind" in r.why_no_p for r in found.rows)  # each one's own check stands


@pytest.mark.parametrize("count", [2, 4, 5, 10, 13])
def test_a_set_too_small_to_be_checked_says_so_and_how_many_it_takes(count):
    found = _of_one_kind(count)
    assert found.limits[0].startswith(f"{count} works are too few to show that as a set")
    assert f"with 399 controls it takes at least {works_needed(399)})" in found.limits[0]
    assert "do not fit" not in found.statement


@pytest.mark.parametrize("count", [10, 13, 14, 30])
def test_a_set_that_differs_a_little_is_ranked_among_the_controls_most_like_each_work(count):
    found = _of_one_kind(count, shift=1.0)
    assert found.fit.matched and sum(r.p is not None for r in found.rows) > count / 2
    assert "can be told from" in found.limits[0] and "100 controls that are most like it" in found.limits[0]
    assert min(r.p for r in found.rows if r.p is not None) >= 1 / 101


def test_a_set_most_of_which_lies_outside_the_controls_gets_no_p_values():
    found = _of_one_kind(5, shift=1.0)
    assert not found.fit.fits and all(r.p is None and not r.listed for r in found.rows)
    assert "can be told from the controls" in found.statement


def test_controls_in_kind_are_the_hundred_most_like_a_work():
    draw = np.random.default_rng(3)
    controls = _controls(draw, 399)
    work = dict(controls.features[7])
    chosen = in_kind(work, controls)
    assert chosen.names[0] == controls.names[7] and len(set(chosen.names)) == len(chosen.values) == 100
    near, all_ = ([np.linalg.norm([f[n] - work[n] for n in work]) for f in c.features] for c in (chosen, controls))
    assert np.mean(near) < np.mean(all_) * 0.8


def test_one_work_is_no_set():
    assert "as a set" not in " ".join(_of_one_kind(1).limits)


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
    assert "at least 4." in found.statement


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
