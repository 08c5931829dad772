"""Optional scores appear only where weights lie on disk; here tiny ones with random weights, no network."""

import numpy as np
import pytest
import torch

from explorer.closeness.catalogue import SCORES
from explorer.closeness.optional import OptionalScores
from explorer.errors import ExplorerError


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    from torchvision.models import squeezenet1_1
    from transformers import Dinov2Config, Dinov2Model
    torch.manual_seed(0)
    root = tmp_path_factory.mktemp("weights")
    (root / "checkpoints").mkdir()
    torch.save(squeezenet1_1(weights=None).state_dict(), root / "checkpoints" / "squeezenet1_1-b8a52dc0.pth")
    config = Dinov2Config(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, image_size=224, patch_size=56)
    Dinov2Model(config).save_pretrained(root / "dino")
    return root


def test_nothing_at_hand_means_no_scores(tmp_path):
    empty = OptionalScores(hub=tmp_path, dinov2=tmp_path)
    picture = np.zeros((64, 64, 3), np.uint8)
    assert empty.names == () and empty.compare(picture, [picture]) == [{}]


def test_scores_of_what_is_at_hand(folder):
    scores = OptionalScores(hub=folder, dinov2=folder / "dino")
    assert scores.names == ("lpips", "dinov2")
    a, b = np.random.default_rng(0).integers(0, 255, (2, 64, 64, 3)).astype(np.uint8)
    before = torch.hub.get_dir()
    same, other = scores.compare(a, [a, b])
    assert torch.hub.get_dir() == before
    assert same["lpips"] == pytest.approx(0, abs=1e-6) and same["dinov2"] == pytest.approx(1, abs=1e-5)
    assert other["lpips"] > 0.001 and other["dinov2"] < same["dinov2"]
    assert set(same) <= set(SCORES)


def test_a_damaged_folder_is_refused(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "dinov2"}')
    (tmp_path / "model.safetensors").write_bytes(b"x" * 20)
    picture = np.zeros((64, 64, 3), np.uint8)
    with pytest.raises(ExplorerError, match="cannot be read as a safetensors file"):
        OptionalScores(hub=tmp_path, dinov2=tmp_path).compare(picture, [picture])
