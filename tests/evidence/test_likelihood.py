"""Likelihood ratios: against published figures and simulated truth."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from explorer.evidence.likelihood import (
    cautious,
    cost,
    empirical_cross_entropy,
    fit_score_ratio,
    posterior,
    ratio_of_shares,
    tippett,
    verbal,
    weakest,
)


def test_koopmans_published_example():
    """Koopman 1984, Biometrics 40: 36 of 40 and 16 of 80 have limits 2.94 to 7.15."""
    found = ratio_of_shares(36, 40, 16, 80)
    assert (found.low, found.high) == pytest.approx((2.94, 7.15), abs=0.01)


def test_zero_counts_give_a_bound_and_never_infinity():
    none_unseen = ratio_of_shares(35, 40, 0, 150)
    assert none_unseen.bounded == "at_least" and math.isinf(none_unseen.high)
    assert none_unseen.value == none_unseen.low > 8  # what is told as "at least" is the lower limit itself
    none_seen = ratio_of_shares(0, 40, 5, 150)
    assert none_seen.bounded == "at_most" and none_seen.value == none_seen.high and none_seen.low == 0
    with pytest.raises(ValueError, match="no work of either"):
        ratio_of_shares(0, 40, 0, 150)
    with pytest.raises(ValueError, match="no share"):
        ratio_of_shares(41, 40, 0, 150)


def test_a_ratio_lies_between_its_limits_whatever_the_counts():
    """Where a share is 0 or 1 the roots of Koopman's cubic run into each other; here nothing is solved by it."""
    for n, m in itertools.product((1, 3, 9), (2, 9, 16)):
        for x, y in itertools.product(range(n + 1), range(m + 1)):
            if x or y:
                found, turned = ratio_of_shares(x, n, y, m), ratio_of_shares(y, m, x, n)
                assert 0 <= found.low <= found.value <= found.high and (found.low < found.high)
                assert found.low == pytest.approx(1 / turned.high if y or x else 0, rel=1e-6)
    few = ratio_of_shares(6, 6, 4, 16)
    assert few.low == pytest.approx(1.848, abs=0.001)  # not 2.2: six of six may be six of ten


def test_what_is_said_in_words_is_what_the_limits_leave():
    assert cautious(ratio_of_shares(2, 3, 4, 16)) == 1.0  # limits on both sides of 1 support nothing
    for_it, against = ratio_of_shares(40, 40, 4, 160), ratio_of_shares(2, 40, 150, 160)
    assert cautious(for_it) == for_it.low > 1 and cautious(against) == against.high < 1
    assert weakest([for_it, ratio_of_shares(40, 40, 30, 40)]).unseen_works == 40


def test_the_limits_of_a_ratio_hold_the_truth_as_often_as_they_say():
    dice, truth, inside = np.random.default_rng(5), 0.8 / 0.06, 0
    for _ in range(400):
        found = ratio_of_shares(int(dice.binomial(40, 0.8)), 40, int(dice.binomial(371, 0.06)), 371)
        inside += found.low <= truth <= found.high
    assert 0.92 <= inside / 400 <= 0.99


def test_a_score_ratio_of_two_normals_is_the_known_one():
    """Two normals of one spread: log10 LR = (x − ½)·d/ln 10 for means 0 and 1·d."""
    dice = np.random.default_rng(1)
    seen, unseen = dice.normal(2, 1, 4000), dice.normal(0, 1, 4000)
    fitted = fit_score_ratio(seen, unseen)
    assert fitted.slope == pytest.approx(2 / math.log(10), rel=0.08)
    assert fitted.log10(1.0) == pytest.approx(0, abs=0.05)
    assert fitted.log10(50) == fitted.high <= math.log10(4001)
    assert fitted.log10(-50) == fitted.low >= -math.log10(4001)
    again = fit_score_ratio(seen * 1000 + 7, unseen * 1000 + 7)
    assert again.log10(1500 + 7) == pytest.approx(fitted.log10(1.5), abs=1e-3)


def test_cost_is_small_for_good_ratios_one_for_none_and_large_for_wrong_ones():
    dice = np.random.default_rng(2)
    seen, unseen = dice.normal(2, 1, 500), dice.normal(0, 1, 500)
    fitted = fit_score_ratio(dice.normal(2, 1, 500), dice.normal(0, 1, 500))
    told = [[fitted.log10(v) for v in part] for part in (seen, unseen)]
    good = cost(*told)
    assert good.minimum <= good.cllr < 0.6
    assert cost([0.0] * 50, [0.0] * 50).cllr == pytest.approx(1)
    assert cost([-2.0] * 50, [2.0] * 50).cllr > 5
    points = tippett(*told)
    assert points[0][1:] == (1.0, 1.0) and all(a >= b for (_, a, b) in points)
    entropy = empirical_cross_entropy(*told)
    middle = min(entropy, key=lambda row: abs(row[0]))
    assert middle[1] == pytest.approx(good.cllr, abs=0.01)
    assert middle[2] <= middle[1] < middle[3] == pytest.approx(1)


def test_few_works_fit_nothing():
    with pytest.raises(ValueError, match="at least 20"):
        fit_score_ratio([1.0] * 19, [0.0] * 400)


def test_a_prior_is_the_readers_and_words_follow_numbers():
    assert posterior(0.5, 9) == pytest.approx(0.9) and posterior(0.001, 100) == pytest.approx(0.0909, abs=1e-3)
    assert posterior(0.2, math.inf) == 1.0
    with pytest.raises(ValueError, match="prior"):
        posterior(0.0, 3)
    assert [verbal(r) for r in (1, 1.9, 5, 50, 500, 5000, 1e5, 1e7, 0.02)] == [
        "none", "none", "weak", "moderate", "moderately_strong", "strong", "very_strong", "extremely_strong",
        "moderate"]
