"""BLIP from a folder, here with random weights and a vocabulary of a few words; nothing without weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from transformers import (
    BertTokenizerFast,
    BlipConfig,
    BlipForConditionalGeneration,
    BlipImageProcessor,
    BlipProcessor,
)

from explorer.clip.caption_model import find_captioner, load_captioner
from explorer.errors import ExplorerError

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "red", "house", "boat", "on", "the", "hill"]


@pytest.fixture(scope="module")
def blip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("blip")
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    small = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    config = BlipConfig(
        text_config={**small, "vocab_size": len(WORDS), "encoder_hidden_size": 16, "bos_token_id": 2,
                     "eos_token_id": 3, "sep_token_id": 3, "pad_token_id": 0, "max_position_embeddings": 40},
        vision_config={**small, "image_size": 16, "patch_size": 8}, projection_dim=16)
    BlipForConditionalGeneration(config).save_pretrained(folder)
    processor = BlipImageProcessor(size={"height": 16, "width": 16})
    BlipProcessor(processor, BertTokenizerFast(vocab_file=str(folder / "vocab.txt"))).save_pretrained(folder)
    return folder


def test_a_folder_with_weights_makes_words(blip_folder: Path, image: np.ndarray) -> None:
    captioner = find_captioner(("not/here", str(blip_folder)))
    said = captioner.caption(image)
    assert captioner.name == str(blip_folder) and said == captioner.caption(image)
    assert set(said.split()) <= set(WORDS)


def test_without_weights_there_is_no_caption_model() -> None:
    assert find_captioner(offline=True) is None


def test_clear_errors(blip_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ExplorerError, match="offline"):
        load_captioner("Salesforce/blip-image-captioning-base", offline=True)
    with pytest.raises(ExplorerError, match="no caption model"):
        load_captioner(str(tmp_path / "nowhere"))
    with pytest.raises(ExplorerError, match=r"config\.json cannot be read"):
        load_captioner(str(tmp_path))
