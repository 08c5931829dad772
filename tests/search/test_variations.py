import numpy as np
import pytest

from explorer.diffusion.exhibit import exhibit
from explorer.errors import ExplorerError
from explorer.search.floor import autoencoder_floor
from explorer.search.seed_recovery import scan, subject_latents
from explorer.search.variations import variations
from tests.diffusion import tiny


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny.model("sd1-kl", tmp_path_factory.mktemp("variations"))


def test_variations_go_from_the_seed_to_the_subseed(model):
    start = tiny.recipe(model, seed=1, steps=3)
    found = variations(start, subseeds=(2,), strengths=(0.05, 0.5, 1.0))
    assert [r.variation.strength for r in found] == [0.05, 0.5, 1.0]
    ends = [exhibit(model, tiny.recipe(model, seed=s, steps=3)).latents for s in (1, 2)]
    between = [exhibit(model, r).latents for r in found]
    assert np.allclose(between[2], ends[1], atol=1e-3)
    away = [np.abs(b - ends[0]).mean() for b in between]
    assert 0 < away[0] < away[1] < away[2]


def test_a_strength_out_of_range(model):
    with pytest.raises(ExplorerError, match="outside"):
        variations(tiny.recipe(model), subseeds=(1,), strengths=(0.0,))


def test_the_floor_is_the_round_trips_closeness(model):
    subject = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    floor = autoencoder_floor(model, subject, height_px=32, width_px=32)
    assert 0 < floor["tiled_l2"] < 1 and floor["psnr"] < 100


def test_latents_of_a_subject_can_be_scanned(model):
    rgb = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    latents = subject_latents(model, {"plain": rgb, "shifted": np.roll(rgb, 2, 1)})
    *_, last = scan(latents, first=0, stop=50)
    assert last.tried == 100 and last.claims() == ()
