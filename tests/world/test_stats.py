"""Statistics of the card against values from the literature or by hand."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.world_build import stats
from explorer.world_build.fairness import out_of_fold


def test_wilson():
    assert stats.wilson(0, 400) == pytest.approx((0.0, 0.00951), abs=1e-4)
    assert stats.wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)  # Newcombe 1998
    assert stats.wilson(40, 40)[1] == 1.0


def test_trend_and_fall():
    assert stats.trend_p([0, 0, 5, 20], [40, 40, 40, 40], [0, 1, 2, 3]) < 1e-6
    assert stats.trend_p([10, 10, 10], [40, 40, 40], [0, 1, 2]) == pytest.approx(0.5)
    assert stats.trend_p([0, 0], [5, 5], [0, 1]) == 1.0
    assert stats.fall_p((3, 1), (4, 4)) == pytest.approx(0.2428571)  # the tea lady
    assert stats.fall_p((10, 30), (40, 40)) > 0.99


def test_auc():
    scores = np.array([0.1, 0.4, 0.35, 0.8])
    assert stats.auc(scores, np.array([False, False, True, True])) == 0.75
    assert stats.auc(np.ones(6), np.array([True, False] * 3)) == 0.5


def test_the_classifier_finds_what_is_there_and_nothing_else():
    rng = np.random.default_rng(0)
    member = rng.random(800) < 0.5
    noise = rng.normal(size=(800, 6))
    low, high = stats.auc_interval(out_of_fold(noise, member), member, rounds=200)
    assert low <= 0.5 <= high
    noise[:, 2] += member
    assert stats.auc(out_of_fold(noise, member), member) > 0.7
