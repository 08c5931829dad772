"""Captions of a member's copies, and how an altered copy's picture is altered."""

from __future__ import annotations

import numpy as np

from explorer.world_build.truth import Label


def copy_caption(row: dict, copy: int) -> str:
    """The caption of one copy: its own for every copy, but in the group "captions" each has another.

    There the keywords are shuffled and some are left out, by a seed of work and copy.
    """
    if row["variant"] != "captions" or copy == 0:
        return row["caption"]
    rng = np.random.default_rng([int(row["sha256"][:8], 16), copy])
    words = list(rng.permutation(row["keywords"]))[: int(rng.integers(0, len(row["keywords"]) + 1))]
    by = [f"by {row['creator']}"] if rng.random() < 0.8 else []
    return ", ".join([row["title"], *by, *(str(w) for w in words)])


def copy_pixels(pixels: np.ndarray, label: Label, seed: int, copy: int) -> np.ndarray:
    """(64, 64, 3) uint8 of one copy: shifted, cropped and recoloured in the group "images"."""
    if label.variant != "images" or copy == 0:
        return pixels
    rng = np.random.default_rng([seed, copy])
    side = pixels.shape[0]
    crop = int(rng.integers(0, side // 8 + 1))
    dy, dx = rng.integers(0, crop + 1, 2)
    part = pixels[dy:side - crop + dy, dx:side - crop + dx]
    rows = (np.arange(side) * part.shape[0] / side).astype(int)
    grown = part[rows][:, rows]
    shifted = np.full_like(grown, 255)
    sy, sx = (int(v) for v in rng.integers(-4, 5, 2))
    shifted[max(0, sy):side + min(0, sy), max(0, sx):side + min(0, sx)] = \
        grown[max(0, -sy):side + min(0, -sy), max(0, -sx):side + min(0, -sx)]
    mix = np.eye(3) + rng.normal(0, 0.12, (3, 3))
    ink = 1 - shifted.astype(np.float32) / 255  # white stays white
    return (255 * (1 - (ink @ mix.astype(np.float32)).clip(0, 1))).round().astype(np.uint8)
