"""A CLIP with a tokenizer of its own: slower, but right."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from transformers import CLIPTokenizer

from explorer.clip.encoder import Encoder, load_encoder
from explorer.clip.interrogate import InterrogationSettings, interrogate
from explorer.clip.terms import term_list
from explorer.clip.weights import find_clip
from explorer.errors import ExplorerError
from tests.clip.conftest import write_clip


@pytest.fixture(scope="module")
def letters(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    """A CLIP that reads letter by letter, its tokenizer's files beside its weights."""
    folder = tmp_path_factory.mktemp("letters")
    characters = [chr(c) for c in range(33, 127)]
    pieces = [*characters, *(f"{c}</w>" for c in characters), "<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({p: i for i, p in enumerate(pieces)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=77,
                  pad_token="<|endoftext|>").save_pretrained(folder)
    return load_encoder(str(write_clip(folder, vocab_size=len(pieces), hf_tokenizer_name="someone/letters")))


def test_it_reads_its_own_tokens(letters: Encoder) -> None:
    assert letters.tower is None and "tokenizer" in letters.tower_note
    assert len(letters.token_ids("red boat")) == 7
    assert letters.tokenize(["red boat"]).max() == 189 == letters.tokenize(["x" * 500])[0, -1]


def test_interrogation_is_right(letters: Encoder, image: np.ndarray) -> None:
    terms = term_list("own", "flavor", ["red boat", "old house!", "a " * 40, "blue", "moon (big)"])
    made = interrogate(letters, image, subject_id="s", terms=[terms], settings=InterrogationSettings(pool=5))
    query = letters.encode_images([image])[0]
    assert made and all(c.tokens == len(letters.token_ids(c.text)) <= 75 for c in made)
    assert [c.similarity for c in made] == pytest.approx(
        (letters.encode_texts([c.text for c in made]) @ query).tolist(), abs=1e-4)
    assert made[0].similarity >= max(letters.encode_texts(terms.terms[:2]) @ query) - 1e-5


def test_a_tokenizer_that_is_not_here_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(ExplorerError, match="offline"):
        load_encoder(str(write_clip(tmp_path, hf_tokenizer_name="someone/letters")), offline=True)


def test_a_config_cannot_switch_on_code_beside_the_weights(tmp_path: Path) -> None:
    folder = write_clip(tmp_path, hf_tokenizer_name="x/y", tokenizer_kwargs={"trust_remote_code": True})
    trap = "import pathlib\npathlib.Path(__file__).with_name('ran').touch()\nclass Trap: pass\n"
    (folder / "trap.py").write_text(trap)
    (folder / "tokenizer_config.json").write_text(json.dumps(
        {"tokenizer_class": "Trap", "auto_map": {"AutoTokenizer": ["trap.Trap", None]}}))
    with pytest.raises(ExplorerError, match="program code"):
        load_encoder(str(folder))
    (folder / "trap.py").unlink()
    with pytest.raises(ExplorerError, match="auto_map"):
        load_encoder(str(folder))
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "Trap"}))
    with pytest.raises(ExplorerError, match="usual tokenizer"):
        load_encoder(str(folder))
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "CLIPTokenizer"}))
    config = json.loads((folder / "open_clip_config.json").read_text())
    config["model_cfg"]["vision_cfg"]["timm_model_name"] = "hf-hub:someone/else"
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    with pytest.raises(ExplorerError, match="from elsewhere"):
        load_encoder(str(folder))
    assert not list(folder.glob("**/ran"))


def test_its_tokenizer_is_part_of_the_fingerprint(letters: Encoder, tmp_path: Path) -> None:
    assert letters.fingerprint != letters.images_fingerprint
    folder = write_clip(tmp_path, hf_tokenizer_name="someone/letters")
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "CLIPTokenizer"}))
    (folder / "vocab.json").write_text("{}")
    before = find_clip(str(folder)).fingerprint
    (folder / "vocab.json").write_text('{"a": 0}')
    assert find_clip(str(folder)).fingerprint != before


def test_clips_own_tokenizer_leaves_the_fingerprint_as_it_was() -> None:
    found = find_clip("world")
    assert found.fingerprint == found.images_fingerprint
    assert found.fingerprint == "962bd17791bfdebd7196368462929598484480e5eee45a119f2a3f3c2013e6e1"
