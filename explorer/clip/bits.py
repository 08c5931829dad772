"""How many bits a prompt's words are: a code over the tokenizer's vocabulary, fixed before any image is seen.

The code is Zipf's law over the order in which CLIP's byte-pair vocabulary was merged (the earlier a piece
was merged, the more frequent it was in the text that CLIP's makers counted), so it owes nothing to a
collection: a prompt does not become cheap because the collection's captions use its words.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

VOCABULARY = 49406  # pieces of CLIP's vocabulary without its two special tokens
BYTES = 512  # single bytes, inside and at the end of a word, stand before the merged pieces
SHIFT = 2.7  # Mandelbrot's shift of Zipf's law
CODE = ("Zipf's law over the merge order of CLIP's own vocabulary, an end mark included; "
        "a list that no collection has shaped")


@lru_cache(maxsize=4)
def _normaliser(size: int) -> float:
    return sum(1 / (rank + SHIFT) for rank in range(1, size + 1))


def token_bits(token_id: int) -> float:
    """Bits of one token under the stated code; single bytes count as if they were merged first."""
    rank = max(1, token_id - BYTES + 1) if token_id >= BYTES else BYTES // 2
    return math.log2((min(rank, VOCABULARY) + SHIFT) * _normaliser(VOCABULARY))


def prompt_bits(token_ids: Sequence[int]) -> float:
    """Bits of a prompt's tokens (without start and end), in [0, ∞); an empty prompt costs nothing.

    One more symbol ends the prompt; it costs what the commonest token costs.
    """
    return sum(token_bits(i) for i in token_ids) + token_bits(BYTES) if len(token_ids) else 0.0
