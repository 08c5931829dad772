"""The near-copy rule: when does an image count as a near copy of a work?

The distances are tiled ones (explorer/closeness/tiled.py), on [0, 1].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class NearCopyRule:
    """An image is a near copy of a work when both hold.

    absolute: its tiled distance to the work is below `absolute`;
    relative: that distance is below `margin` times its distance to the nearest other work.
    White backgrounds make any two sparse drawings look close, hence the relative part.
    """

    absolute: float
    margin: float

    def holds(self, to_work: np.ndarray, to_nearest_other: np.ndarray) -> np.ndarray:
        """Boolean of the distances' shape; distances in [0, 1]."""
        return (to_work < self.absolute) & (to_work < self.margin * to_nearest_other)


def to_own_and_other(table: np.ndarray, own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distances (m,) to the own work and to the nearest other, from (m, n) and (m,) indices."""
    rows = np.arange(len(table))
    to_work = table[rows, own]
    others = table.copy()
    others[rows, own] = np.inf
    return to_work, others.min(axis=1)
