"""A measured search: one fixed policy, alike for a subject and for every control, so that ranks mean something.

Nothing in it depends on what was seen before: the prompt is the work's own caption or comes from CLIP's
nearest terms (no captions of neighbours, which would hand a trained work its own), then the same seeds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from explorer.clip.interrogate import interrogate
from explorer.clip.terms import TermList
from explorer.images.prepare import fit_square
from explorer.jobs.policy import Policy
from explorer.jobs.tasks import ReplaySettings
from explorer.records import Progress, PromptCandidate, Tick

if TYPE_CHECKING:
    from explorer.clip.encoder import Encoder

MODE = "fast"  # of the interrogation: it takes a tenth of a second and no luck


def recover_prompt(encoder: Encoder, rgb: np.ndarray, *, subject_id: str, terms: Sequence[TermList],
                   cache: Path | None = None) -> Iterator[Tick | PromptCandidate]:
    """Writes term embeddings to `cache`. Ticks, then the one prompt that the policy takes for a picture.

    `rgb` is (h, w, 3) uint8 at any size; the whole picture is seen, on a square.
    """
    square = fit_square(rgb, max(rgb.shape[:2]))
    for event in interrogate(encoder, square, subject_id=subject_id, mode=MODE, terms=terms, cache=cache):
        if isinstance(event, PromptCandidate):
            yield event
            return
        if isinstance(event, Progress):
            yield Tick()


def settings_of(policy: Policy, prompt: str) -> ReplaySettings:
    """The search of one work under a policy."""
    return ReplaySettings(prompt, seeds=policy.seeds, steps=(policy.steps,), guidances=(policy.guidance,),
                          schedulers=(policy.scheduler,), primary_score=policy.score)
