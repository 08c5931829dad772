"""JPEG files without their end mark: whole ones are read with a note, cut ones are refused."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from explorer.errors import ExplorerError
from explorer.images.decode import open_image


def jpeg(side, quality, **more):
    rows = np.add.outer(np.arange(side), np.arange(side))
    colours = np.stack([rows * 3 % 256, rows * 5 % 256, rows * 7 % 256], -1).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(colours).save(out, "JPEG", quality=quality, **more)
    return out.getvalue()


@pytest.mark.parametrize("side", [48, 61, 200])
@pytest.mark.parametrize("quality", [60, 95])
def test_a_whole_picture_without_its_end_mark_is_read(side, quality):
    data = jpeg(side, quality)
    whole, bare = open_image(data), open_image(data[:-2])
    assert np.array_equal(whole.rgb, bare.rgb) and any("end mark" in note for note in bare.notes)


@pytest.mark.parametrize("part", [0.5, 0.7, 0.85])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_cut_picture_is_still_refused(part, progressive):
    data = jpeg(200, 90, progressive=progressive)
    with pytest.raises(ExplorerError, match="cut-short"):
        open_image(data[:int(len(data) * part)])
