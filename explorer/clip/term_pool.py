"""The terms that a prompt is built from, and what a prompt becomes when one of them is added."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from explorer.clip.bank import TermBank
from explorer.clip.terms import has_phrase
from explorer.clip.tower import Prefix

if TYPE_CHECKING:
    from explorer.clip.encoder import Encoder


@dataclass(frozen=True)
class TermPool:
    """n terms, nearest to the subject first: texts, roles, their own tokens, cosines (n,)."""

    texts: tuple[str, ...]
    roles: tuple[str, ...]
    ids: tuple[tuple[int, ...], ...]
    similarities: np.ndarray = field(repr=False)

    def __len__(self) -> int:
        return len(self.texts)


def gather(banks: Sequence[TermBank], query: np.ndarray, *, size: int, sign: int = 1,
           banned: Sequence[str] = (), without: Sequence[str] = ()) -> TermPool:
    """The `size` terms of all banks nearest to `query` (farthest with sign −1), each text once.

    Terms that hold a banned phrase, and those of `without`, are left out before counting.
    """
    found: list[tuple[float, str, str, tuple[int, ...]]] = []
    skipped = {w.casefold() for w in without}
    for bank in banks:
        near = bank.top(query, len(bank.terms) if banned else size + len(skipped), sign=sign)
        kept = 0
        for index, similarity in near:
            text = bank.terms.terms[index]
            if text.casefold() in skipped or any(has_phrase(text, b) for b in banned):
                continue
            found.append((similarity, text, bank.terms.role, bank.token_ids(index)))
            kept += 1
            if kept == size:
                break
    found.sort(key=lambda row: -sign * row[0])
    distinct = {row[1].casefold(): row for row in reversed(found)}  # the best of equal texts stays
    rows = sorted(distinct.values(), key=lambda row: -sign * row[0])[:size]
    return TermPool(tuple(r[1] for r in rows), tuple(r[2] for r in rows), tuple(r[3] for r in rows),
                    np.asarray([r[0] for r in rows], np.float32))


def joined(text: str, term: str) -> str:
    return f"{text}, {term}" if text else term


@dataclass(frozen=True)
class Stem:
    """A prompt that terms are added to; `prefix` holds its keys and values where the tower allows."""

    text: str
    tokens: int  # of the text and the comma that follows it
    prefix: Prefix | None = field(repr=False, default=None)


class Joiner:
    """Measures prompts that add one pool term to a stem."""

    def __init__(self, encoder: Encoder, pool: TermPool, query: np.ndarray):
        self.encoder, self.pool, self.query = encoder, pool, query
        self.lengths = np.asarray([len(i) for i in pool.ids], np.int64)

    def stem(self, text: str, *, near: Stem | None = None) -> Stem:
        """The stem of a text. The comma belongs to it: after punctuation the two make one token."""
        ids = self.encoder.token_ids(f"{text},") if text else []
        tower = self.encoder.tower
        if tower is None or len(ids) > self.encoder.max_tokens:
            return Stem(text, len(ids))
        known = None if near is None else near.prefix
        return Stem(text, len(ids), tower.prefix([tower.start_id, *ids], known=known))

    def fits(self, stem: Stem) -> np.ndarray:
        """Which pool terms still fit the context after the stem: (n,) bool."""
        return (stem.tokens + self.lengths <= self.encoder.max_tokens) & (self.lengths > 0)

    def similarities(self, texts: Sequence[str]) -> np.ndarray:
        """Cosines of whole prompts to the subject: (n,) float32."""
        return self.encoder.encode_texts(texts) @ self.query

    def measure(self, stem: Stem, indices: Sequence[int]) -> np.ndarray:
        """Cosines to the subject of the stem with each of the terms added: (len(indices),) float32."""
        if not len(indices):
            return np.empty(0, np.float32)
        if stem.prefix is not None:
            made = self.encoder.tower.extend(stem.prefix, [self.pool.ids[i] for i in indices])
        else:
            made = self.encoder.encode_texts([joined(stem.text, self.pool.texts[i]) for i in indices])
        return made @ self.query
