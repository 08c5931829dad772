"""The bundled model through our loop and through the pipeline's own call."""

import io

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from explorer.cases.recipes_text import parameter_line
from explorer.diffusion.models import load_model
from explorer.images.imported import recipe_from
from explorer.images.metadata import read_metadata
from explorer.records import Variation
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


@pytest.mark.parametrize("changes", [
    {"scheduler": "euler"}, {"scheduler": "ddim", "eta": 0.5, "guidance": 2.0, "variation": Variation(7, 0.25)},
    {"scheduler": "k_dpmpp_2m", "noise_source": "cuda-philox", "dialect": "a1111", "prompt": "a (red:1.3) boat",
     "scheduler_config": {"program": "a1111", "schedule": "karras"}}])
def test_a_picture_whose_settings_line_is_read_again_comes_back_byte_for_byte(bundled, changes):
    """Made here, written as A1111's line without our own text, read from the file, made again."""
    wanted = recipe(bundled, negative_prompt="dull", seed=41, steps=3, **changes)
    first = run(bundled, [wanted])[0]
    info = PngImagePlugin.PngInfo()
    info.add_text("parameters", parameter_line(wanted))
    out = io.BytesIO()
    Image.fromarray(first.rgb).save(out, "PNG", pnginfo=info)
    claimed, = read_metadata(out.getvalue()).generation
    again = recipe_from(claimed, bundled.ref)
    assert again.not_replayable == ()
    assert run(bundled, [again])[0].png == first.png
