"""fit_square keeps the aspect, the centre and, at the same size, every pixel."""

import numpy as np
import pytest

from explorer.images.prepare import fit_square


def test_same_size_is_unchanged():
    rgb = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    fitted = fit_square(rgb, 64)
    assert np.array_equal(fitted, rgb)
    assert not np.shares_memory(fitted, rgb)


@pytest.mark.parametrize(("height", "width"), [(100, 200), (200, 100), (1, 500), (3, 3)])
def test_aspect_is_kept_on_white(height, width):
    fitted = fit_square(np.zeros((height, width, 3), np.uint8), 64)
    assert fitted.shape == (64, 64, 3)
    dark = (fitted < 128).all(axis=2)
    rows, columns = dark.any(axis=1).sum(), dark.any(axis=0).sum()
    assert rows == max(1, round(64 * height / max(height, width)))
    assert columns == max(1, round(64 * width / max(height, width)))


def test_background_is_the_one_asked_for():
    fitted = fit_square(np.zeros((10, 40, 3), np.uint8), 40, background=(9, 8, 7))
    assert tuple(fitted[0, 0]) == (9, 8, 7)
