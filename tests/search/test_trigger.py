"""Words searched for from the picture: never worse than where the search began, counted, and coded."""

import numpy as np
import pytest

from explorer.closeness import latent_code
from explorer.diffusion.denoising import latents_of
from explorer.search.trigger import code_error, fitted_code
from explorer.search.trigger_plan import TriggerPlan
from explorer.search.words_search import WordSearch
from tests.diffusion import kinds_of_model, tiny

PLAN = TriggerPlan(times=(300, 700), prompts=2, rounds=2, options=3, steps=10, rate=0.3, code_step=0.25)


@pytest.fixture(scope="module", params=("sd1-kl", "sd3"))
def model(request, tmp_path_factory):
    return kinds_of_model.model(request.param, tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module")
def latents(model):
    side = max(tiny.SIZE_PX, model.family.size_steps[0] * 2)
    return latents_of(model, [np.random.default_rng(4).integers(0, 256, (side, side, 3), np.uint8)])


def test_the_walk_never_ends_worse_than_it_began_and_counts_what_it_took(model, latents):
    looked = WordSearch(model, latents, PLAN)
    found = looked.find(["a boat", "a red boat", "never asked"], ["the sea", "a sail"])
    assert found.began in ("a boat", "a red boat") and found.error <= found.first_error
    assert 2 * 2 < found.unet_evaluations <= PLAN.looking
    assert found == WordSearch(model, latents, PLAN).find(["a boat", "a red boat"], ["the sea", "a sail"])
    spent = looked.spent
    gains = looked.gains(found.prompt)
    assert [word for word, _ in gains] == [p for p in found.prompt.split(", ") if p]
    assert looked.spent <= spent + 2 * len(gains)


def test_without_a_prompt_it_begins_from_none(model, latents):
    found = WordSearch(model, latents, PLAN).find([], ["the sea", "a sail"])
    assert found.began == "" and found.error <= found.first_error


def test_a_fitted_code_lowers_the_error(model, latents):
    plain = WordSearch(model, latents, PLAN).errors(["a boat"])[0]
    code = fitted_code(model, latents, "a boat", PLAN)
    assert code_error(model, latents, "a boat", code, PLAN) < plain
    assert code == fitted_code(model, latents, "a boat", PLAN)
    assert latent_code.encode(latent_code.quantise(latent_code.decode(code), 0.25), 0.25) == code
