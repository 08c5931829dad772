import numpy as np
import pytest
import torch
from diffusers.pipelines.stable_diffusion import StableDiffusionSafetyChecker
from transformers import CLIPConfig, CLIPImageProcessor

from explorer.diffusion.exhibit import exhibit
from tests.diffusion import tiny


@pytest.fixture
def model(tmp_path):
    model = tiny.model("sd1-kl", tmp_path)
    vision = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
              "image_size": 32, "patch_size": 16, "projection_dim": 768}
    checker = StableDiffusionSafetyChecker(CLIPConfig(vision_config=vision, projection_dim=768)).eval()
    model.pipe.register_modules(safety_checker=checker, feature_extractor=CLIPImageProcessor(
        size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}))
    return model


@pytest.mark.parametrize(("threshold", "flagged"), [(-2.0, True), (2.0, False)])
def test_a_flagged_image_keeps_its_pixels(model, models, threshold, flagged):
    checker = model.pipe.safety_checker
    for weights in (checker.concept_embeds_weights, checker.special_care_embeds_weights):
        torch.nn.init.constant_(weights, threshold)  # no cosine is below -2 or above 2
    shown = exhibit(model, tiny.recipe(model))
    assert shown.flagged is flagged
    unchecked = exhibit(models("sd1-kl"), tiny.recipe(models("sd1-kl")))
    assert np.array_equal(shown.rgb, unchecked.rgb) and not unchecked.flagged
