"""A measured search: one fixed policy, alike for a subject and for every control, so that ranks mean something.

Nothing in it depends on what was seen before: the prompts are the work's own caption, or come from CLIP's
nearest terms (no captions of neighbours, which would hand a trained work its own), then the same seeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from explorer.clip.bank import open_bank
from explorer.clip.bits import prompt_bits
from explorer.clip.interrogate import interrogate
from explorer.clip.term_gains import parts_of
from explorer.clip.term_pool import gather
from explorer.clip.terms import TermList
from explorer.images.prepare import fit_square
from explorer.records import PromptCandidate, ReplaySettings
from explorer.records.policy import RECOVERED, Policy
from explorer.run import QUIET, Run, Within

if TYPE_CHECKING:
    from explorer.clip.encoder import Encoder

MODE = "fast"  # of the interrogation: it takes a tenth of a second and no luck


def recover_prompts(encoder: Encoder, rgb: np.ndarray, *, subject_id: str, terms: Sequence[TermList],
                    most: int = RECOVERED, cache: Path | None = None, weighed: bool = False,
                    run: Run = QUIET) -> tuple[PromptCandidate, ...]:
    """Writes term embeddings to `cache`. The prompts that the policy takes for a picture, the first `most` of 16.

    `rgb` is (h, w, 3) uint8 at any size; the whole picture is seen, on a square. Prompts come in pairs: the
    nearest terms strung together, and the first of them alone; then the same begun with each other of the
    nearest terms in turn. Strings hold more of a picture's words; a term alone may be a whole title. With
    `weighed` they say what each term gains, which takes as long again.
    """
    query = encoder.encode_images([fit_square(rgb, max(rgb.shape[:2]))])[0]
    heads, found, silent = [""], dict[str, PromptCandidate](), Within(run)
    for head in heads:  # which grows once, by what the first prompt does not begin with
        first = interrogate(encoder, None, subject_id=subject_id, mode=MODE, terms=terms, cache=cache,
                            embedding=query, locked=[head] if head else (), weighed=weighed,
                            run=silent)[0]
        if not head:
            heads += _heads(query, first.text, encoder, terms, cache, silent)
        for one in (first, _alone(first, head or parts_of(first.text)[0], encoder, query)):
            found.setdefault(one.text.casefold(), one)
            if len(found) == most:
                return tuple(found.values())
    return tuple(found.values())


def settings_of(policy: Policy, prompts: Sequence[str]) -> ReplaySettings:
    """The search of one work under a policy: its seeds shared among as many of the prompts as divide them."""
    used = tuple(prompts)[:policy.prompts]
    while policy.seeds % len(used):
        used = used[:-1]
    return ReplaySettings(used[0], more_prompts=used[1:], seeds=policy.seeds // len(used), steps=(policy.steps,),
                          guidances=(policy.guidance,), schedulers=(policy.scheduler,),
                          width_px=policy.size_px, height_px=policy.size_px,
                          primary_score=policy.score)


def _alone(prompt: PromptCandidate, term: str, encoder: Encoder, query: np.ndarray) -> PromptCandidate:
    """One term as a prompt of its own."""
    ids = encoder.token_ids(term)
    return replace(prompt, text=term, similarity=float(encoder.encode_texts([term])[0] @ query), tokens=len(ids),
                   bits=prompt_bits(ids), terms=())


def _heads(query: np.ndarray, first: str, encoder: Encoder, terms: Sequence[TermList],
           cache: Path | None, run: Run) -> tuple[str, ...]:
    """The nearest terms of all lists of things but the one that `first` begins with."""
    banks = [open_bank(encoder, t, cache=cache, run=run) for t in terms if t.role == "flavor" and len(t)]
    return gather(banks, query, size=RECOVERED - 1, without=parts_of(first)[:1]).texts
