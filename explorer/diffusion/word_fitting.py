"""A prompt embedding fitted to pictures: the words, real or not, that lower a model's error on them the most.

By gradient on the model's own denoising loss, as textual inversion has it (Gal et al. 2023), but on the whole
embedding and a picture each, as MoFit (arXiv 2602.22689) and DoRI (arXiv 2507.16880) do. The number of steps is
fixed beforehand and the draws of noise come from the seed alone, so that a subject and every control get the same.

    fitted = fit_words(model, latents, ["a red boat", ""], plan=FitPlan(steps=30), seed=0)
    denoising_errors(model, latents, fitted.prompts, text=fitted.text, times=(450, 850))

`latents` are `denoising.latents_of(model, pictures)`; `fitted.words(model, latents)` is what a family's `predict`
takes beside them. An embedding was shaped by the picture: whoever replays from it has supplied it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from explorer.diffusion.denoising import NoiseLevels, noises, squared_errors, words_for
from explorer.diffusion.families.family import Words
from explorer.diffusion.models import Model
from explorer.records.fit_plan import FitPlan
from explorer.run import QUIET, Run

__all__ = ["FitPlan", "FittedText", "fit_words"]


@dataclass(frozen=True, eq=False)
class FittedText:
    """Embeddings `text` (n, t, d) float32 in place of the prompts' own, and how the loss went, (steps, n)."""

    prompts: tuple[str, ...]
    text: torch.Tensor
    losses: np.ndarray
    evaluations: int  # for each picture

    def words(self, model: Model, latents: torch.Tensor) -> Words:
        """What the network takes beside latents (n, c, h, w): a row a picture."""
        return words_for(model, self.prompts, latents, self.text)


def fit_words(model: Model, latents: torch.Tensor, prompts: Sequence[str], *, plan: FitPlan, seed: int = 0,
              batch: int = 0, run: Run = QUIET) -> FittedText:
    """Embeddings fitted to pictures' latents (n, c, h, w), each from its prompt ("" for none); `run` ticks a step.

    A picture's result does not depend on those beside it. `batch` rows go through the network together (0: a
    quarter of what fits without gradients). ExplorerError for a model that only its own pipeline runs.
    """
    size = max(1, (batch or max(1, model.policy.batch // 4)) // plan.draws)
    parts = [_fit(model, latents[at:at + size], prompts[at:at + size], plan, seed, run)
             for at in range(0, len(latents), size)]
    longest = max(text.shape[1] for text, _ in parts)  # a family may read short prompts as fewer tokens
    texts = torch.cat([F.pad(text, (0, 0, 0, longest - text.shape[1])) for text, _ in parts])
    return FittedText(tuple(prompts), texts, np.concatenate([losses for _, losses in parts], 1), plan.evaluations)


def _fit(model: Model, latents: torch.Tensor, prompts: Sequence[str], plan: FitPlan, seed: int,
         run: Run) -> tuple[torch.Tensor, np.ndarray]:
    """(n, t, d) text and (steps, n) losses of pictures that go together."""
    levels, count = NoiseLevels(model), len(latents)
    with torch.inference_mode(False), torch.enable_grad():
        latents = latents.clone()
        rows = [i for i in range(count) for _ in range(plan.draws)]
        words = words_for(model, [prompts[i] for i in rows], latents).each(torch.Tensor.clone)
        start = words.text[::plan.draws].detach().float().clone()
        spread = start.flatten(1).std(1).clamp_min(1e-6).view(-1, 1, 1)
        moved = torch.zeros_like(start).requires_grad_()  # in units of each embedding's spread
        adam = torch.optim.Adam([moved], lr=plan.rate)
        losses = np.empty((plan.steps, count), np.float32)
        for step in range(plan.steps):
            times, drawn = _drawn(model, latents, plan, seed, step)
            seen = levels.noised(latents[rows], drawn.repeat(count, 1, 1, 1), times * count)
            text = (start + spread * moved).repeat_interleave(plan.draws, 0)
            errors = squared_errors(model, seen, words.alone(text.to(model.family.dtype)))
            loss = errors.view(count, plan.draws).mean(1)
            losses[step] = loss.detach().cpu().numpy()
            adam.zero_grad()
            loss.sum().backward()
            adam.step()
            run.tick()
        return (start + spread * moved).detach(), losses


def _drawn(model: Model, latents: torch.Tensor, plan: FitPlan, seed: int,
           step: int) -> tuple[list[int], torch.Tensor]:
    """A step's times, and its noises (draws, c, h, w)."""
    numbers = [step * plan.draws + n for n in range(plan.draws)]
    times = [plan.times[n % len(plan.times)] for n in numbers]
    return times, noises(model, latents, [seed + (n % plan.noises if plan.noises else n) for n in numbers])
