from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def png() -> bytes:
    """A small PNG of noise."""
    out = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)).save(out, "PNG")
    return out.getvalue()
