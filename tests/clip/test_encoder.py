"""The encoder against open_clip itself, and the errors at its door."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from explorer.clip.encoder import Encoder, load_encoder
from explorer.clip.weights import clip_fingerprint, find_clip
from explorer.errors import ExplorerError
from tests.clip.conftest import MODEL_CFG, PREPROCESS_CFG, write_clip

TEXTS = ["", "a red disc", "Ein großes Haus — 你好, мир", "word " * 200, "a, b!, c.", "<end_of_text> hidden"]


def reference(folder: Path) -> tuple[torch.nn.Module, object]:
    """The same files through open_clip's own factory."""
    name = f"reference-{folder.name}"
    config = folder.parent / f"{name}.json"
    config.write_text(json.dumps(MODEL_CFG))
    open_clip.add_model_config(config)
    model, _, preprocess = open_clip.create_model_and_transforms(
        name, pretrained=str(folder / "open_clip_model.safetensors"),
        image_mean=tuple(PREPROCESS_CFG["mean"]), image_std=tuple(PREPROCESS_CFG["std"]))
    return model.eval(), preprocess


def test_equals_open_clip(clip_folder: Path, encoder: Encoder, image: np.ndarray) -> None:
    model, preprocess = reference(clip_folder)
    with torch.no_grad():
        images = model.encode_image(preprocess(Image.fromarray(image))[None], normalize=True).numpy()
        texts = model.encode_text(open_clip.tokenize(TEXTS), normalize=True).numpy()
    assert np.abs(encoder.encode_images([image]) - images).max() < 1e-5
    assert np.abs(encoder.encode_texts(TEXTS) - texts).max() < 1e-5
    assert np.array_equal(encoder.tokenize(TEXTS), open_clip.tokenize(TEXTS).numpy())


def test_shapes_and_facts(encoder: Encoder, image: np.ndarray) -> None:
    made = encoder.encode_images([image, image[::-1].copy(), image[:8, :8]])
    assert made.shape == (3, encoder.dim) and made.dtype == np.float32
    assert np.allclose(np.linalg.norm(made, axis=1), 1, atol=1e-5)
    assert (encoder.dim, encoder.size_px, encoder.context_length, encoder.max_tokens) == (24, 32, 77, 75)
    assert encoder.encode_images([]).shape == (0, 24) == encoder.encode_texts([]).shape
    assert encoder.tokenize([]).shape == (0, 77)
    assert encoder.tower is not None and encoder.tower_note == ""


def test_fingerprint_names_weights_and_config(clip_folder: Path, encoder: Encoder, tmp_path: Path) -> None:
    copy = shutil.copytree(clip_folder, tmp_path / "copy")
    assert load_encoder(str(copy)).fingerprint == encoder.fingerprint
    config = json.loads((copy / "open_clip_config.json").read_text())
    assert clip_fingerprint(copy / "open_clip_model.safetensors", config) == encoder.fingerprint
    config["preprocess_cfg"]["mean"] = [0.1, 0.1, 0.1]
    (copy / "open_clip_config.json").write_text(json.dumps(config))
    assert find_clip(str(copy)).fingerprint != encoder.fingerprint
    other = write_clip(tmp_path / "other", seed=1)
    assert find_clip(str(other)).fingerprint != encoder.fingerprint


def test_checkpoint_and_open_clip_name(tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = dict(MODEL_CFG, text_cfg=dict(MODEL_CFG["text_cfg"], width=16))
    (tmp_path / "tiny-of-a-test.json").write_text(json.dumps(config))
    open_clip.add_model_config(tmp_path / "tiny-of-a-test.json")
    weights = open_clip.CLIP(**config).state_dict()
    save_file({k: v.contiguous() for k, v in weights.items()}, tmp_path / "weights.safetensors")
    encoder = load_encoder(f"open_clip:tiny-of-a-test/{tmp_path / 'weights.safetensors'}")
    assert encoder.encode_texts(["a"]).shape == (1, 24)
    torch.save({"state_dict": weights}, tmp_path / "weights.pt")
    with pytest.raises(ExplorerError, match="pickles"):
        load_encoder(f"open_clip:tiny-of-a-test/{tmp_path / 'weights.pt'}")


@pytest.mark.parametrize(("spec", "says"), [
    ("no/such/folder", "Allowed are"), ("open_clip:NoSuchModel/openai", "knows no model"),
    ("open_clip:ViT-B-32/nonsense", "Known tags"), ("open_clip:ViT-B-32", "Known tags"),
    ("open_clip:ViT-L-14/openai", "offline"), ("hf-hub:someone/something", "offline"),
    ("ViT-B/32", "offline"), ("hf-hub:not a name", "owner/name")])
def test_unknown_or_absent(spec: str, says: str) -> None:
    with pytest.raises(ExplorerError, match=says):
        find_clip(spec, offline=True)


def test_bad_folders(clip_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ExplorerError, match=r"open_clip_config\.json is missing"):
        load_encoder(str(tmp_path))
    copy = shutil.copytree(clip_folder, tmp_path / "copy")
    with pytest.raises(ExplorerError, match="needs its model's name"):
        load_encoder(str(copy / "open_clip_model.safetensors"))
    (copy / "open_clip_model.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0garbage!")
    with pytest.raises(ExplorerError, match="cannot be read as a safetensors file"):
        load_encoder(str(copy))
    (copy / "open_clip_model.safetensors").unlink()
    with pytest.raises(ExplorerError, match="holds no weights"):
        load_encoder(str(copy))
    for text, says in (("{", "damaged"), ("[]", "no JSON object"), ("{}", "not an open_clip config"),
                       ('{"model_cfg": {"vision_cfg": 1, "text_cfg": {}}}', "not an open_clip config")):
        (copy / "open_clip_config.json").write_text(text)
        (copy / "open_clip_model.safetensors").write_bytes(b"")
        with pytest.raises(ExplorerError, match=says):
            load_encoder(str(copy))


def test_pickled_code_is_not_run(clip_folder: Path, tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple:
            return (Path.touch, (tmp_path / "ran",))

    copy = shutil.copytree(clip_folder, tmp_path / "copy")
    (copy / "open_clip_model.safetensors").unlink()
    torch.save({"state_dict": Trap()}, copy / "open_clip_pytorch_model.bin")
    with pytest.raises(ExplorerError, match="pickles"):
        load_encoder(str(copy))
    assert not (tmp_path / "ran").exists()


def test_tokenizer_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ExplorerError, match="knows 300 tokens"):
        load_encoder(str(write_clip(tmp_path, vocab_size=300)))


def test_wrong_images_are_a_bug_of_the_caller(encoder: Encoder) -> None:
    for wrong in (np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.float32), np.zeros((0, 4, 3), np.uint8)):
        with pytest.raises(ValueError, match="uint8"):
            encoder.encode_images([wrong])
