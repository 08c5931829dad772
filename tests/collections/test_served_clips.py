"""Which CLIPs clip-retrieval's backend is given: none that would run code, or open a pickle."""

from __future__ import annotations

import json

import pytest

from explorer.collections.serve import clip_argument
from explorer.errors import ExplorerError
from explorer.settings import WORLD


def folder_with(tmp_path, text_cfg):
    folder = tmp_path / "clip"
    folder.mkdir()
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": {"text_cfg": text_cfg}}))
    (folder / "open_clip_model.safetensors").write_bytes(b"")
    return folder


def test_the_worlds_clip_and_names_are_served(tmp_path):
    assert clip_argument("world", tmp_path)[0].endswith(str(WORLD / "clip" / "open_clip_model.safetensors"))
    assert clip_argument("ViT-B/32", tmp_path) == ("ViT-B/32", "")
    named = folder_with(tmp_path, {"hf_tokenizer_name": "bert-base-uncased"})
    assert clip_argument(str(named), tmp_path)[0].startswith("open_clip:")


@pytest.mark.parametrize("text_cfg", [
    {"tokenizer_kwargs": {"trust_remote_code": True}}, {"hf_tokenizer_name": "/tmp"}, {"hf_model_name": "explorer"},
    {"hf_tokenizer_name": "../x"}, {"hf_tokenizer_name": ["a"]}, None, "x"])
def test_configs_that_lead_elsewhere(tmp_path, text_cfg):
    with pytest.raises(ExplorerError):
        clip_argument(str(folder_with(tmp_path, text_cfg)), tmp_path)


def test_code_beside_the_weights_and_pickles(tmp_path):
    folder = folder_with(tmp_path, {})
    (folder / "x.py").write_text("")
    with pytest.raises(ExplorerError, match="program code"):
        clip_argument(str(folder), tmp_path)
    (folder / "x.py").unlink()
    (folder / "open_clip_model.safetensors").rename(folder / "open_clip_pytorch_model.bin")
    with pytest.raises(ExplorerError, match="no weights"):
        clip_argument(str(folder), tmp_path)


@pytest.mark.parametrize("clip", ["ja_clip:a/b", "nm:a", "open_clip:ViT-B-32/x.pt", "open_clip:ViT-B-32/a.bin"])
def test_other_loaders_and_checkpoints(tmp_path, clip):
    with pytest.raises(ExplorerError, match="cannot be served"):
        clip_argument(clip, tmp_path)


def test_a_transformers_folder_that_asks_for_code(tmp_path):
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"auto_map": {"AutoTokenizer": ["x.Y", None]}}))
    with pytest.raises(ExplorerError, match="auto_map"):
        clip_argument(f"hf_clip:{tmp_path}", tmp_path)
