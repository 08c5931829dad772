"""The map of agreement, and alignment that finds what was done to a picture."""

import numpy as np
import pytest
from PIL import Image

from explorer.closeness.alignment import align
from explorer.closeness.heatmap import agreement, overlay
from explorer.closeness.pixel_scores import l2


def _drawing(size=64):
    rgb = np.full((size, size, 3), 255, np.uint8)
    rgb[20:40, 18:30] = (200, 40, 20)
    rgb[28:34, 26:46] = (20, 60, 180)
    rgb[44:48, 16:40] = 0
    return rgb


def test_agreement_is_one_for_the_same_and_local_to_a_change():
    a = _drawing()
    assert agreement(a, a).min() > 0.999
    b = a.copy()
    b[20:40, 18:30] = (20, 180, 40)
    heat = agreement(a, b)
    assert heat.shape == (64, 64) and heat.dtype == np.float32 and heat.min() >= 0 and heat.max() <= 1
    assert heat[30, 22] < 0.3 and heat[46, 50] > 0.95


def test_overlay_tells_high_from_low():
    shown = overlay(_drawing(), np.linspace(0, 1, 64 * 64, dtype=np.float32).reshape(64, 64))
    assert shown.shape == (64, 64, 3) and shown.dtype == np.uint8
    assert shown[0, 0, 2] > shown[0, 0, 0] and shown[63, 63, 0] > shown[63, 63, 2]


@pytest.mark.parametrize("shift", [(5, -3), (-7, 0), (0, 9)])
def test_a_shift_is_found_and_undone(shift):
    a = _drawing()
    moved = np.roll(a, (-shift[1], -shift[0]), axis=(0, 1))
    found = align(a, moved, {"shift"})
    assert found.shift_px == shift and l2(a, found.rgb) < 0.01
    assert f"{shift[0]} px right" in found.words()


def test_mirror_and_scale_are_found_only_when_asked():
    a = _drawing()
    assert align(a, a[:, ::-1], {"shift"}).mirrored is False
    assert align(a, a[:, ::-1], {"mirror"}).mirrored is True
    assert l2(a, align(a, a[:, ::-1], {"mirror"}).rgb) == 0
    small = Image.fromarray(a).resize((51, 51), Image.Resampling.LANCZOS)
    page = Image.new("RGB", (64, 64), (255, 255, 255))
    page.paste(small, (6, 6))
    found = align(a, np.asarray(page), {"scale", "shift"})
    assert found.scale == 1.25 and l2(a, found.rgb) < 0.35 * l2(a, np.asarray(page))


def test_colours_are_fitted():
    a = _drawing()
    pale = (a * 0.6 + 60).astype(np.uint8)
    found = align(a, pale, {"colour"})
    assert found.gain == pytest.approx((1 / 0.6,) * 3, rel=0.02)
    assert l2(a, found.rgb) < 0.02 < l2(a, pale)


def test_nothing_to_do_and_unknown_options():
    a = _drawing()
    same = align(a, a, {"shift", "scale", "mirror", "colour"})
    assert np.array_equal(same.rgb, a) and same.words() == "nothing had to be done"
    blank = np.full_like(a, 255)
    assert np.array_equal(align(blank, blank, {"shift", "colour"}).rgb, blank)
    with pytest.raises(ValueError, match="unknown"):
        align(a, a, {"rotate"})
