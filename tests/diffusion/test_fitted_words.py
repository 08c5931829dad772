"""Fitted words travel as a code: on every family replays are made from what it decodes to, and nothing else."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from explorer.diffusion.denoising import latents_of, words_for
from explorer.diffusion.exhibit import exhibit
from explorer.diffusion.fitted_words import code_name, coded, decoded, spread
from explorer.diffusion.models import Model
from explorer.diffusion.sampling import batch_key, sample
from explorer.diffusion.word_gradients import steep_words
from explorer.errors import ExplorerError
from explorer.records import Recipe
from tests.diffusion import kinds_of_model, tiny


@pytest.fixture(scope="module", params=kinds_of_model.KINDS)
def model(request, tmp_path_factory):
    return kinds_of_model.model(request.param, tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module")
def latents(model):
    side = max(tiny.SIZE_PX, model.family.size_steps[0] * 2)
    return latents_of(model, [np.random.default_rng(3).integers(0, 256, (side, side, 3), np.uint8)])


def plain_recipe(model: Model, latents: torch.Tensor) -> Recipe:
    height, width = (side * model.family.latent_shape[1] for side in latents.shape[2:])
    return Recipe(model.ref, "a red boat", 1, 2, model.info.default_guidance, model.family.facts.walks_back, width,
                  height, precision=model.precision)


def moved(model: Model, latents: torch.Tensor, *, far: float = 2.0) -> tuple[bytes, torch.Tensor]:
    """A code of an embedding some way from the prompt's own, and that embedding."""
    own = words_for(model, ["a red boat"], latents).text
    drawn = torch.randn(own.shape, generator=torch.Generator().manual_seed(0)).to(own.device)
    text = own.float() + far * spread(own) * drawn
    return coded(text, own, step=0.5), text


def test_a_code_says_the_embedding_to_half_a_step(model, latents):
    code, text = moved(model, latents)
    own = words_for(model, ["a red boat"], latents).text
    back = decoded(code, own)
    assert back.shape == own.shape
    assert float((back - text).abs().max() / spread(own)) <= 0.2501
    assert len(code) < 4 * own.numel() / 4  # well below float32


def test_replays_are_made_from_the_code(model, latents):
    recipe, (code, _) = plain_recipe(model, latents), moved(model, latents)
    fitted = replace(recipe, embedding_blob=code_name(code))
    assert batch_key(model, fitted) != batch_key(model, recipe)
    one = exhibit(model, fitted, words=code)
    assert one.hashes["latents"] != exhibit(model, recipe).hashes["latents"]
    assert one.hashes == exhibit(model, fitted, words=code).hashes
    two = sample(model, [replace(fitted, seed=seed) for seed in (1, 2)], words=code)
    assert np.abs(two[0].latents - one.latents).max() < 1e-3 < np.abs(two[1].latents - one.latents).max()


def test_an_unmoved_embedding_is_the_prompts_own(model, latents):
    own = words_for(model, ["a red boat"], latents).text
    code = coded(own, own, step=0.5)
    recipe = plain_recipe(model, latents)
    given = exhibit(model, replace(recipe, embedding_blob=code_name(code)), words=code)
    assert np.abs(given.latents - exhibit(model, recipe).latents).max() < 1e-4


def test_other_words_than_the_recipes_are_refused(model, latents):
    code, _ = moved(model, latents)
    recipe = plain_recipe(model, latents)
    for given, words in ((recipe, code), (replace(recipe, embedding_blob=code_name(code)), None),
                         (replace(recipe, embedding_blob="a" * 64), code)):
        with pytest.raises(ExplorerError, match="fitted words"):
            sample(model, [given], words=words)
    short = words_for(model, ["a red boat"], latents).text[:, :1]
    bad = coded(short, short, step=0.5)
    with pytest.raises(ExplorerError, match="shape"):
        sample(model, [replace(recipe, embedding_blob=code_name(bad))], words=bad)


def test_words_down_the_slope_are_whole_words_of_the_vocabulary(model, latents):
    found = steep_words(model, latents, "a red boat", times=(450, 850), count=4)
    assert len(found) == len(set(found)) <= 4
    assert all(word.isalpha() and word == word.casefold() and word not in ("red", "boat") for word in found)
    assert found == steep_words(model, latents, "a red boat", times=(450, 850), count=4)
