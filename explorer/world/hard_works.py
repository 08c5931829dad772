"""Pictures on which a test errs most easily: made after works seen often, the same by another hand, doubles."""

from __future__ import annotations

import io

import numpy as np
import pyarrow.parquet as pq
from PIL import Image

from explorer.world.files import World, require
from explorer.world.manifest import small

ORDER = ("derived", "look_alikes", "doubles")


def read_hard_works(world: World, group: str, *, role: str = "test") -> list[dict]:
    """Rows of one group and role ("test" or "tuning"); raises ExplorerError where missing.

    A row has `id`, `kind`, `grade` (1 to 3; 0 for what was not made here), `member` (the work seen often),
    `multiplicity` (that work's), `caption`, `creator`, `licence`, `source` and `picture` (WebP).
    """
    chosen = [("group", "==", group), ("role", "==", role)]
    return pq.read_table(require(world.hard_works, "hard"), filters=chosen).to_pylist()


def pixels(row: dict) -> np.ndarray:
    """(64, 64, 3) uint8, as every model of the world sees it."""
    return small(row["picture"])


def display(row: dict) -> np.ndarray:
    """(height, width, 3) uint8 of the stored picture: what a person would bring."""
    with Image.open(io.BytesIO(row["picture"]), formats=["WEBP"]) as image:
        return np.asarray(image.convert("RGB"))
