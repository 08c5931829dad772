"""Exact statistics against closed forms and simulation; controls that fit and controls that do not."""

import numpy as np
import pytest

from explorer import statistics as c
from explorer.findings.control_fit import LARGEST_AUC, check_set, check_subject, works_needed
from explorer.findings.features import FEATURES, features, fit_expectation
from explorer.texts import texts_of


def test_rank_p_values_by_hand_with_ties():
    controls = [0.1, 0.2, 0.3, 0.4]
    assert c.rank_p_value(0.5, controls) == 1 / 5 == c.smallest_p(4)
    assert c.rank_p_value(0.3, controls) == 3 / 5
    assert c.rank_p_value(0.3, controls, better="lower") == 4 / 5
    assert c.rank_p_value(0.05, controls, better="lower") == 1 / 5
    assert c.rank_p_value(0.2, [0.2] * 9) == 1.0
    for bad in ([], [float("nan")]):
        with pytest.raises(ValueError):
            c.rank_p_value(0.1, bad)


def test_rank_p_values_are_valid_under_the_null_with_and_without_ties():
    draw = np.random.default_rng(0)
    for values in (draw.normal(size=(4000, 40)), draw.integers(0, 4, (4000, 40)).astype(float)):
        p = np.array([c.rank_p_value(row[0], row[1:]) for row in values])
        for level in (0.05, 0.25, 0.5):
            assert (p <= level).mean() <= level + 3 * np.sqrt(level * (1 - level) / len(p))


def test_controls_needed():
    assert [c.controls_needed(level) for level in (0.05, 0.01, 0.5)] == [19, 99, 1]
    with pytest.raises(ValueError):
        c.controls_needed(0)


def test_benjamini_hochberg_by_hand_and_in_order():
    q = c.benjamini_hochberg([0.04, 0.01, 0.03, 0.5])
    assert q == pytest.approx([0.04 * 4 / 3, 0.04, 0.04 * 4 / 3, 0.5])
    assert len(c.benjamini_hochberg([])) == 0


def test_false_discoveries_stay_under_their_rate():
    draw = np.random.default_rng(1)
    shares = []
    for _ in range(200):
        p = np.r_[draw.uniform(size=80), draw.uniform(size=20) ** 8]
        listed = c.benjamini_hochberg(p) <= 0.1
        shares.append(listed[:80].sum() / max(1, listed.sum()))
    assert np.mean(shares) <= 0.1


@pytest.mark.parametrize(("hits", "total", "low", "high"), [
    (0, 10, 0.0, 0.3085), (10, 10, 0.6915, 1.0), (5, 10, 0.1871, 0.8129), (4, 400, 0.00273, 0.02541)])
def test_clopper_pearson_against_tables(hits, total, low, high):
    found = c.share_interval(hits, total)
    assert (found.low, found.high) == (pytest.approx(low, abs=2e-4), pytest.approx(high, abs=2e-4))


def test_clopper_pearson_without_cases_and_nonsense():
    assert (c.share_interval(0, 0).low, c.share_interval(0, 0).high) == (0, 1)
    with pytest.raises(ValueError):
        c.share_interval(3, 2)


@pytest.mark.parametrize(("hits", "total", "low", "high"), [
    (0, 400, 0.0, 0.00951), (81, 263, 0.2553, 0.3662), (40, 40, 0.9124, 1.0)])  # Newcombe 1998
def test_wilsons_interval_against_tables(hits, total, low, high):
    found = c.share_interval(hits, total, method="wilson")
    assert (found.low, found.high) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))


def test_trend_and_fall():
    assert c.trend_p([0, 0, 5, 20], [40, 40, 40, 40], [0, 1, 2, 3]) < 1e-6
    assert c.trend_p([10, 10, 10], [40, 40, 40], [0, 1, 2]) == pytest.approx(0.5)
    assert c.trend_p([0, 0], [5, 5], [0, 1]) == 1.0
    assert c.fall_p((3, 1), (4, 4)) == pytest.approx(0.2428571)  # the tea lady
    assert c.fall_p((10, 30), (40, 40)) > 0.99


def test_auc_and_tpr_by_hand():
    assert c.auc([3, 2], [1, 2]) == (1 + 1 + 1 + 0.5) / 4
    assert c.auc([1], [1]) == 0.5 == c.auc([1] * 3, [1] * 3)
    assert c.auc([0.35, 0.8], [0.1, 0.4]) == 0.75
    negatives = list(range(100))
    assert c.tpr_at_fpr([98.5, 50, 200], negatives, fpr=0.01) == pytest.approx(2 / 3)
    assert c.tpr_at_fpr([98.5, 200], negatives[:10], fpr=0.01) == 1.0
    area = c.auc_interval(np.arange(30) + 5, np.arange(30))
    assert area.low < area.value < area.high <= 1
    assert c.auc_interval([2, 3], [0, 1]).low < 1


def test_paired_bootstrap_sees_a_real_difference_and_no_other():
    from tests.benchmarks.findings_measure import paired_bootstrap
    draw = np.random.default_rng(2)
    base = draw.normal(size=80)
    strong = (base[:40] + 3, base[40:])
    weak = (draw.normal(size=40) + 0.2, draw.normal(size=40))
    assert paired_bootstrap(strong, weak, draws=200).low > 0
    same = paired_bootstrap(strong, strong, draws=50)
    assert same.value == same.low == same.high == 0
    with pytest.raises(ValueError):
        paired_bootstrap(strong, (weak[0][:5], weak[1]))


def _picture(seed, busy):
    draw = np.random.default_rng(seed)
    rgb = np.full((64, 64, 3), 255, np.uint8)
    for _ in range(busy):
        y, x, s = *draw.integers(0, 54, 2), draw.integers(3, 12)
        rgb[y:y + s, x:x + s] = draw.integers(0, 256, 3)
    return rgb


def test_features_are_finite_and_tell_busy_from_empty():
    empty, busy = features(_picture(0, 0)), features(_picture(0, 60), caption="a busy page of squares")
    assert tuple(empty) == FEATURES == tuple(texts_of("feature"))
    assert np.isfinite(list(empty.values()) + list(busy.values())).all()
    assert busy["size"] > empty["size"] and busy["edges"] > empty["edges"] and busy["words"] > empty["words"]
    assert empty["flat"] == 1.0 and empty["white"] == 1.0


def test_expectation_takes_off_what_complexity_predicts():
    found = [features(_picture(i, i % 40)) for i in range(80)]
    draw = np.random.default_rng(3)
    values = [0.05 * f["size"] + draw.normal() * 0.005 for f in found]
    expected = fit_expectation(found[:40], values[:40])
    left = [expected.excess(v, f, better="lower") for v, f in zip(values[40:], found[40:], strict=True)]
    assert np.std(left) < 0.5 * np.std(values[40:]) and abs(np.mean(left)) < 0.01
    assert 0.5 < expected.explained <= 1
    assert expected.excess(expected.predict(found[0]) - 0.1, found[0], better="lower") == pytest.approx(0.1)
    with pytest.raises(ValueError, match="20 tuning works"):
        fit_expectation(found[:5], values[:5])


def test_controls_of_the_same_kind_fit_and_photographs_do_not():
    controls = [features(_picture(i, 5 + i % 20)) for i in range(60)]
    alike = [features(_picture(1000 + i, 5 + i % 20)) for i in range(40)]
    turned_away = sum(not check_subject(one, controls).fits for one in alike)
    assert turned_away <= 7  # 2 expected
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    verdict = check_subject(features(noise), controls)
    assert not verdict.fits and verdict.stands_out and "another kind" in verdict.why
    assert not check_subject(alike[0], controls[:10]).fits


def test_a_set_is_told_from_controls_of_another_kind():
    controls = [features(_picture(i, 5 + i % 20)) for i in range(150)]
    alike = [features(_picture(1000 + i, 5 + i % 20)) for i in range(120)]
    other = [features(_picture(2000 + i, 60)) for i in range(30)]
    fit = check_set(alike, controls)
    assert fit.fits and fit.shown and fit.auc_high <= LARGEST_AUC and "cannot be told" in fit.why
    different = check_set(other, controls)
    assert not different.fits and different.auc > 0.9 and different.stands_out and "can be told" in different.why
    few = check_set(alike[:3], controls)
    assert few.fits and not few.shown and few.auc == 0 and "too few" in few.why
    assert not check_set(alike, controls[:10]).fits


def test_limits_of_an_auc_are_those_of_its_scores():
    draw = np.random.default_rng(4)
    ours, theirs = draw.normal(size=12), draw.normal(size=90)
    area = c.auc_interval(ours, theirs)
    assert c.auc_limits(area.value, positives=12, negatives=90) == area
    few = c.auc_limits(0.5, positives=5, negatives=400)
    assert few.low == pytest.approx(1 - few.high) and few.high == pytest.approx(0.7347, abs=1e-3)
    near = c.auc_limits(0.99, positives=5, negatives=9)
    assert near.low > 0 and near.high < 1
    close = c.auc_limits(0.9996, positives=30, negatives=150)
    assert close.low == pytest.approx(0.025 ** (1 / 30)) and 0.9996 < close.high <= 1  # not from 0.01 on
    lows = [c.auc_limits(a, positives=30, negatives=150).low for a in np.linspace(0, 1, 201)]
    assert lows == sorted(lows) and lows[0] == 0
    sure = c.auc_limits(1.0, positives=40, negatives=400)
    assert sure.high == 1 and sure.low == pytest.approx(0.025 ** (1 / 40))


@pytest.mark.parametrize("shift", [0.0, 1.0, 2.5])
def test_limits_of_an_auc_hold_as_often_as_they_say(shift):
    """Two normal groups, whose area is known: 1,000 draws of 20 and 60."""
    from scipy.stats import norm
    draw, truth = np.random.default_rng(int(10 * shift)), norm.cdf(shift / np.sqrt(2))
    held = 0
    for _ in range(1000):
        found = c.auc_interval(draw.normal(shift, size=20), draw.normal(size=60))
        held += found.low <= truth <= found.high
    assert held >= 935


def test_a_share_of_positives_has_an_interval_that_knows_of_its_threshold():
    draw = np.random.default_rng(3)
    found = c.tpr_interval(draw.normal(2, 1, 60), draw.normal(0, 1, 300))
    assert 0 < found.low < found.value < found.high < 1 and found.high - found.low > 0.2


def test_what_one_bank_flags_is_beta_distributed():
    """The issue's own figures: at 400 controls and p <= .05 one bank truly flags 3.1 to 7.3%."""
    rate = c.bank_rate(400, 0.05)
    assert (round(rate.low, 3), round(rate.high, 3)) == (0.031, 0.073)
    draw = np.random.default_rng(1)
    flags = []
    for _ in range(2000):
        edge = np.sort(draw.uniform(size=400))[19]
        flags.append(int((draw.uniform(size=150) <= edge).sum()))
    for many in (8, 12, 15):
        simulated = np.mean([f >= many for f in flags])
        assert c.flags_chance(many, 150, controls=400, level=0.05) == pytest.approx(simulated, abs=0.03)
    assert c.flags_chance(0, 150, controls=400, level=0.05) == 1
    with pytest.raises(ValueError, match="no p"):
        c.bank_rate(10, 0.05)


def test_the_works_that_a_set_needs_keep_the_limit_at_an_auc_of_chance():
    def limit(works, controls):
        return c.auc_limits(0.5, positives=works, negatives=controls).high

    needed = [works_needed(n) for n in (100, 200, 400, 4000)]
    assert needed == sorted(needed, reverse=True)
    for count, controls in zip(needed, (100, 200, 400, 4000), strict=True):
        assert limit(count, controls) <= LARGEST_AUC < limit(count - 1, controls)
    assert works_needed(12) is None


def test_sets_of_the_controls_kind_fit_where_few_or_many_and_sets_of_another_kind_never():
    """From 14 works on a set has to show that it is like the controls, which larger ones seldom miss."""
    draw = np.random.default_rng(6)
    names = FEATURES[:4]
    controls = [dict(zip(names, row, strict=True)) for row in draw.normal(size=(400, 4)).tolist()]

    def fits(count, shift):
        sets = draw.normal(size=(40, count, 4)) + shift
        found = [check_set([dict(zip(names, row, strict=True)) for row in one.tolist()], controls, names=names)
                 for one in sets]
        assert count < 14 or all(f.shown and f.auc_high <= LARGEST_AUC for f in found if f.fits)
        assert count >= 14 or not any(f.shown for f in found if f.fits)
        return sum(f.fits for f in found)

    assert all(fits(count, 0.0) >= 35 for count in (4, 5, 13, 100))
    assert 10 <= fits(14, 0.0) < fits(40, 0.0)
    assert all(fits(count, 1.5) <= 1 for count in (5, 13, 14, 40, 100))
