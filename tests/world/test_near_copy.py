"""Properties of the near-copy rule, and that it was fixed before the UNet."""

from __future__ import annotations

import json

import numpy as np

from explorer.closeness.tiled import distances, tiled_distance
from explorer.world.near_copy import NearCopyRule, to_own_and_other


def _images(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((n, 64, 64, 3), dtype=np.float32)


def test_tiled_distance_by_hand():
    a, b = np.ones((64, 64, 3), np.float32), np.ones((64, 64, 3), np.float32)
    b[:16, :16] = 0.5  # one tile of sixteen, off by a half everywhere
    assert abs(tiled_distance(a[None], b)[0] - 0.5) < 1e-6
    b[:] = 1
    b[16:20, 16:32] = 0  # a quarter of one tile
    assert abs(tiled_distance(a[None], b)[0] - 0.5) < 1e-6


def test_table_equals_the_plain_form():
    works, images = _images(7), _images(5, 1)
    table = distances(works, images)
    plain = np.stack([tiled_distance(works, image) for image in images])
    assert np.abs(table - plain).max() < 1e-4


def test_a_work_is_its_own_near_copy_and_no_other_is():
    works = _images(6)
    own = np.arange(6)
    to_work, to_other = to_own_and_other(distances(works, works), own)
    rule = NearCopyRule(0.15, 0.8)
    assert rule.holds(to_work, to_other).all()
    assert not rule.holds(*to_own_and_other(distances(works, works), (own + 1) % 6)).any()


def test_blank_page_is_no_near_copy_of_sparse_drawings():
    works = np.ones((5, 64, 64, 3), np.float32)
    for k in range(5):
        works[k, 10 * k : 10 * k + 3, 30:34] = 0  # a few strokes each
    blank = np.ones((5, 64, 64, 3), np.float32)
    to_work, to_other = to_own_and_other(distances(works, blank), np.arange(5))
    assert not NearCopyRule(0.9, 0.8).holds(to_work, to_other).all()
    assert not NearCopyRule(0.9, 0.8).holds(to_other, to_work).all()


def test_the_committed_thresholds_meet_their_own_terms(world):
    rule = json.loads((world / "near_copy.json").read_text())
    passes = rule["passes_on_tuning"]
    assert passes["own_round_trip"] >= 0.95
    assert max(v for k, v in passes.items() if k != "own_round_trip") <= 0.01
    assert (rule["tile_px"], rule["tiles"]) == (16, 16)
