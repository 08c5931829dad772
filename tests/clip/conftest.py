"""A CLIP of a few layers with random weights, saved as open_clip saves one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from safetensors.torch import save_file

from explorer.clip.encoder import Encoder, load_encoder
from explorer.clip.terms import TermList, term_list

MODEL_CFG = {
    "embed_dim": 24,
    "vision_cfg": {"image_size": 32, "layers": 2, "width": 32, "head_width": 16, "patch_size": 8},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 3},
}
PREPROCESS_CFG = {"mean": [0.5, 0.4, 0.3], "std": [0.3, 0.2, 0.25], "interpolation": "bicubic",
                  "resize_mode": "shortest"}


def write_clip(folder: Path, *, custom: bool = False, seed: int = 0, **text_cfg: object) -> Path:
    """An open_clip folder with random weights; wide enough initial values that texts differ."""
    folder.mkdir(parents=True, exist_ok=True)
    config = json.loads(json.dumps(MODEL_CFG))
    config["text_cfg"].update(text_cfg)
    kind = open_clip.CustomTextCLIP if custom else open_clip.CLIP
    torch.manual_seed(seed)
    model = kind(**config)
    for name, weight in model.named_parameters():
        if "embedding" in name or "attn" in name or "mlp" in name:
            torch.nn.init.normal_(weight, std=0.3)
    if custom:
        config["custom_text"] = True
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": config,
                                                              "preprocess_cfg": PREPROCESS_CFG}))
    save_file({k: v.contiguous() for k, v in model.state_dict().items()},
              str(folder / "open_clip_model.safetensors"))
    return folder


@pytest.fixture(scope="session")
def clip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clip"))


@pytest.fixture(scope="session")
def encoder(clip_folder: Path) -> Encoder:
    return load_encoder(str(clip_folder))


@pytest.fixture(scope="session")
def plain_encoder(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    """A CLIP whose text tower is not causal."""
    return load_encoder(str(write_clip(tmp_path_factory.mktemp("plain"), custom=True, no_causal_mask=True)))


@pytest.fixture(scope="session")
def image() -> np.ndarray:
    """(40, 56, 3) uint8: a red disc on grey, with a little noise."""
    rng = np.random.default_rng(3)
    rgb = rng.integers(100, 140, (40, 56, 3), dtype=np.uint8)
    y, x = np.mgrid[:40, :56]
    rgb[(y - 20) ** 2 + (x - 28) ** 2 < 150] = (220, 30, 20)
    return rgb


@pytest.fixture(scope="session")
def lists() -> tuple[TermList, ...]:
    """A few lists of every role; some terms end in punctuation, some repeat words of others."""
    nouns = ("disc", "house", "bird (small)", "tree!", "moon", "river", "café", "猫", "flag", "boat")
    things = [f"{colour} {noun}" for colour in ("red", "blue", "green", "pale", "golden") for noun in nouns]
    return (term_list("flavors", "flavor", things), term_list("mediums", "medium", ["a drawing", "an icon"]),
            term_list("artists", "artist", ["by Ada Lee", "by Bo Kim", "inspired by Ada Lee"]),
            term_list("movements", "movement", ["cubism", "flat art"]),
            term_list("trending", "trending", ["featured on pixabay"]),
            term_list("negative", "negative", ["blurry", "low quality"]))
