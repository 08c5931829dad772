"""Prompts judged by short replays, on a pipeline with random weights."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from explorer.clip.rerank_prompts import rerank
from explorer.diffusion.sampling import Batch
from explorer.errors import ExplorerError
from explorer.records import PromptCandidate, ReplaySettings
from explorer.search.expand import expand
from explorer.search.short_replays import LatentScorer, ShortReplays
from tests.diffusion import tiny
from tests.heard import Heard

EFFORT = ShortReplays(seeds=2, steps=3, guidance=4.0)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny.model("sd1-tiny", tmp_path_factory.mktemp("short"))


def alone(model, scorer, prompt):
    """The score from batches of one, recomputed from the recipes."""
    settings = ReplaySettings(prompt, seeds=2, steps=(3,), guidances=(4.0,), schedulers=("euler",))
    best = -np.inf
    for recipe in expand(settings, model=model.ref, info=model.info):
        batch = Batch(model, [recipe])
        while not batch.done:
            batch.step()
        best = max(best, -float((batch.latents - scorer.target).square().mean().sqrt()))
    return best


def test_scores_are_those_of_the_nearest_replay_whatever_the_batch(model):
    rgb = np.random.default_rng(0).integers(0, 255, (40, 30, 3), np.uint8)
    prompts = ["a boat", "red", ""]
    scorer = LatentScorer(model, rgb, EFFORT)
    made = scorer(prompts)
    assert made == pytest.approx([alone(model, scorer, p) for p in prompts], abs=1e-4)
    assert scorer.unet_evaluations == 3 * 2 * 3 * 2
    small = LatentScorer(model, rgb, dataclasses.replace(EFFORT, batch=2))
    run = Heard()
    assert small(prompts, run) == pytest.approx(made, abs=1e-4) and run.ticks == 3 * 3 and scorer([]) == []


def test_a_subject_that_a_prompt_makes_puts_that_prompt_first(model):
    settings = ReplaySettings("hill", seeds=1, steps=(3,), guidances=(4.0,), schedulers=("euler",))
    batch = Batch(model, expand(settings, model=model.ref, info=model.info))
    while not batch.done:
        batch.step()
    scorer = LatentScorer(model, batch.finish()[0].rgb, dataclasses.replace(EFFORT, seeds=1))
    scorer.target = batch.latents  # the autoencoder of a random pipeline does not find its way back
    given = [PromptCandidate("s", i, t, "interrogation", "best", 0.5, 1, 9.0)
             for i, t in enumerate(("boat", "hill", "tree"), start=1)]
    made = rerank(given, scorer)
    assert made[0].text == "hill" and made[0].replay_score == pytest.approx(0, abs=1e-4)


def test_a_family_without_our_loop_is_refused(model):
    class Other:
        own_loop, info = False, model.info
    with pytest.raises(ExplorerError, match="Rank the prompts by CLIP"):
        LatentScorer(Other(), np.zeros((8, 8, 3), np.uint8))
