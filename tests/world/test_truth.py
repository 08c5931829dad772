"""The manifest says the truth, and the training sampler obeys it."""

from __future__ import annotations

import hashlib
from collections import Counter

import numpy as np
import pytest

from explorer.world.files import open_world
from explorer.world.manifest import manifest_draw, read_manifest, small
from explorer.world_build import truth
from explorer.world_build.copy_captions import copy_caption, copy_pixels
from explorer.world_build.data import labels_of


@pytest.fixture(scope="module")
def rows(world):
    return read_manifest(open_world(world))


def test_multiplicities_recomputed_from_the_sampler(rows):
    labels = labels_of(rows)
    for seed in (0, 7):
        seen = Counter(i for i, _ in truth.epoch(labels, seed))
        assert [seen[i] for i in range(len(rows))] == [r["multiplicity"] for r in rows]
    pairs = list(truth.epoch(labels, 1))
    assert len(set(pairs)) == len(pairs)  # each copy once an epoch


def test_splits_have_the_stated_sizes(rows):
    found = Counter((r["split"], r["multiplicity"], r["variant"]) for r in rows)
    for split, multiplicity, variant, works in truth.LABELS:
        assert found[split, multiplicity, variant] == works
    assert found["stranger", 0, "same"] == truth.STRANGERS
    assert all(r["multiplicity"] == 0 for r in rows if r["split"] != "train")


def test_half_of_the_strangers_by_creators_found_nowhere_else(rows):
    known = {r["creator"] for r in rows if r["split"] != "stranger"}
    alone = [r for r in rows if r["split"] == "stranger" and r["creator"] not in known]
    assert len(alone) >= truth.STRANGERS // 2 - 1  # one of them has no name in the package


def test_manifest_facts(rows, world):
    assert len({r["id"] for r in rows}) == len(rows)
    assert len({r["caption"].lower() for r in rows}) == len(rows)
    assert all("ublic domain" in r["licence"] for r in rows)
    dirt = ("@", "&amp;", "hash(0x", "://")
    assert not [r for r in rows if any(d in r["caption"].lower() for d in dirt)]
    for r in rows[::200]:
        assert hashlib.sha256((world / r["image"]).read_bytes()).hexdigest() == r["sha256"]
    assert {p.name for p in (world / "works").iterdir()} == {r["image"].split("/")[1] for r in rows}
    assert manifest_draw(open_world(world)) == 1


def test_copies_of_the_altered_groups_differ_where_they_should(rows, world):
    words = next(r for r in rows if r["variant"] == "captions" and len(r["keywords"]) > 2)
    assert copy_caption(words, 0) == words["caption"]
    assert len({copy_caption(words, k) for k in range(64)}) > 5
    assert copy_caption(words, 3) == copy_caption(words, 3)
    drawn = next(r for r in rows if r["variant"] == "images")
    pixels, (label,) = small(world / drawn["image"]), labels_of([drawn])
    copies = [copy_pixels(pixels, label, 5, k) for k in range(4)]
    assert np.array_equal(copies[0], pixels)
    assert all(not np.array_equal(copies[0], c) for c in copies[1:])
    assert np.array_equal(copies[2], copy_pixels(pixels, label, 5, 2))


def _pool(n: int = 2449):
    rng = np.random.default_rng(3)
    creators = [f"c{int(c)}" for c in np.minimum(rng.zipf(1.4, n), 400)]
    return creators, rng.integers(500, 9000, n)


def test_the_draw_is_fixed_by_its_number():
    creators, size = _pool()
    assert truth.draw(creators, size, 1) == truth.draw(creators, size, 1)
    assert truth.draw(creators, size, 1) != truth.draw(creators, size, 3)


def test_draw_two_is_the_crossover_of_draw_one():
    creators, size = _pool()
    one, two = truth.draw(creators, size, 1), truth.draw(creators, size, 2)
    changed = [i for i, (a, b) in enumerate(zip(one, two, strict=True)) if a != b]
    assert len(changed) == 320
    for i in changed:
        assert {one[i].split, two[i].split} == {"train", "test"}
        assert max(one[i].multiplicity, two[i].multiplicity) in (4, 16, 64, 256)
    assert Counter(one) == Counter(two)


def test_equal_captions_and_near_images_are_one_group():
    rng = np.random.default_rng(0)
    a, b, c = rng.integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)
    pixels = np.stack([a, b, c, np.clip(a.astype(int) + 3, 0, 255).astype(np.uint8)])
    assert truth.groups(["x", "A cat!", "a  cat", "y"], pixels).tolist() == [0, 1, 1, 0]
