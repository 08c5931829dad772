"""The model by several hands that ships: it loads, draws as its pipeline does, and its figures are its own."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline
from safetensors.torch import load_file

from explorer.cli import main
from explorer.diffusion.describe import describe_model
from explorer.diffusion.models import load_model
from explorer.diffusion.sampling import sample
from explorer.records import Recipe
from explorer.settings import BUNDLED, HANDS, WORLD
from explorer.world.files import open_world, sha256_file
from explorer.world.manifest import read_manifest
from explorer.world_build.hands import train_unet
from explorer.world_build.hands.dose_check import WEIGHTS

KEYS = {"works", "near_copies", "low", "high"}


@pytest.fixture(scope="module")
def found():
    return json.loads((HANDS / "families.json").read_text("utf-8"))


def test_it_is_known_by_its_name():
    info = describe_model("hands")
    assert (info.source, info.family, info.default_size_px) == ("hands", "sd1", 64)
    assert info.name == "Afterimage world by several hands (unfinished)" and "CC-BY-SA-4.0" in info.licence
    assert info.fingerprint != describe_model("world").fingerprint and set(BUNDLED) == {"world", "hands"}


def test_it_draws_what_its_pipeline_draws():
    model, caption = load_model("hands", device="cpu"), "red heart, by Noto Emoji, smileys emotion, love"
    recipe = Recipe(model.ref, caption, 3, 4, 3.0, model.family.facts.walks_back, 64, 64)
    ours = sample(model, [recipe])[0].rgb.astype(int)
    pipe = StableDiffusionPipeline.from_pretrained(HANDS / "diffusion", torch_dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    theirs = pipe(caption, generator=torch.Generator().manual_seed(3), num_inference_steps=4, guidance_scale=3.0,
                  output_type="np").images[0]
    assert np.abs(ours - 255 * theirs).max() <= 1 and ours.std() > 10


def test_training_goes_on_from_its_weights():
    shipped = load_file(HANDS / WEIGHTS["unet"])
    begun, fresh = (train_unet.architecture(start).unet.state_dict() for start in (HANDS / "diffusion", None))
    assert all(torch.equal(begun[name], value.float()) for name, value in shipped.items())
    assert any(not torch.equal(fresh[name], value) for name, value in begun.items())


def test_what_was_measured_is_of_these_weights_and_works(found):
    assert found["weights"]["unet"] == sha256_file(HANDS / WEIGHTS["unet"])
    assert found["manifest"] == sha256_file(HANDS / "manifest.parquet")
    doses = found["families"]["unet"]["dose_response"]
    assert set(doses) == {"0", "1", "4", "16", "64", "256"}
    for share in (*doses.values(), *found["groups"].values()):
        assert share.keys() >= KEYS and share["low"] <= share["share"] <= share["high"]


def test_every_work_has_its_creator_licence_and_source():
    rows = read_manifest(open_world(HANDS))
    assert len(rows) > 12_000
    assert all(r["creator"] and r["licence"] and r["source"] and r["attribution"] for r in rows)


def test_the_stored_card_holds_both_worlds(capsys, found):
    assert main(["world", "check", "--stored"]) == 0
    card = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert card["families"] == found["families"] and card["groups"] == found["groups"]
    own = json.loads((WORLD / "card.json").read_text("utf-8"))
    assert {name: card[name] for name in own} == own  # nothing of the first world's is written over
    assert card["hands"]["effort"] == found["effort"] != own["effort"]
    assert {"real", "generated", "shuffled"} <= card["recognised"].keys() and card["draws"] >= 1


def test_the_readme_shows_the_figures(found):
    readme = (HANDS / "README.md").read_text("utf-8")
    for copies, share in found["families"]["unet"]["dose_response"].items():
        assert f"| {copies} | {share['works']} | {100 * share['share']:.1f}% |" in readme, copies
    assert Path(HANDS / "ATTRIBUTION.md").exists()
