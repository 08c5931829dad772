"""Incidence: limits hold the truth as often as they say, on populations whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.evidence.incidence import prompts_needed, simple, spending, stratified, weighted, zero_limit

SEEDS = 16


def population(name, size=500):
    """(size,) hits of each prompt out of SEEDS: common and spread out, clustered, rare, or in one prompt only."""
    dice = np.random.default_rng(3)
    if name == "common":
        return dice.binomial(SEEDS, dice.beta(2, 6, size))
    if name == "clustered":
        return np.where(dice.random(size) < 0.1, dice.binomial(SEEDS, 0.8, size), 0)
    if name == "rare":
        return np.where(dice.random(size) < 0.02, dice.binomial(SEEDS, 0.25, size), 0)
    return np.where(np.arange(size) == 7, SEEDS, 0)


@pytest.mark.parametrize("name", ["common", "clustered", "rare", "one"])
@pytest.mark.parametrize("drawn", [30, 100])
def test_limits_of_simple_samples_hold_the_truth(name, drawn):
    whole, dice = population(name), np.random.default_rng(11)
    truth, inside = whole.mean() / SEEDS, 0
    for _ in range(600):
        found = simple(whole[dice.choice(len(whole), drawn, replace=False)], SEEDS)
        inside += found.low <= truth <= found.high
    assert inside / 600 >= 0.93


def test_stratified_samples_are_unbiased_and_pay_off_for_rare_hits():
    whole, dice = population("rare"), np.random.default_rng(12)
    likely = (whole > 0) | (np.random.default_rng(0).random(len(whole)) < 0.15)  # an imperfect first look
    frame = {"likely": int(likely.sum()), "other": int((~likely).sum())}
    truth, plain, split, inside = whole.mean() / SEEDS, [], [], 0
    for _ in range(600):
        plain.append(simple(whole[dice.choice(len(whole), 100, replace=False)], SEEDS).share)
        drawn = {"likely": whole[dice.choice(np.flatnonzero(likely), 60, replace=False)],
                 "other": whole[dice.choice(np.flatnonzero(~likely), 40, replace=False)]}
        found = stratified(drawn, frame, SEEDS)
        split.append(found.share)
        inside += found.low <= truth <= found.high
    assert np.mean(split) == pytest.approx(truth, rel=0.08)
    assert np.var(plain) / np.var(split) >= 2 and inside / 600 >= 0.93


def test_weighted_draws_are_unbiased_and_their_limits_hold():
    whole, dice = population("clustered"), np.random.default_rng(13)
    score = 0.2 + whole / SEEDS + np.random.default_rng(1).random(len(whole)) / 2
    chances = score / score.sum()
    truth, shares, inside = whole.mean() / SEEDS, [], 0
    for _ in range(600):
        drawn = dice.choice(len(whole), 80, p=chances)
        found = weighted(whole[drawn], chances[drawn], SEEDS, population=len(whole))
        shares.append(found.share)
        inside += found.low <= truth <= found.high
    assert np.mean(shares) == pytest.approx(truth, rel=0.05) and inside / 600 >= 0.93


def test_no_hit_is_an_upper_limit_with_prompts_as_the_unit():
    found = simple([0] * 100, SEEDS)
    assert found.one_sided and found.low == 0 and found.high == pytest.approx(1 - 0.05 ** 0.01)
    assert found.high == zero_limit(100) and found.replays == 1600
    whole, dice, missed = population("one"), np.random.default_rng(14), 0
    whole = np.where(np.arange(500) < 10, SEEDS, 0)  # 2%, all of it in ten prompts
    for _ in range(1000):
        found = simple(whole[dice.choice(500, 60, replace=False)], SEEDS)
        missed += found.one_sided and found.high < 0.02
    assert missed == 0 or missed / 1000 <= 0.05


def test_a_thin_stratum_without_hits_may_hide_more():
    even = stratified({"a": [0] * 50, "b": [0] * 50}, {"a": 500, "b": 500}, SEEDS)
    thin = stratified({"a": [0] * 90, "b": [0] * 10}, {"a": 500, "b": 500}, SEEDS)
    assert even.high == pytest.approx(zero_limit(100)) and thin.high == pytest.approx(5 * zero_limit(100))


def test_plans_ask_for_as_many_prompts_as_the_precision_takes():
    assert prompts_needed(limit=0.01) == 299 and zero_limit(299) <= 0.01 < zero_limit(298)
    assert prompts_needed(share=0.5, reach=0.1) == 97
    with pytest.raises(ValueError, match="give a limit"):
        prompts_needed(share=0.5)


def test_looks_share_the_error_between_them():
    parts = spending([0.25, 0.5, 1.0])
    assert sum(1 - c for c in parts) == pytest.approx(0.05) and parts[0] > parts[1] > parts[2] >= 0.95
    assert spending([1.0]) == [pytest.approx(0.95)]
    with pytest.raises(ValueError, match="rising"):
        spending([0.5, 0.5, 1.0])


@pytest.mark.parametrize("hits", [[], [17], [-1]])
def test_counts_that_cannot_be_are_refused(hits):
    with pytest.raises(ValueError, match="needs prompts"):
        simple(hits, SEEDS)
