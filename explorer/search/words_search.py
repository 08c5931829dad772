"""Real words that make a model draw a picture, by the model's own error on it: CLIP's terms, then its own
vocabulary.

A walk over prompts (MemBench, arXiv 2407.17095): in each round a few changes of the best prompt are listed, words
from the gradient over the vocabulary and from term lists among them, and the one with the least error is taken.
Errors are compared on the same noises, so that a difference is the words'.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from explorer.clip.term_gains import parts_of, without_each
from explorer.diffusion.denoising import denoising_errors
from explorer.diffusion.models import Model
from explorer.diffusion.word_gradients import steep_words
from explorer.run import QUIET, Run
from explorer.search.trigger_plan import GRADIENT_COST, TriggerPlan

LONGEST = 10  # parts of a prompt


@dataclass(frozen=True)
class FoundWords:
    """The prompt with the least error, where the walk began, and the errors of both (mean squared, model's
    target)."""

    prompt: str
    error: float
    began: str
    first_error: float
    unet_evaluations: int


class WordSearch:
    """One picture's search; `latents` (1, c, h, w). `spent` counts network evaluations."""

    def __init__(self, model: Model, latents: torch.Tensor, plan: TriggerPlan, run: Run = QUIET) -> None:
        self.model, self.latents, self.plan, self.run, self.spent = model, latents, plan, run, 0
        self._known: dict[str, float] = {}

    def errors(self, prompts: Sequence[str]) -> list[float]:
        """The error of each prompt; those asked before cost nothing."""
        new = [p for p in dict.fromkeys(prompts) if p not in self._known]
        for time_number, time in enumerate(self.plan.times):
            if not new:
                break
            part = denoising_errors(self.model, self.latents.expand(len(new), -1, -1, -1), new, times=(time,),
                                    seeds=(time_number,), run=self.run)[:, 0, 0]
            for prompt, value in zip(new, part.tolist(), strict=True):
                self._known[prompt] = self._known.get(prompt, 0.0) + value / len(self.plan.times)
        self.spent += len(new) * len(self.plan.times)
        return [self._known[p] for p in prompts]

    def find(self, prompts: Sequence[str], terms: Sequence[str]) -> FoundWords:
        """The walk from the best of `prompts` ("" where there is none), over `terms` and the vocabulary."""
        starts = list(dict.fromkeys(prompts))[:self.plan.prompts] or [""]
        errors = self.errors(starts)
        best = began = starts[int(np.argmin(errors))]
        rng = np.random.default_rng(0)
        for _ in range(self.plan.rounds):
            options = self._options(best, terms, rng)
            found = self.errors(options)
            if options and min(found) < self._known[best]:
                best = options[int(np.argmin(found))]
        return FoundWords(best, self._known[best], began, self._known[began], self.spent)

    def gains(self, prompt: str) -> list[tuple[str, float]]:
        """Each part of a prompt with the share by which the error rises without it."""
        terms = without_each(prompt)
        whole, *without = self.errors([prompt, *(rest for _, rest in terms)])
        return [(term, error / whole - 1.0) for (term, _), error in zip(terms, without, strict=True)]

    def _options(self, prompt: str, terms: Sequence[str], rng: np.random.Generator) -> list[str]:
        """Changes of a prompt, all different: a word of the vocabulary or a term put in, a part dropped or
        exchanged."""
        steep = steep_words(self.model, self.latents, prompt, times=self.plan.times, count=self.plan.options)
        self.spent += GRADIENT_COST * len(self.plan.times)
        self.run.tick()
        parts = parts_of(prompt)
        fresh = [t for t in terms if t.casefold() not in {p.casefold() for p in parts}]
        found: dict[str, None] = {}
        for turn in range(4 * self.plan.options):
            words = (steep, fresh)[turn % 2]
            changed = list(parts)
            if turn % 4 == 3 and len(parts) > 1:
                changed.pop(int(rng.integers(len(parts))))
            elif words:
                word = words[min(len(words) - 1, int(rng.exponential(len(words) / 4)))]  # the first ones most often
                if (turn % 4 == 2 and parts) or len(parts) >= LONGEST:
                    changed[int(rng.integers(len(parts)))] = word
                else:
                    changed.insert(int(rng.integers(len(parts) + 1)), word)
            text = ", ".join(changed)
            if text not in self._known:
                found[text] = None
            if len(found) == self.plan.options:
                break
        return list(found)
