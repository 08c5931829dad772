"""Small steps around a good seed, as A1111's variations make them: the same result for the same numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from explorer.errors import ExplorerError
from explorer.records import Recipe, Variation


def variations(recipe: Recipe, *, subseeds: Sequence[int], strengths: Sequence[float]) -> list[Recipe]:
    """The recipe with its noise turned towards each subseed's by each strength in (0, 1].

    Strength 0 would be the recipe itself, 1 the subseed's own noise. ExplorerError outside the range.
    """
    for strength in strengths:
        if not 0 < strength <= 1:
            raise ExplorerError("search.variations_strength_outside_0", strength=strength)
    return [replace(recipe, variation=Variation(subseed, strength))
            for strength in strengths for subseed in subseeds]
