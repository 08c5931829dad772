"""How many bits a prompt's words are: a code over CLIP's vocabulary, fixed before any image is seen.

The code is Zipf's law over the order in which CLIP's byte-pair vocabulary was merged (the earlier a piece
was merged, the more frequent it was in the text that CLIP's makers counted), so it owes nothing to a
collection: a prompt does not become cheap because the collection's captions use its words.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

PIECES = 49406  # of CLIP's vocabulary, without its two special tokens
BYTES = 512  # single bytes, inside and at the end of a word, stand before the merged pieces
BYTE_RANK = 256
FIRST = (267, 269, 320)  # comma, full stop and "a", which no merge could make
END = 49407
SHIFT = 2.7  # Mandelbrot's shift of Zipf's law


@lru_cache(maxsize=1)
def frequencies() -> dict[int, float]:
    """Token id to relative frequency, for all pieces and the end mark; they sum to 1."""
    ranks = dict.fromkeys(range(BYTES), BYTE_RANK)
    ranks |= {i: i - BYTES + len(FIRST) + 2 for i in range(BYTES, PIECES)}
    ranks |= {i: rank for rank, i in enumerate((*FIRST, END), start=1)}
    total = sum(1 / (rank + SHIFT) for rank in ranks.values())
    return {i: 1 / (rank + SHIFT) / total for i, rank in ranks.items()}


def prompt_bits(token_ids: Sequence[int]) -> float:
    """Bits of a prompt's own tokens and its end mark, in [0, ∞); an empty prompt costs nothing.

    An id outside CLIP's vocabulary (another tokenizer's) costs what the rarest piece costs.
    """
    table = frequencies()
    rarest = table[PIECES - 1]
    return sum(-math.log2(table.get(i, rarest)) for i in (*token_ids, END)) if len(token_ids) else 0.0
