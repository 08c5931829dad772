"""The generator has the last word: the best prompts, judged by a few short replays each.

A CLIP says what a prompt has in common with an image; only the model says what it makes of the prompt. The
scorer is a callable, so this file knows no diffusion: it gets all prompts at once and returns one number
for each, the closeness of the best of its short replays, higher is closer, made with equal effort.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from explorer.clip.words import gains_under
from explorer.records import PromptCandidate, TermGain

Scorer = Callable[[Sequence[str]], Sequence[float]]


def rerank(candidates: Sequence[PromptCandidate], scorer: Scorer, *, count: int = 5) -> list[PromptCandidate]:
    """The first `count` candidates with their `replay_score`, closest first, then the others unchanged.

    Ranks are given anew from 1; the CLIP ranking stays readable from `similarity`. The person's own prompt
    keeps its place at the top. Equal scores keep CLIP's order.
    """
    ordered = sorted(candidates, key=lambda c: c.rank)
    tried, rest = ordered[:count], ordered[count:]
    scores = [float(s) for s in scorer([c.text for c in tried])] if tried else []
    scored = [dataclasses.replace(c, replay_score=s) for c, s in zip(tried, scores, strict=True)]
    scored.sort(key=lambda c: (c.source != "person", -c.replay_score))
    return [dataclasses.replace(c, rank=i) for i, c in enumerate([*scored, *rest], start=1)]


def closeness_gains(candidate: PromptCandidate, scorer: Scorer,
                    token_ids: Callable[[str], Sequence[int]]) -> tuple[TermGain, ...]:
    """The fall in the replays' closeness when each term is left out (the scorer's unit, higher is closer)."""
    return gains_under(scorer, token_ids, candidate.text)
