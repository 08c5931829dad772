"""Draws: reproducible from a seed, fair, and with the strata and chances that they say."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from explorer.evidence.draws import (
    LIKELY,
    OTHER,
    likely_strata,
    seed_of,
    simple_draw,
    stratified_draw,
    weighted_draw,
    weights_by_rank,
)


def test_a_simple_draw_is_fair_and_follows_from_its_seed():
    counts = Counter(i for n in range(3000) for i in simple_draw(20, 5, f"seed {n}").order)
    assert all(abs(counts[i] - 750) < 110 for i in range(20))
    draw = simple_draw(20, 5, "a")
    assert draw == simple_draw(20, 5, "a") != simple_draw(20, 5, "b") and len(set(draw.order)) == 5
    assert sorted(simple_draw(4, 9, "a").order) == [0, 1, 2, 3]


def test_the_method_is_the_published_one():
    """The order of SHA-256 over the seed, a line feed and the line's number in decimals."""
    import hashlib
    by_hand = sorted(range(9), key=lambda i: hashlib.sha256(f"x\n{i}".encode()).hexdigest())
    assert list(simple_draw(9, 9, "x").order) == by_hand


def test_changing_anything_declared_changes_the_seed():
    assert seed_of({"a": 1, "b": (2,)}) != seed_of({"a": 1, "b": (3,)})


def test_strata_get_their_shares_in_every_beginning_of_the_order():
    strata = likely_strata(list(np.linspace(0, 1, 200)))
    assert Counter(strata) == {LIKELY: 20, OTHER: 180} and strata[0] == LIKELY
    draw = stratified_draw(strata, 60, "s", shares={LIKELY: 0.5, OTHER: 0.5})
    assert Counter(draw.strata) == {LIKELY: 20, OTHER: 40} and draw.sizes == {LIKELY: 20, OTHER: 180}
    assert Counter(draw.strata[:30])[LIKELY] == pytest.approx(10, abs=1)
    assert all(strata[i] == name for i, name in zip(draw.order, draw.strata, strict=True))
    assert len(set(draw.order)) == 60
    small = stratified_draw(("a", "b", "b"), 2, "s", shares={"a": 0.0, "b": 1.0})
    assert set(small.strata) == {"a", "b"}


def test_chances_are_kept_to_and_add_up():
    chances = weights_by_rank([0.9, 0.1, 0.5, 0.2])
    assert sum(chances) == pytest.approx(1) and max(chances) == chances[1] and min(chances) == chances[0]
    draw = weighted_draw(chances, 40_000, "w")
    counts = Counter(draw.order)
    assert all(counts[i] / 40_000 == pytest.approx(chances[i], abs=0.01) for i in range(4))
    assert draw.chances[:3] == tuple(chances[i] for i in draw.order[:3])
