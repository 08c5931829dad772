"""Which words of a prompt matter: each term is left out in turn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from explorer.records import TermGain

if TYPE_CHECKING:
    from explorer.clip.encoder import Encoder


def parts_of(text: str) -> tuple[str, ...]:
    """A prompt's terms: what stands between its commas."""
    return tuple(p for p in (part.strip() for part in text.split(", ")) if p)


def without_each(text: str, *, opening: str = "") -> list[tuple[str, str]]:
    """(term, the prompt without it) for each term; an `opening` that the text begins with is one term."""
    body = text.removeprefix(opening) if opening else text
    if opening and (text == opening or body.startswith(", ")):
        parts = (opening, *parts_of(body.removeprefix(", ")))
    else:
        parts = parts_of(text)
    return [(part, ", ".join(p for k, p in enumerate(parts) if k != i)) for i, part in enumerate(parts)]


def term_gains(encoder: Encoder, query: np.ndarray, text: str, *, opening: str = "") -> tuple[TermGain, ...]:
    """The fall in CLIP similarity to `query` (d,) when each term is left out; negative: better without it."""
    def score(texts: Sequence[str]) -> list[float]:
        return (encoder.encode_texts(texts) @ query).tolist()
    return gains_under(score, encoder.token_ids, text, opening=opening)


def gains_under(score: Callable[[Sequence[str]], Sequence[float]], token_ids: Callable[[str], Sequence[int]],
                text: str, *, opening: str = "") -> tuple[TermGain, ...]:
    """The fall of any score of prompts (higher is better: similarity, closeness) without each term.

    `score` gets the whole prompt first, then the shortened ones, in one call.
    """
    pairs = without_each(text, opening=opening)
    if not pairs:
        return ()
    whole, *rest = score([text, *(shorter for _, shorter in pairs)])
    return tuple(TermGain(term, float(whole - left), len(token_ids(term)))
                 for (term, _), left in zip(pairs, rest, strict=True))
