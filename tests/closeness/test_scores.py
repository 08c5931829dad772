"""Pixel scores: golden values by hand, symmetry, direction and range on every score."""

import math

import numpy as np
import pytest

from explorer.closeness.pixel_scores import compare, drawn_mask, ms_ssim, tiled_l2
from explorer.records.scores import PIXEL_SCORES, SCORES, is_better, shown, sort_key

RNG = np.random.default_rng(7)


def _scene(size=64, seed=0):
    draw = np.random.default_rng(seed)
    rgb = np.full((size, size, 3), 255, np.uint8)
    for _ in range(6):
        y, x, s = *draw.integers(4, size - 20, 2), draw.integers(6, 16)
        rgb[y:y + s, x:x + s] = draw.integers(0, 200, 3)
    return rgb


def _names(size):
    return [n for n in PIXEL_SCORES if n != ("ms_ssim" if size < 160 else "ms_ssim_few")]


@pytest.mark.parametrize("size", [16, 63, 64, 192])
def test_identical_pictures_reach_the_best_end(size):
    scores = compare(_scene(size + 20)[:size, :size], _scene(size + 20)[:size, :size])
    assert sorted(scores) == sorted(_names(size))
    for name, value in scores.items():
        best = SCORES[name].high if SCORES[name].better == "higher" else SCORES[name].low
        assert value == pytest.approx(best, abs=1e-4), name


@pytest.mark.parametrize("name", _names(64))
def test_small_noise_is_closer_than_a_stranger_and_order_does_not_matter(name):
    a = _scene()
    near = np.clip(a.astype(int) + RNG.integers(-6, 7, a.shape), 0, 255).astype(np.uint8)
    far = _scene(seed=3)[::-1]
    value = {k: compare(a, b, only=[name])[name] for k, b in (("near", near), ("far", far))}
    assert is_better(name, value["near"], value["far"]) or value["near"] == value["far"] == 0
    assert compare(far, a, only=[name])[name] == pytest.approx(value["far"], abs=1e-5)
    assert SCORES[name].low <= value["far"] <= SCORES[name].high


def test_tiled_l2_is_the_worst_of_sixteen_tiles():
    a = np.zeros((64, 64, 3), np.uint8)
    b = a.copy()
    b[16:32, 48:64] = 51  # one tile of 16 × 16 differs by 0.2
    scores = compare(a, b, only=["tiled_l2", "l2", "psnr"])
    assert scores["tiled_l2"] == pytest.approx(0.2, abs=1e-6)
    assert scores["l2"] == pytest.approx(0.05, abs=1e-6)
    assert scores["psnr"] == pytest.approx(-20 * math.log10(0.05), abs=1e-4)
    b[16:32, 48:64] = 0
    b[8:24, 40:56] = 51  # the same square over four tiles: a quarter of each
    assert tiled_l2(a, b) == pytest.approx(0.1, abs=1e-6)


def test_tiles_are_sixteen_at_512_as_in_the_paper():
    a = np.zeros((512, 512, 3), np.uint8)
    b = a.copy()
    b[128:256, 128:256] = 255
    assert tiled_l2(a, b) == pytest.approx(1.0)


def test_masked_scores_ignore_shared_background():
    a, b = (np.full((64, 64, 3), 255, np.uint8) for _ in range(2))
    a[20:30, 20:30] = (200, 0, 0)
    b[34:44, 34:44] = (0, 0, 200)
    scores = compare(a, b)
    assert scores["ssim"] > scores["ssim_masked"] + 0.3
    assert scores["psnr"] > scores["psnr_masked"] + 5
    assert scores["tiled_l2_masked"] > scores["tiled_l2"]
    assert 0.05 < drawn_mask(a, b).mean() < 0.2


def test_blank_pictures_give_finite_scores():
    white, black = np.full((64, 64, 3), 255, np.uint8), np.zeros((64, 64, 3), np.uint8)
    for other in (white, black):
        assert all(math.isfinite(v) for v in compare(white, other).values())
    assert compare(white, black, only=["tiled_l2"])["tiled_l2"] == 1.0
    assert compare(white, black, only=["psnr"])["psnr"] == pytest.approx(0.0, abs=1e-5)


def test_ssim_of_a_constant_offset_has_its_closed_form():
    a, b = np.full((64, 64, 3), 100, np.uint8), np.full((64, 64, 3), 150, np.uint8)
    x, y, c1 = 100 / 255, 150 / 255, 1e-4
    expected = (2 * x * y + c1) / (x * x + y * y + c1)
    assert compare(a, b, only=["ssim"])["ssim"] == pytest.approx(expected, abs=1e-4)


def test_ms_ssim_is_named_by_its_scales():
    small, large = compare(_scene(100), _scene(100)), compare(_scene(160), _scene(160))
    assert "ms_ssim_few" in small and "ms_ssim" not in small
    assert "ms_ssim" in large and "ms_ssim_few" not in large
    assert 0 <= ms_ssim(_scene(176), 255 - _scene(176)) < 0.5


def test_sizes_must_agree_and_names_be_known():
    with pytest.raises(ValueError, match="one size"):
        compare(_scene(64), _scene(65))
    with pytest.raises(KeyError):
        compare(_scene(), _scene(), only=["beauty"])


def test_catalogue_is_complete_and_plain():
    for name, info in SCORES.items():
        assert info.name == name and info.better in ("higher", "lower") and info.low < info.high
        assert min(map(len, (info.label, info.plain, info.blind_to))) > 3
    assert set(PIXEL_SCORES) <= set(SCORES)
    assert sorted([0.1, 0.3, 0.2], key=sort_key("tiled_l2")) == [0.1, 0.2, 0.3]
    assert sorted([0.1, 0.3, 0.2], key=sort_key("ssim")) == [0.3, 0.2, 0.1]
    assert shown("psnr", 23.456) == "23.5 dB"
