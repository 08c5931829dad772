"""`replay` on other programs' pictures: their settings as a recipe, with what they leave open."""

from __future__ import annotations

import argparse
import io

import pytest
from PIL import Image, PngImagePlugin

from explorer.commands.replay_command import _foreign
from explorer.errors import ExplorerError

WORDS = "a (red:1.3) fox\nNegative prompt: [blurry]\nSteps: 12, Sampler: Euler, CFG scale: 3, Seed: 5, Size: 64x64"


def picture(text: str = "") -> bytes:
    out, notes = io.BytesIO(), PngImagePlugin.PngInfo()
    if text:
        notes.add_text("parameters", text)
    Image.new("RGB", (64, 64), "white").save(out, "PNG", pnginfo=notes)
    return out.getvalue()


def arguments(**given) -> argparse.Namespace:
    return argparse.Namespace(**({"recipe": "fox.png", "start": None, "program": ""} | given))


def test_an_a1111_picture_becomes_a_recipe_in_its_dialect(settings):
    recipe, claimed = _foreign(picture(WORDS), "world", arguments(), settings)
    assert claimed.tool == "AUTOMATIC1111"
    assert (recipe.prompt, recipe.negative_prompt, recipe.dialect) == ("a (red:1.3) fox", "[blurry]", "a1111")
    assert (recipe.seed, recipe.steps, recipe.guidance, recipe.width_px) == (5, 12, 3.0, 64)
    assert (recipe.scheduler, recipe.noise_source) == ("k_euler", "cuda-philox")
    assert recipe.not_replayable == ()


def test_img2img_needs_its_start(settings, tmp_path):
    words = WORDS + ", Denoising strength: 0.4, Mask blur: 4"
    with pytest.raises(ExplorerError, match="--start"):
        _foreign(picture(words), "world", arguments(), settings)
    start = tmp_path / "start.png"
    start.write_bytes(picture())
    recipe, _ = _foreign(picture(words), "world", arguments(start=start), settings)
    assert recipe.strength == 0.4 and len(recipe.start_sha256) == 64
    assert not any("starting image" in part for part in recipe.not_replayable)


def test_a_denoising_strength_alone_is_no_img2img(settings):
    """A second pass has one too, and the API writes one always: the first pass is replayed, and that is said."""
    for more in (
        ", Denoising strength: 0.4, Hires upscale: 2",
        ", Denoising strength: 0.7",
        ", Denoising strength: 0",
    ):
        recipe, _ = _foreign(picture(WORDS + more), "world", arguments(), settings)
        assert recipe.strength is None and recipe.start_sha256 is None
        assert any("enoising strength" in part for part in recipe.not_replayable) == (not more.endswith(": 0"))


def test_a_picture_without_settings_is_refused(settings):
    with pytest.raises(ExplorerError, match="no generation settings"):
        _foreign(picture(), "world", arguments(), settings)
