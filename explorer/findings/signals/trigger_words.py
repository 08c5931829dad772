"""Which words trigger a memory: Wen's signal by token. Wen et al. 2024 (ICLR), section 4.

A token's influence is the norm of the gradient of ‖ε(x, prompt) − ε(x, none)‖₂ in that token's embedding,
averaged over the steps of a run and over seeds. Changing an influential word is what loosens the memory.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from explorer.diffusion.families.family import Words
from explorer.diffusion.models import Model
from explorer.diffusion.sampling import Batch, StepView
from explorer.diffusion.schedulers import FLOW, pulled
from explorer.errors import ExplorerError
from explorer.findings.signals.observers import prompt_recipes, seen_both_ways
from explorer.records import TermGain
from explorer.run import QUIET, Run

EVALUATIONS = 2 + 1 + 2  # a guided step, one more with the prompt, and its backward pass


def word_influence(model: Model, prompt: str, *, seeds: Sequence[int], steps: int = 0, guidance: float = 0.0,
                   batch: int = 0, run: Run = QUIET) -> tuple[TermGain, ...]:
    """A TermGain a word, in the prompt's order; `run` ticks between steps.

    Its `gain` is the influence of the word's strongest token, in [0, ∞): higher, the more it triggers.
    Words past the prompt's last token are left out; none is given where the tokenizer does not say which letters a
    token stands for. ExplorerError where there is no prediction without the prompt.
    """
    recipes = prompt_recipes(model, [prompt], seeds=seeds, steps=steps, guidance=guidance)
    size = batch or max(1, model.policy.batch // 4)
    norms: list[torch.Tensor] = []  # (t,) each
    for at in range(0, len(recipes), size):
        group = seen_both_ways(model, recipes[at:at + size])
        if not (group.guided or group.paired):
            raise ExplorerError("findings.trigger_words_influence_compares_model")
        words = model.family.encode(group.recipes, paired=True).alone().each(torch.Tensor.clone)
        while not group.done:
            timestep = group.timesteps[group.index]
            norms += list(_token_norms(group, group.step(), timestep, words).cpu())
            run.tick()
    return _words(model, prompt, torch.stack(norms).mean(0).numpy())


def _token_norms(run: Batch, view: StepView, timestep: torch.Tensor, words: Words) -> torch.Tensor:
    """(n, t) float32 gradient norms of one step."""
    alpha, sigma = view.levels
    deviation = 1.0 if view.kind == FLOW else (alpha ** 2 + sigma ** 2) ** 0.5  # of unit variance otherwise
    with torch.inference_mode(False), torch.enable_grad():
        text = words.text.clone().requires_grad_()  # (n, t, d)
        sample, without = view.sample.clone(), view.unconditional.clone()
        out, _ = run.model.family.predict(sample / deviation, timestep.clone(), words.alone(text))
        pull = pulled(out, without, view.levels, view.kind).square().sum(dim=(1, 2, 3)).sqrt().sum()
        gradient, = torch.autograd.grad(pull, text)
    return gradient.float().norm(dim=-1)


def _words(model: Model, prompt: str, norms: np.ndarray) -> tuple[TermGain, ...]:
    """Each word with the influence of its strongest token."""
    words: list[TermGain] = []
    for word, places in model.family.word_places(prompt):
        words.append(TermGain(_named(word, words), float(norms[list(places)].max()), len(places)))
    return tuple(words)


def _named(word: str, before: list[TermGain]) -> str:
    """The word, numbered where it stood earlier in the prompt too."""
    again = sum(term.term.partition(" (")[0] == word for term in before)
    return f"{word} ({again + 1})" if again else word
