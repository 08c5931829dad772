"""Paths in records that the other side wrote: only ordinary pictures of this computer are opened."""

from __future__ import annotations

import os

import numpy as np
import pytest

from explorer.images.decode import png_bytes
from pages.shared.widgets import file_address, file_bytes


def test_an_ordinary_picture_is_read(tmp_path):
    png = png_bytes(np.zeros((4, 4, 3), np.uint8))
    (tmp_path / "a.png").write_bytes(png)
    assert file_bytes(str(tmp_path / "a.png"), most=len(png)) == png
    assert file_bytes(str(tmp_path / "a.png"), most=len(png) - 1) == b""
    assert file_address(str(tmp_path / "a.png")).startswith("data:image/png;base64,")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
def test_devices_pipes_and_network_places_are_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")  # opening it would wait for ever
    for path in (str(tmp_path / "pipe.png"), "/dev/zero", "//server/share/a.png", "a\0b", str(tmp_path)):
        assert file_bytes(path, most=100) == b""
