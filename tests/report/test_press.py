"""The picture for an article keeps every pixel and carries its caption."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.images.decode import read_png
from explorer.report.press import GAP_PX, SIDE_PX, TITLE_PX, press_picture

LABELS = ("the work", "the replay")


def pair():
    draw = np.random.default_rng(0)
    return tuple(draw.integers(0, 256, (64, 64, 3), np.uint8) for _ in range(2))


def test_every_pixel_is_kept():
    first, second = pair()
    sheet = read_png(press_picture(first, second, labels=LABELS, title="A work", lines=["caption"]))
    top, factor = 2 * GAP_PX + TITLE_PX, SIDE_PX // 64
    for number, rgb in enumerate((first, second)):
        left = GAP_PX + number * (SIDE_PX + GAP_PX)
        shown = sheet[top:top + SIDE_PX, left:left + SIDE_PX]
        for offset in (0, factor - 1):
            assert np.array_equal(shown[offset::factor, offset::factor], rgb)


def test_more_lines_make_a_higher_picture_and_nothing_is_cut_off():
    first, second = pair()
    short = read_png(press_picture(first, second, labels=LABELS, title="A", lines=["one"]))
    long = read_png(press_picture(first, second, labels=LABELS, title="A", lines=["word " * 120, "two"]))
    assert long.shape[0] > short.shape[0] + 80
    assert (long[-GAP_PX // 2:] == 255).all() and (long[:, -GAP_PX // 2:] == 255).all()


def test_pictures_of_two_sizes_are_refused():
    with pytest.raises(ValueError, match="one size"):
        press_picture(np.zeros((8, 8, 3), np.uint8), np.zeros((9, 8, 3), np.uint8), labels=LABELS, title="",
                      lines=[])


def test_names_keep_their_letters():
    first, second = pair()
    sheets = {name: press_picture(first, second, labels=LABELS, title=name, lines=[name]) for name in "üéŁ"}
    assert len(set(sheets.values())) == 3  # a letter that the font lacks is the same box for all
