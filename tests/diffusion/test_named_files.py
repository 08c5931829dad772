"""What a picture's settings name, found among the files here by hash and name, or said to be missing."""

from __future__ import annotations

from dataclasses import replace

import torch
from safetensors.torch import save_file

from explorer.diffusion.named_files import look_for
from explorer.diffusion.other_hashes import hashes_of
from explorer.images.settings.read_settings import FileText, read_settings
from explorer.settings import Settings

LINE = ("a ball <lora:ink style:0.7> <lora:gone:1>\nSteps: 9, Sampler: Euler, CFG scale: 3, Seed: 4, "
        "Size: 64x64, Model hash: {}")


def test_model_and_adapters_are_compared_and_the_rest_is_missing(tmp_path):
    checkpoint, lora = tmp_path / "base.safetensors", tmp_path / "ink style.safetensors"
    save_file({"x": torch.ones(4)}, checkpoint)
    save_file({"down.lora_A.weight": torch.ones(2, 2)}, lora)
    settings = Settings(home=tmp_path, model_folders=(str(tmp_path),))
    claimed = read_settings([FileText("parameters", LINE.format(hashes_of(checkpoint).sha256[:10]))])[0]
    found = look_for(claimed, str(checkpoint), settings)
    assert (found.model, found.adapters, found.missing) == ("same", (("ink style", str(lora)),), ("gone",))
    assert look_for(claimed, f"{checkpoint} + {lora}*0.7", settings).adapters == ()
    assert look_for(replace(claimed, model_hash="0" * 10), str(checkpoint), settings).model == "other"
    assert look_for(replace(claimed, model_hash="0" * 8), str(checkpoint), settings).model == "unknown"
