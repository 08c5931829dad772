"""Searching from the picture: words that make the model draw it, found by the model's own error on the picture.

Real words first, then an embedding fitted from them in a capped number of steps (DoRI, arXiv 2507.16880: what a
model remembers comes back after few, what it does not takes many), and the same seeds under both. The embedding
was shaped by the picture: it is part of the recipe as a code, and the code's length is charged.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import torch

from explorer.diffusion.denoising import denoising_errors, latents_of, words_for
from explorer.diffusion.fitted_words import code_name, coded, decoded
from explorer.diffusion.models import Model
from explorer.diffusion.word_fitting import FitPlan, fit_words
from explorer.records import Effort, Recipe, SearchSummary
from explorer.records.words_records import WordGain, WordsFound
from explorer.run import QUIET, Run
from explorer.search.one_search import Given, Search
from explorer.search.trigger_plan import PLAN, TriggerPlan
from explorer.search.words_search import WordSearch
from explorer.texts import say


def run_trigger(given: Given, recipes: Sequence[Recipe], *, prompts: Sequence[str], terms: Sequence[str],
                plan: TriggerPlan = PLAN, done: Collection[str] = frozenset()) -> SearchSummary:
    """As `run_search`: the recipes' seeds under the words found and under the embedding fitted from them.

    `recipes` differ in their seeds only; `prompts` and `terms` are where the walk over words begins. A WordsFound
    goes on record before the first replay. ExplorerError for a model whose network only its own pipeline runs.
    """
    codes: dict[str | None, bytes] = {}
    search = Search(replace(given, words_of=lambda recipe: codes.get(recipe.embedding_blob)), 2 * len(recipes))
    search.recall()

    def work() -> None:
        began, target = given.clock(), search.scorer.subject(recipes[0])
        search.report(say("progress.words"))
        latents = latents_of(given.model, [target])
        looked = WordSearch(given.model, latents, plan, given.run)
        found = looked.find(prompts, terms)
        code = fitted_code(given.model, latents, found.prompt, plan, run=given.run)
        codes[code_name(code)] = code
        task = given.task
        gains = tuple(WordGain(word, round(gain, 6)) for word, gain in looked.gains(found.prompt))
        record = WordsFound(
            task.search_id, task.subject_id, found.began, found.first_error, found.prompt, found.error,
            code_error(given.model, latents, found.prompt, code, plan), gains, plan.steps, code_name(code),
            8.0 * len(code), looked.spent + plan.fitting + len(plan.times))
        given.on_record(record)
        search.tally.spend(Effort(0, record.unet_evaluations, given.clock() - began))
        plain = [replace(r, prompt=found.prompt, dialect="plain", clip_skip=0) for r in recipes]
        search.replay([*(replace(r, embedding_blob=record.embedding_blob) for r in plain), *plain], done)

    return search.concluded(work)


def fitted_code(model: Model, latents: torch.Tensor, prompt: str, plan: TriggerPlan, *, run: Run = QUIET) -> bytes:
    """The code of the embedding fitted to a picture's latents (1, c, h, w) from a prompt."""
    fit = FitPlan(plan.steps, plan.draws, plan.rate, plan.times)
    text = fit_words(model, latents, [prompt], plan=fit, run=run).text
    own = words_for(model, [prompt], latents).text
    return coded(text[:, :own.shape[1]], own, step=plan.code_step)


def code_error(model: Model, latents: torch.Tensor, prompt: str, code: bytes, plan: TriggerPlan) -> float:
    """The model's error on the picture under a code's embedding, on the noises that prompts are compared on."""
    text = decoded(code, words_for(model, [prompt], latents).text)
    found = [denoising_errors(model, latents, [prompt], times=(time,), seeds=(number,), text=text)
             for number, time in enumerate(plan.times)]
    return float(sum(one[0, 0, 0] for one in found)) / len(plan.times)
