"""Whether words that go with a picture lower a model's error on that very picture: the statistic of familiarity.

The fall of the denoising error when a caption is given is CLiD's idea (Zhai et al. 2024, arXiv 2405.20771); where
there is no caption, MoFit's (arXiv 2602.22689) is to fit one. Log errors are compared at several times under the
same noise for every picture, so that what makes a picture easy for any model cancels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from explorer.diffusion.denoising import denoising_errors
from explorer.diffusion.models import Model
from explorer.diffusion.word_fitting import fit_words
from explorer.familiarity.familiarity_plan import Plan, combined
from explorer.run import QUIET, Run

LEAST = 1e-12  # of an error, before its logarithm is taken


@dataclass(frozen=True, eq=False)
class Gaps:
    """What a plan found for n pictures: log error without words less that with each prompt's, at every time."""

    values: np.ndarray  # (n,) the statistic; higher is more familiar
    by_prompt: tuple[np.ndarray, ...]  # (prompts, times) for each picture
    plain: np.ndarray  # (n, times) log error without words
    evaluations: np.ndarray  # (n,) of the network, a gradient step counted three times

    @property
    def best(self) -> tuple[int, ...]:
        """For each picture the prompt with the largest gap."""
        return tuple(int(gap.mean(1).argmax()) for gap in self.by_prompt)


def familiarity(model: Model, latents: torch.Tensor, words: Sequence[Sequence[str]], plan: Plan, *, batch: int = 0,
                run: Run = QUIET) -> Gaps:
    """The statistic of n pictures' latents (n, c, h, w), each with its prompts, at most as many as the plan takes.

    For fitted words the first prompt is where the fit starts. The result for a picture does not depend on those
    beside it. ExplorerError for a model that only its own pipeline runs; ValueError for a picture without words.
    """
    if any(not own for own in words):
        raise ValueError("every picture needs words, be they empty ones to fit from")
    used = [tuple(own)[:plan.prompts] for own in words]
    owners = [i for i, own in enumerate(used) for _ in own]
    said = [one for own in used for one in own]
    text = None
    if plan.fit is not None:
        text = fit_words(model, latents[owners], said, plan=plan.fit, batch=batch // 2, run=run).text
    asked = {"times": plan.times, "seeds": range(plan.noises), "batch": batch, "run": run}
    plain = np.log(np.maximum(denoising_errors(model, latents, [""] * len(latents), **asked), LEAST))  # (n, t, s)
    told = np.log(np.maximum(denoising_errors(model, latents[owners], said, text=text, **asked), LEAST))
    gaps = (plain[owners] - told).mean(2)  # (r, t)
    rows = np.asarray(owners)
    by_prompt = tuple(gaps[rows == i] for i in range(len(latents)))
    return Gaps(np.array([combined(gap) for gap in by_prompt]), by_prompt, plain.mean(2),
                np.array([plan.evaluations(len(own)) for own in used]))
