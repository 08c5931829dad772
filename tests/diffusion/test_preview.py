import numpy as np
import pytest
import torch

from explorer.diffusion.autoencoder import decode
from explorer.diffusion.preview import LatentPreview


def images(model, count, seed=0):
    latents = torch.randn((count, 4, 16, 16), generator=torch.Generator().manual_seed(seed))
    return latents, decode(model, latents)


def means(rgb):
    return rgb.reshape(len(rgb), 16, 2, 16, 2, 3).mean((2, 4))


def test_the_fitted_preview_beats_the_mean_colour_on_new_latents(models):
    model, preview = models("sd1-kl"), LatentPreview(models("sd1-kl"))
    latents, rgb = images(model, 6)
    assert not preview.ready
    for one, pixels in zip(latents.numpy(), rgb, strict=True):
        preview.learn(one, pixels)
    assert preview.ready
    fresh, truth = images(model, 2, seed=1)
    seen = preview.look(fresh).astype(float)
    assert seen.shape == (2, 16, 16, 3)
    flat = means(rgb).mean((0, 1, 2))
    # An untrained decoder is far from linear: the gain is small here, and exact in the next test.
    assert np.square(seen - means(truth)).mean() < 0.97 * np.square(flat - means(truth)).mean()


def test_an_exactly_linear_decoder_is_learned_exactly(models):
    preview = LatentPreview(models("sd1-kl"))
    rng = np.random.default_rng(0)
    matrix = rng.uniform(-20, 20, (4, 3))
    for _ in range(3):
        latents = rng.standard_normal((4, 16, 16)).astype(np.float32)
        colours = np.einsum("chw,cd->hwd", latents, matrix) + 128
        preview.learn(latents, colours.clip(0, 255).round().astype(np.uint8).repeat(2, 0).repeat(2, 1))
    fresh = rng.standard_normal((1, 4, 16, 16)).astype(np.float32) / 2
    expected = np.einsum("nchw,cd->nhwd", fresh, matrix) + 128
    assert np.abs(preview.look(torch.from_numpy(fresh)) - expected).max() < 8


def test_a_tiny_decoder_is_used_where_the_model_has_one(models):
    model = models("sd1-tiny")
    latents, rgb = images(model, 1)
    assert np.array_equal(LatentPreview(model).look(latents), rgb)


@pytest.mark.parametrize("latents", [(4, 16, 20), (4, 40, 40), (4, 16), (0,)])
def test_nothing_is_learned_of_latents_that_are_not_the_pictures(models, latents):
    preview = LatentPreview(models("sd1-kl"))
    preview.learn(np.zeros(latents, np.float32), np.zeros((32, 32, 3), np.uint8))
    assert preview.cells == 0
