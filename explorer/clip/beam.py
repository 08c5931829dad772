"""Beam search for a prompt: several drafts grow by the terms that bring them nearest to the subject.

After the first round, in which every term is measured, a draft tries only the terms that were least behind
the best one when last measured ("lazy greedy", Minoux 1978; for CLIP that is a heuristic, no guarantee).
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass, field

import numpy as np

from explorer.clip.term_pool import Joiner, Stem, joined
from explorer.records import Progress
from explorer.run import QUIET, Run
from explorer.texts import say


@dataclass(frozen=True)
class BeamSettings:
    """How far and how wide to search. `worth` is the least gain in cosine that a token must bring;
    `patience` says how many rounds in a row may bring no new best prompt before the search ends."""

    width: int = 6
    shortlist: int = 64
    max_terms: int = 32
    worth: float = 1e-4
    patience: int = 6
    sweeps: int = 2
    finalists: int = 5
    overlap: float = 0.6  # drafts that share more of their terms than this count as one


@dataclass(frozen=True)
class Draft:
    """A prompt under construction: `opening` stays, `chosen` are pool indices in order; `score` is
    sign × cosine; `behind` (pool size,) says how far each term was behind the best when last measured."""

    opening: str
    chosen: tuple[int, ...]
    score: float
    stem: Stem = field(repr=False)
    behind: np.ndarray = field(repr=False)
    surplus: float = 0.0  # what the last term gained beyond what its tokens had to bring

    @property
    def text(self) -> str:
        return self.stem.text


def words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text.casefold()))


class Beam:
    """One search over a pool; `sign` −1 looks for the prompt that is farthest from the subject."""

    def __init__(self, joiner: Joiner, settings: BeamSettings, *, sign: int = 1):
        self.joiner, self.settings, self.sign = joiner, settings, sign
        self.words = [words(t) for t in joiner.pool.texts]
        self.visited: dict[frozenset[int], Draft] = {}

    def search(self, opening: str, opening_score: float, run: Run = QUIET) -> list[Draft]:
        """The finalists: drafts with different terms, best first.

        `opening_score` is sign × cosine of the opening, −inf where there is none.
        """
        start = Draft(opening, (), opening_score, self.joiner.stem(opening),
                      self.sign * self.joiner.pool.similarities)
        beam, total, best, stale = [start], self.settings.max_terms, opening_score, 0
        for done in range(total):
            beam = self._round(beam, everything=done == 0)
            if not beam:
                break
            self._visit(beam)
            stale = 0 if beam[0].score > best else stale + 1
            best = max(best, beam[0].score)
            if stale > self.settings.patience:
                break
            run.report(Progress(done + 1, total, say("progress.beam", terms=len(beam[0].chosen),
                                                     similarity=self.sign * best)))
        return self._finalists()

    def _round(self, beam: list[Draft], *, everything: bool) -> list[Draft]:
        """The next beam: drafts whose new term earns its tokens; if there are none, the least bad.

        Before the second, the leading draft tries every term. A step that loses a little may lead on, as in
        CLIP Interrogator's first rounds; drafts that came to nothing are weeded out at the end.
        """
        limit = None if everything else self.settings.shortlist
        children = [c for draft in beam for c in self._children(draft, limit)]
        if not everything and not any(c.surplus >= 0 for c in children):
            children += self._children(beam[0], None)
        return self._best([c for c in children if c.surplus >= 0] or children)

    def _finalists(self) -> list[Draft]:
        """The best of the drafts visited, each without the terms that do not earn their tokens."""
        if self.visited:
            self._visit([self._polish(max(self.visited.values(), key=lambda d: d.score))])
        kept: list[Draft] = []
        for draft in sorted(self.visited.values(), key=lambda d: -d.score):
            own, most = set(draft.chosen), self.settings.overlap
            if all(len(own & set(k.chosen)) <= most * len(own | set(k.chosen)) for k in kept):
                kept.append(self._pruned(draft))
            if len(kept) == self.settings.finalists:
                break
        return sorted(kept, key=lambda d: -d.score)

    def _pruned(self, draft: Draft) -> Draft:
        """Leaves out, one after another, the terms whose loss costs less than their tokens are worth."""
        while len(draft.chosen) > 1:
            rests = [tuple(i for i in draft.chosen if i != out) for out in draft.chosen]
            texts = [self._text(draft.opening, rest) for rest in rests]
            scores = self.sign * self.joiner.similarities(texts)
            price = self.settings.worth * (self.joiner.lengths[list(draft.chosen)] + 1)
            loss = draft.score - scores - price
            if loss.min() >= 0:
                break
            out = int(np.argmin(loss))
            stem = Stem(texts[out], draft.stem.tokens)
            draft = dataclasses.replace(draft, chosen=rests[out], score=float(scores[out]), stem=stem)
        return draft

    def _text(self, opening: str, chosen: tuple[int, ...]) -> str:
        for i in chosen:
            opening = joined(opening, self.joiner.pool.texts[i])
        return opening

    def _visit(self, drafts: list[Draft]) -> None:
        for draft in drafts:
            key = frozenset(draft.chosen)
            if key not in self.visited or self.visited[key].score < draft.score:
                bare = Stem(draft.stem.text, draft.stem.tokens)  # keys and values would fill the memory
                self.visited[key] = dataclasses.replace(draft, stem=bare)

    def _best(self, children: list[Draft]) -> list[Draft]:
        """The `width` best children with different terms; their keys and values are computed only now."""
        kept: dict[frozenset[int], Draft] = {}
        for child in sorted(children, key=lambda d: -d.score):
            kept.setdefault(frozenset(child.chosen), child)
            if len(kept) == self.settings.width:
                break
        return [self._grown(c) for c in kept.values()]

    def _grown(self, child: Draft) -> Draft:
        text = joined(child.stem.text, self.joiner.pool.texts[child.chosen[-1]])
        stem = self.joiner.stem(text, near=child.stem)
        return dataclasses.replace(child, stem=stem)

    def _children(self, draft: Draft, limit: int | None) -> list[Draft]:
        """The drafts one term longer: the `width` best, and the `width` best that earn their tokens."""
        tried = self._candidates(draft, limit)
        behind, scores = self._measure(draft, tried)
        base = draft.score if np.isfinite(draft.score) else -1.0
        surplus = scores - base - self.settings.worth * (self.joiner.lengths[tried] + 1)
        order = np.argsort(-scores, kind="stable")
        earning = [i for i in order if surplus[i] >= 0][:self.settings.width]
        picked = dict.fromkeys([*earning, *order[:self.settings.width]])
        return [Draft(draft.opening, (*draft.chosen, int(tried[i])), float(scores[i]), draft.stem, behind,
                      float(surplus[i])) for i in picked]

    def _candidates(self, draft: Draft, limit: int | None) -> np.ndarray:
        """Pool indices worth trying: they fit, bring a new word, and were least behind when last measured."""
        allowed = self.joiner.fits(draft.stem)
        allowed[list(draft.chosen)] = False
        present = words(draft.text)
        order = np.argsort(-draft.behind, kind="stable")
        order = order[allowed[order]]
        fresh = (i for i in order if not self.words[i] or not self.words[i] <= present)
        found = list(fresh) if limit is None else [i for i, _ in zip(fresh, range(limit), strict=False)]
        return np.asarray(found, np.int64)

    def _measure(self, draft: Draft, tried: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        scores = self.sign * self.joiner.measure(draft.stem, tried)
        behind = draft.behind.copy()
        behind[tried] = scores - scores.max(initial=-1.0)
        return behind, scores

    def _polish(self, draft: Draft) -> Draft:
        """Coordinate ascent: each term in turn is taken out and the best other term put at the end."""
        for _ in range(self.settings.sweeps):
            draft = self._pruned(draft)
            before = draft.score
            for index in draft.chosen:
                draft = self._swapped(draft, index)
            if draft.score <= before:
                break
        return draft

    def _swapped(self, draft: Draft, index: int) -> Draft:
        rest = tuple(i for i in draft.chosen if i != index)
        stem = self.joiner.stem(self._text(draft.opening, rest), near=draft.stem)
        bare = Draft(draft.opening, rest, draft.score, stem, draft.behind)
        tried = self._candidates(bare, max(8, self.settings.shortlist // 2))
        if not len(tried):
            return draft
        behind, scores = self._measure(bare, tried)
        best = int(np.argmax(scores))
        least = self.settings.worth * (self.joiner.lengths[tried[best]] + 1)
        if scores[best] < draft.score + least:
            return draft
        chosen = (*rest, int(tried[best]))
        return self._grown(Draft(draft.opening, chosen, float(scores[best]), bare.stem, behind))
