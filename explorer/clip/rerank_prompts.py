"""The generator has the last word: the best prompts, judged by a few short replays each.

A CLIP says what a prompt has in common with an image; only the model says what it makes of the prompt. The
scorer is a callable, so this file knows no diffusion: it gets all prompts at once and returns one number
for each, the closeness of the best of its short replays, higher is closer, made with equal effort.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from explorer.clip.term_gains import without_each
from explorer.records import PromptCandidate, TermGain

Scorer = Callable[[Sequence[str]], Sequence[float]]


def rerank(candidates: Sequence[PromptCandidate], scorer: Scorer, *, count: int = 5) -> list[PromptCandidate]:
    """The first `count` candidates with their `replay_score`, closest first, then the others unchanged.

    Ranks are given anew from 1; the CLIP ranking stays readable from `similarity`. The person's own prompt
    keeps its place at the top. Equal scores keep CLIP's order.
    """
    candidates = tuple(candidates)
    prompts = to_rerank(candidates, count=count)
    return reranked(candidates, scorer(prompts) if prompts else [])


def to_rerank(candidates: Sequence[PromptCandidate], *, count: int = 5) -> list[str]:
    """The prompts of the first `count` candidates, in the order in which `reranked` wants their scores.

    Negative prompts are no prompts for a replay: they are left out.
    """
    return [c.text for c in sorted(candidates, key=lambda c: c.rank)[:count] if c.mode != "negative"]


def reranked(candidates: Sequence[PromptCandidate], scores: Sequence[float]) -> list[PromptCandidate]:
    """`rerank` for scores that are known: those of the first candidates, higher is closer."""
    ordered = sorted(candidates, key=lambda c: c.rank)
    scored = [dataclasses.replace(c, replay_score=float(s))
              for c, s in zip(ordered[:len(scores)], scores, strict=True)]
    scored.sort(key=lambda c: (c.source != "person", -c.replay_score))
    return [dataclasses.replace(c, rank=i) for i, c in enumerate([*scored, *ordered[len(scores):]], start=1)]


def without_terms(candidate: PromptCandidate) -> list[tuple[str, str]]:
    """(term, the prompt without it), for the same terms as the candidate's `terms` where it has them."""
    terms = [t.term for t in candidate.terms]
    if ", ".join(terms) != candidate.text:
        return without_each(candidate.text)
    return [(term, ", ".join(t for k, t in enumerate(terms) if k != i)) for i, term in enumerate(terms)]


def closeness_gains(candidate: PromptCandidate, scores: Sequence[float]) -> tuple[TermGain, ...]:
    """The fall in the replays' closeness without each term; `scores` are those of `without_terms`, in order.

    In the scorer's unit, higher is closer; the candidate needs its own `replay_score`.
    """
    tokens = {t.term: t.tokens for t in candidate.terms}
    return tuple(TermGain(term, candidate.replay_score - score, tokens.get(term, 0))
                 for (term, _), score in zip(without_terms(candidate), scores, strict=True))
