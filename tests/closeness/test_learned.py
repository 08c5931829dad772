"""The offline learned scores: exact for the same picture, ordered by what was done to it, reproducible."""

import numpy as np
import pytest
from PIL import Image

from explorer.closeness.learned import load_learned
from explorer.records.scores import SCORES


@pytest.fixture(scope="module")
def learned():
    return load_learned("cpu")


def _scene(seed):
    draw = np.random.default_rng(seed)
    rgb = np.full((64, 64, 3), 255, np.uint8)
    for _ in range(8):
        y, x, s = *draw.integers(2, 44, 2), draw.integers(6, 18)
        rgb[y:y + s, x:x + s] = draw.integers(0, 220, 3)
    return rgb


def test_same_changed_and_strange_pictures_come_in_order(learned):
    a = _scene(0)
    cropped = np.asarray(Image.fromarray(a[6:58, 6:58]).resize((64, 64), Image.Resampling.LANCZOS))
    others = [a, cropped, np.ascontiguousarray(a[:, ::-1]), _scene(5)]
    same, crop, mirror, stranger = learned.compare(a, others)
    assert same["efficientnet"] == pytest.approx(0, abs=1e-5)
    assert same["copy_cosine"] == pytest.approx(1, abs=1e-5)
    assert crop["efficientnet"] < stranger["efficientnet"]
    assert min(crop["copy_cosine"], mirror["copy_cosine"]) > 0.99 > stranger["copy_cosine"]
    for name, value in stranger.items():
        assert SCORES[name].low <= value <= SCORES[name].high


def test_descriptors_are_unit_vectors_and_repeat(learned):
    first, again = learned.describe([_scene(1)]), learned.describe([_scene(1)])
    assert first.shape == (1, 3, 1280) and np.array_equal(first, again)
    assert np.linalg.norm(first, axis=-1) == pytest.approx(np.ones((1, 3)), abs=1e-5)
    assert learned.compare(_scene(1), []) == []
    assert len(learned.fingerprint) == 64
