"""The generator has the last word over prompts: short replays rank them and say which words matter."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from explorer.clip.rerank_prompts import closeness_gains, reranked, to_rerank, without_terms
from explorer.errors import ExplorerError
from explorer.jobs.tasks import Interrogate
from explorer.records import PromptCandidate
from explorer.run import Counted
from explorer.search.short_replays import LatentScorer
from explorer.texts import say
from explorer.worker.context import Context
from explorer.worker.runners import loading

MOST_TERMS = 24  # whose absence is tried out in the first prompt


@dataclass(frozen=True)
class JudgedPrompts:
    """Candidates in their new order; `count` of them were judged, by `model`, or `why_not` says why none."""

    candidates: Sequence[PromptCandidate]
    count: int = 0
    model: str = ""
    unet_evaluations: int = 0
    why_not: str = ""


def judge(candidates: Sequence[PromptCandidate], rgb: np.ndarray, task: Interrogate,
          context: Context) -> JudgedPrompts:
    """The candidates as short replays order them; a model that cannot be asked leaves CLIP's order.

    `rgb` (h, w, 3) uint8 is the subject. The first prompt's terms are left out in turn as well.
    """
    prompts = to_rerank(candidates, count=task.rerank)
    if not prompts:
        return JudgedPrompts(candidates)
    context.report(0, 0, say("progress.loading_model"))
    try:
        model = loading.model(context, task.model or context.settings.model)
        scorer = LatentScorer(model, rgb)
    except ExplorerError as error:
        return JudgedPrompts(candidates, why_not=str(error))
    ordered = reranked(candidates, _scores(scorer, prompts, say("note.worker.short_replays_each"), context))
    first = ordered[0]
    shorter = without_terms(first)
    if 1 < len(shorter) <= MOST_TERMS:
        left = _scores(scorer, [text for _, text in shorter], say("note.worker.short_replays_without"), context)
        ordered[0] = dataclasses.replace(first, replay_terms=closeness_gains(first, left))
    return JudgedPrompts(ordered, len(prompts), model.ref.fingerprint, scorer.unet_evaluations)


def _scores(scorer: LatentScorer, prompts: Sequence[str], what: str, context: Context) -> list[float]:
    effort = scorer.effort
    total = effort.steps * math.ceil(len(prompts) * effort.seeds / effort.batch)
    return scorer(prompts, Counted(context.run, total, what))
