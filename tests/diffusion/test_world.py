"""The bundled model through our loop and through the pipeline's own call."""

import numpy as np
import pytest

from explorer.diffusion.models import load_model
from explorer.records.samplers import SAMPLERS
from tests.diffusion import tiny
from tests.diffusion.test_sampling import TOLERANCE, own_call, run


@pytest.fixture(scope="module")
def bundled(world):
    return load_model("world", device="cpu")


def recipe(model, **changes):
    size = model.info.default_size_px
    return tiny.recipe(model, **({"width_px": size, "height_px": size, "steps": 4} | changes))


@pytest.mark.parametrize("scheduler", SAMPLERS)
def test_txt2img_equals_the_pipelines_own_call(bundled, scheduler):
    wanted = recipe(bundled, scheduler=scheduler)
    assert np.abs(run(bundled, [wanted])[0].latents - own_call(bundled, wanted)[0].numpy()).max() < TOLERANCE


def test_img2img_equals_the_pipelines_own_call(bundled):
    start = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    wanted = recipe(bundled, scheduler="euler", strength=0.75, start_sha256="0" * 64)
    ours = run(bundled, [wanted], start_rgb=start)[0].latents
    assert np.abs(ours - own_call(bundled, wanted, start=start)[0].numpy()).max() < TOLERANCE
