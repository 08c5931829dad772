"""The gradient on the starting noise brings the replay nearer, keeps the noise's length, and replays."""

import numpy as np
import pytest

from explorer.diffusion.exhibit import exhibit
from explorer.diffusion.noise import starting_noise
from explorer.diffusion.rendered import noise_blob
from explorer.errors import ExplorerError
from explorer.search.optimised import optimise
from tests.diffusion import tiny
from tests.heard import Heard


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny.model("sd1-kl", tmp_path_factory.mktemp("optimised"))


def test_it_comes_nearer_and_its_noise_replays(model):
    recipe = tiny.recipe(model, seed=3, steps=5)
    subject = exhibit(model, tiny.recipe(model, seed=8, steps=5)).rgb
    run = Heard()
    found = optimise(model, recipe, subject, rounds=12, steps=2, rate=0.1, run=run)
    assert found.unet_evaluations == 12 * 2 * 3 * 2
    assert run.ticks == 12 * 2 and [told.done for told in run.reports] == list(range(1, 13))
    assert min(found.distances[6:]) < 0.98 * found.distances[0]
    start = starting_noise(3, found.noise.shape).numpy()
    assert np.linalg.norm(found.noise) == pytest.approx(np.linalg.norm(start), rel=1e-4)
    assert found.recipe.noise_blob == noise_blob(found.noise) and found.recipe.steps == 2
    made = exhibit(model, found.recipe, noise=found.noise)
    assert made.hashes["noise"] != exhibit(model, recipe).hashes["noise"]


def test_a_replay_from_an_image_is_refused(model):
    subject = np.zeros((tiny.SIZE_PX, tiny.SIZE_PX, 3), np.uint8)
    with pytest.raises(ExplorerError, match="plain noise"):
        optimise(model, tiny.recipe(model, strength=0.5, start_sha256="a" * 64), subject, rounds=1)
