"""Recognisability: the discriminant finds what was drawn, and chance finds one in a hundred."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.world_build.hands import recognise


@pytest.fixture(scope="module")
def clusters():
    """(features, concepts): 120 concepts, six drawings of each around its middle."""
    rng = np.random.default_rng(0)
    middles = rng.normal(size=(120, 40)) * 2
    concepts = [f"c{n:03d}" for n in range(120) for _ in range(6)]
    return np.repeat(middles, 6, axis=0) + rng.normal(size=(720, 40)), concepts


def test_the_discriminant_finds_concepts_that_it_was_not_shown_the_drawing_of(clusters):
    found, concepts = clusters
    asked = np.arange(len(found)) % 6 == 0
    own = [c for c, a in zip(concepts, asked, strict=True) if a]
    model = recognise.fit(found[~asked], [c for c, a in zip(concepts, asked, strict=True) if not a],
                          sorted(set(concepts)))
    ranks = recognise.concept_ranks(model.scores(found[asked]), model.concepts, own)
    assert (ranks == 1).mean() > 0.9 and ranks.max() <= recognise.AMONG
    mixed = recognise.concept_ranks(model.scores(found[asked]), model.concepts, recognise.shuffled(own))
    assert (mixed == 1).mean() < 0.1


def test_caption_ranks_among_a_hundred():
    rng = np.random.default_rng(1)
    text = rng.normal(size=(150, 16))
    text /= np.linalg.norm(text, axis=1, keepdims=True)
    assert (recognise.caption_ranks(text, text) == 1).all()
    chance = recognise.caption_ranks(rng.permutation(text), text)
    assert 20 < np.median(chance) < 80


def test_figures_say_how_many_and_how_sure():
    said = recognise.figure(np.array([1, 1, 3, 50]))
    assert (said["share"], said["in_five"], said["pictures"]) == (0.5, 0.75, 4) and said["low"] < 0.5 < said["high"]


def test_shuffling_leaves_nobody_with_his_own():
    own = [str(n) for n in range(50)]
    mixed = recognise.shuffled(own)
    assert sorted(mixed) == sorted(own) and not any(a == b for a, b in zip(own, mixed, strict=True))


def test_concepts_that_enough_hands_drew():
    rows = [{"concept": c, "hand": h} for c, h in (("a", "x"), ("a", "y"), ("a", "z"), ("a", "z"), ("b", "x"),
                                                   ("b", "x"), ("b", "x"), ("", "x"), ("", "y"), ("", "z"))]
    assert recognise.known_concepts(rows) == ["a"]


def test_features_tell_a_circle_from_stripes():
    grid = np.linspace(-1, 1, 64)
    round_ = np.where((grid[:, None] ** 2 + grid ** 2 < 0.5)[..., None], 30, 255).repeat(3, 2).astype(np.uint8)
    striped = np.where((np.arange(64) // 8 % 2 == 0)[None, :, None], 30, 255).repeat(64, 0).repeat(3, 2)
    found = recognise.features(np.stack([round_, np.roll(round_, 3, 1), striped.astype(np.uint8)]))
    assert found.shape == (3, 1280)
    near, far = np.linalg.norm(found[0] - found[1]), np.linalg.norm(found[0] - found[2])
    assert near < far
