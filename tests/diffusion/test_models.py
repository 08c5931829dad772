import json
import shutil
from pathlib import Path

import pytest
import torch

from explorer.diffusion.describe import describe_model
from explorer.diffusion.exhibit import exhibit
from explorer.diffusion.models import load_model, out_of_memory, pick_device
from explorer.errors import ExplorerError
from tests.diffusion import tiny


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("saved")
    tiny.pipeline("sd1-kl", root / "parts").save_pretrained(root / "model")
    return root / "model"


@pytest.fixture
def copy(folder, tmp_path):
    return Path(shutil.copytree(folder, tmp_path / "model"))


def test_describes_without_loading_weights(folder, tmp_path):
    info = describe_model(str(folder), home=tmp_path)
    assert (info.family, info.default_size_px, info.loaded) == ("sd1", tiny.SIZE_PX, False)
    assert len(info.fingerprint) == 64 and info.size_bytes > 10_000


def test_loads_a_folder_and_replays_as_the_pipeline_in_memory(folder, models):
    loaded = load_model(str(folder), device="cpu")
    assert loaded.info.loaded and loaded.precision == "float32"
    assert loaded.ref.fingerprint == describe_model(str(folder)).fingerprint
    here = exhibit(loaded, tiny.recipe(loaded, scheduler="euler_a"))
    there = exhibit(models("sd1-kl"), tiny.recipe(models("sd1-kl"), scheduler="euler_a"))
    assert here.hashes == there.hashes


def test_fingerprint_follows_every_weight_and_config(copy):
    before = describe_model(str(copy)).fingerprint
    (copy / "README.md").write_text("license: x")
    assert describe_model(str(copy)).fingerprint == before
    config = copy / "scheduler" / "scheduler_config.json"
    config.write_text(config.read_text().replace("0.012", "0.013"))
    changed = describe_model(str(copy)).fingerprint
    assert changed != before
    weights = next((copy / "unet").glob("*.safetensors"))
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(bytes(data))
    assert describe_model(str(copy)).fingerprint not in (before, changed)


def test_fingerprint_cache_is_used_and_dropped_when_a_file_changes(copy, tmp_path):
    home = tmp_path / "home"
    first = describe_model(str(copy), home=home).fingerprint
    cache = home / "cache" / "fingerprints.json"
    known = json.loads(cache.read_text())
    cache.write_text(json.dumps(dict.fromkeys(known, "0" * 64)))
    assert describe_model(str(copy), home=home).fingerprint != first  # read from the cache
    for path in copy.rglob("*.*"):
        if path.is_file():
            path.write_bytes(path.read_bytes())  # same bytes, new time
    assert describe_model(str(copy), home=home).fingerprint == first


def test_unknown_sources_say_what_is_allowed(tmp_path):
    with pytest.raises(ExplorerError, match="diffusers folder"):
        describe_model(str(tmp_path / "nowhere"))
    with pytest.raises(ExplorerError, match=r"no model_index\.json"):
        describe_model(str(tmp_path))
    with pytest.raises(ExplorerError, match="Download it on the Models page"):
        describe_model("nobody/no-such-model@0123abc", home=tmp_path)


def test_pickles_are_refused_and_never_opened(copy, tmp_path):
    trap, sprung = tmp_path / "trap.ckpt", tmp_path / "sprung"
    torch.save({"state_dict": _Trap(str(sprung))}, trap)
    with pytest.raises(ExplorerError, match=r"pickle.*convert"):
        load_model(str(trap))
    weights = next((copy / "unet").glob("*.safetensors"))
    weights.unlink()
    shutil.copy(trap, weights.with_suffix(".bin"))
    with pytest.raises(ExplorerError, match="pickle"):
        load_model(str(copy))
    assert not sprung.exists()


class _Trap:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (Path(self.path),)


def test_code_in_a_model_never_runs(copy):
    index = json.loads((copy / "model_index.json").read_text())
    index["unet"] = ["my_unet", "MyUNet"]
    (copy / "model_index.json").write_text(json.dumps(index))
    (copy / "unet" / "my_unet.py").write_text("raise SystemExit('ran')")
    with pytest.raises(ExplorerError, match="code of its own"):
        load_model(str(copy))


def test_missing_and_damaged_weights_are_told(copy):
    weights = next((copy / "unet").glob("*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ExplorerError, match="cannot be read as a safetensors file"):
        load_model(str(copy), device="cpu")
    for path in copy.rglob("*.safetensors"):
        path.unlink()
    with pytest.raises(ExplorerError, match="no weights"):
        load_model(str(copy), device="cpu")


def test_out_of_memory_becomes_a_sentence():
    with pytest.raises(ExplorerError, match="more memory"), out_of_memory("Loading it"):
        raise torch.OutOfMemoryError("CUDA out of memory")
    with pytest.raises(RuntimeError, match="shape"), out_of_memory("Loading it"):
        raise RuntimeError("shape mismatch")


def test_devices_that_are_not_there():
    with pytest.raises(ExplorerError, match="unknown"):
        pick_device("gpu7")
    if not torch.cuda.is_available():
        with pytest.raises(ExplorerError, match="no CUDA"):
            pick_device("cuda")
