"""Flow models as folders: known for what they are, loaded, and replayed as the pipeline in memory."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from explorer.diffusion.describe import describe_model
from explorer.diffusion.exhibit import exhibit
from explorer.diffusion.models import load_model
from explorer.diffusion.own_call import own_call
from explorer.records import Recipe
from explorer.records.families import facts
from tests.diffusion.families import tiny_flows

SAVED = tuple(f for f in tiny_flows.FAMILIES if f != "flux2")  # a tiny one has no processor of pictures


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    made = {}

    def get(family):
        if family not in made:
            root = tmp_path_factory.mktemp(family)
            tiny_flows.pipeline(family, root / "parts").save_pretrained(root / "model")
            (root / "model" / "afterimage.json").write_text(json.dumps({"default_size_px": 32}))
            made[family] = root / "model"
        return made[family]
    return get


@pytest.mark.parametrize("family", SAVED)
def test_a_folder_is_of_its_family_and_replays(folders, flows, family):
    info = describe_model(str(folders(family)))
    usual = facts(family)
    assert (info.family, info.default_steps, info.default_guidance) == (family, usual.steps, usual.guidance)
    loaded = load_model(str(folders(family)), device="cpu")
    here = exhibit(loaded, tiny_flows.recipe(loaded))
    there = exhibit(flows(family), tiny_flows.recipe(flows(family)))
    assert np.abs(here.latents - there.latents).max() < 1e-5  # sums differ in the last place as memory lies
    aligned = load_model(str(folders(family)), device="cpu")
    for part in (p for p in aligned.pipe.components.values() if isinstance(p, torch.nn.Module)):
        for weight in part.parameters():
            weight.data = weight.data.clone()  # out of the mapped file, to where made weights begin
    assert exhibit(aligned, tiny_flows.recipe(aligned)).png == there.png
    again = load_model(str(folders(family)), device="cpu")
    assert exhibit(again, tiny_flows.recipe(again)).hashes == here.hashes


def test_what_was_made_by_the_pipelines_own_call_is_replayed_so(folders):
    """A recipe of a time when the family had no loop of its own."""
    loaded = load_model(str(folders("sd3")), device="cpu")
    old = Recipe(replace(loaded.ref, family="other"), "a red boat", 7, 4, 3.0, "own", 32, 32)
    made = exhibit(loaded, old)
    assert made.recipe.scheduler == "own" and made.hashes == own_call(loaded, made.recipe).hashes
    assert made.recipe.scheduler_config["shift"] == 3.0
