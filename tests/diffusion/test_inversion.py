import numpy as np
import pytest
import torch

from explorer.diffusion.autoencoder import Encoded, round_trip
from explorer.diffusion.exhibit import exhibit
from explorer.diffusion.inversion import fixed_point, invert
from explorer.diffusion.rendered import noise_blob
from explorer.errors import ExplorerError
from tests.diffusion import tiny
from tests.heard import Heard


@pytest.fixture(scope="module", params=tiny.VARIANTS)
def smooth(request, tmp_path_factory):
    """A network whose noise prediction changes gently with its input, as a trained one's does."""
    model = tiny.model(request.param, tmp_path_factory.mktemp("smooth"))
    model.pipe.unet.conv_out.weight *= 0.05
    return model


def picture():
    ramp = np.linspace(0, 255, tiny.SIZE_PX).astype(np.uint8)
    return np.stack([np.tile(ramp, (tiny.SIZE_PX, 1)), np.tile(ramp[:, None], (1, tiny.SIZE_PX)),
                     np.full((tiny.SIZE_PX,) * 2, 90, np.uint8)], -1)


def inverted(model, *, rounds, **changes):
    run = Heard()
    recipe = tiny.recipe(model, scheduler="ddim", steps=8, **changes)
    found = invert(model, recipe, picture(), rounds=rounds, run=run)
    assert run.ticks == 8
    return found


def miss(model, found):
    """How far the replay's latents end from the image's own."""
    replay = exhibit(model, found.recipe, noise=found.noise)
    clean = Encoded(model, picture()).draw(None)[0].numpy()
    return float(np.abs(replay.latents - clean).max())


def test_more_rounds_come_near_exact_and_plain_inversion_less_so(smooth):
    plain, fixed = inverted(smooth, rounds=0, guidance=1.0), inverted(smooth, rounds=12, guidance=1.0)
    assert miss(smooth, fixed) < miss(smooth, plain) / 10
    assert fixed.residual < 2e-3 and plain.residual is None


def test_inversion_under_guidance(smooth):
    assert miss(smooth, inverted(smooth, rounds=12, guidance=2.0)) < 0.05


def test_a_rough_network_is_inverted_worse_and_the_residual_says_so(models):
    found = inverted(models("sd1-kl"), rounds=12, guidance=1.0)
    assert found.residual > 1e-3 and miss(models("sd1-kl"), found) > 1e-3


def test_fixed_point_of_a_linear_map_is_found_and_stops_early():
    matrix = torch.tensor([[0.0, -2.0], [2.0, 0.0]])  # plain iteration would run away
    calls = []

    def turn(x):
        calls.append(1)
        return x @ matrix + 1
    found, off = fixed_point(turn, torch.zeros(1, 2), rounds=50)
    assert off < 1e-5 and len(calls) < 10
    assert torch.allclose(found, turn(found), atol=1e-5)


def test_noise_is_named_and_charged(models):
    found = inverted(models("sd1-kl"), rounds=2, guidance=1.0)
    assert found.recipe.noise_blob == noise_blob(found.noise)
    assert found.bits == 32 * 4 * 16 * 16
    assert found.unet_evaluations == 8 * 3  # a guess and two rounds at each step
    with pytest.raises(ExplorerError, match="stored noise"):
        exhibit(models("sd1-kl"), found.recipe)
    with pytest.raises(ExplorerError, match="stored noise"):
        exhibit(models("sd1-kl"), found.recipe, noise=found.noise + 1)


def test_only_ddim_walks_backwards(models):
    with pytest.raises(ExplorerError, match="scheduler ddim"):
        invert(models("sd1-kl"), tiny.recipe(models("sd1-kl"), scheduler="euler"), picture())


def test_round_trip_is_the_autoencoders_own(models):
    model = models("sd1-kl")
    pixels = torch.from_numpy(picture() / 127.5 - 1).float().permute(2, 0, 1)[None]
    with torch.inference_mode():
        theirs = model.pipe.vae(pixels, sample_posterior=False).sample[0]
    theirs = ((theirs / 2 + 0.5).clamp(0, 1) * 255).round().permute(1, 2, 0).numpy()
    assert np.abs(round_trip(model, picture()) - theirs).max() <= 1
