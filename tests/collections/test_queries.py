"""Regions and mixed queries."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.collections.queries import crop, mix
from explorer.errors import ExplorerError

from .conftest import picture, unit_rows


def test_a_region_is_cut_by_shares_of_the_picture():
    rgb = picture(1, 100)
    assert np.array_equal(crop(rgb, (0.1, 0.2, 0.5, 1.0)), rgb[20:100, 10:50])


@pytest.mark.parametrize("box", [(0.5, 0, 0.5, 1), (0, 0, 1.2, 1), (-0.1, 0, 1, 1), (0, 0.9, 1, 0.95)])
def test_crooked_regions_are_refused(box):
    with pytest.raises(ExplorerError):
        crop(picture(1, 100), box)


def test_a_mixed_query_lies_between():
    image, text = unit_rows(2, 16)
    both = mix(image * 3, text)
    assert np.linalg.norm(both) == pytest.approx(1, abs=1e-6)
    assert both @ image == pytest.approx(both @ text, abs=1e-6)
    assert np.allclose(mix(image, text, text_weight=0), image, atol=1e-6)
    for crooked in ((image, text[:4], 0.5), (image, text, 1.5), (image, -image, 0.5)):
        with pytest.raises(ExplorerError):
            mix(crooked[0], crooked[1], text_weight=crooked[2])
