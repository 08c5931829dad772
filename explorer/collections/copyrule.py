"""What counts as a near copy within a collection or a gallery, and at the door."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CopyRule:
    """Two works are near copies when they are candidates and their signatures agree.

    candidate: among the `k` nearest by embedding (cosine at least `cosine`) or by lowest frequencies
    (at least `frequencies`), or hashes at most `bits` apart; agreement: likeness at least `likeness`.
    Without pictures: cosine of the embeddings at least `cosine_alone`.
    """

    cosine: float = 0.85
    frequencies: float = 0.80
    k: int = 10
    bits: int = 3
    likeness: float = 0.95
    cosine_alone: float = 0.99


@dataclass(frozen=True)
class DoorRule:
    """From which likeness of signatures, in [-1, 1], a picture is flagged."""

    likeness: float = 0.95
