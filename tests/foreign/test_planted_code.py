"""No code of a model's folder runs: neither through the door, nor with the door's search for code switched off."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from explorer.diffusion.describe import describe_model
from explorer.diffusion.models import load_model
from explorer.errors import ExplorerError
from tests.benchmarks.safety_models import CLASSES, MARK, MODULE, door_open, honest_models, open_model, planted

BARE = """
import sys
from diffusers import DiffusionPipeline
try:
    DiffusionPipeline.from_pretrained(sys.argv[1], local_files_only=True)
except Exception as error:
    print(repr(error))
"""


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    return honest_models(tmp_path_factory.mktemp("honest"))


@pytest.fixture
def copy(honest, tmp_path):
    return Path(shutil.copytree(honest["sd1-tiny"], tmp_path / "model"))


def set_index(folder, **entries):
    index = json.loads((folder / "model_index.json").read_text())
    (folder / "model_index.json").write_text(json.dumps(index | entries))


def bait(path, mark):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(MODULE.format(mark=str(mark), classes=CLASSES))


def test_the_bait_is_good(copy, tmp_path):
    """A library that is handed the folder itself runs what lies in it."""
    bait(copy / "unet" / "diffusers.py", tmp_path / MARK)
    subprocess.run([sys.executable, "-c", BARE, str(copy)], check=True, timeout=300, capture_output=True,
                   env={**os.environ, "HF_HOME": str(tmp_path), "HF_MODULES_CACHE": str(tmp_path / "modules")})
    assert (tmp_path / MARK).exists()


@pytest.mark.parametrize("place", ["unet/diffusers.py", "scheduler/diffusers.py", "text_encoder/transformers.py",
                                   "tokenizer/transformers.py", "None.py", "vae/deep/er/x.py", "unet/PLANTED.PY"])
def test_a_module_in_the_folder_is_refused_and_never_read(copy, tmp_path, place):
    before = describe_model(str(copy)).fingerprint
    bait(copy / place, tmp_path / MARK)
    with pytest.raises(ExplorerError, match="program code of its own"):
        describe_model(str(copy))
    with door_open():
        assert load_model(str(copy), device="cpu").info.fingerprint == before
    assert not (tmp_path / MARK).exists()


def test_a_nested_pipeline_with_a_listed_name_is_refused(copy, tmp_path):
    set_index(copy, safety_checker=["diffusers", "StableDiffusionPipeline"])
    (copy / "safety_checker").mkdir()
    (copy / "safety_checker" / "model_index.json").write_text(json.dumps({"_class_name": ["evil", "Planted"]}))
    bait(copy / "safety_checker" / "evil.py", tmp_path / MARK)
    for door in (False, True):
        with pytest.raises(ExplorerError, match=r"does not take|program code"):
            if door:
                with door_open():
                    load_model(str(copy))
            else:
                load_model(str(copy))
    assert not (tmp_path / MARK).exists()
    set_index(copy, safety_checker=[None, None])
    (copy / "safety_checker" / "evil.py").unlink()
    with pytest.raises(ExplorerError, match="another model"):
        load_model(str(copy))


@pytest.mark.parametrize("entry", [
    {"_class_name": ["diffusers", "Planted"]}, {"_class_name": None}, {"unet": ["diffusers", ["AutoModel"]]},
    {"unet": [["diffusers"], "UNet2DConditionModel"]}, {"unet": [None, "UNet2DConditionModel"]},
    {"unet": ["os", "system"]}, {"unet": {"diffusers": "AutoModel"}}, {"planted": ["diffusers", "AutoModel"]},
    {"unet": ["diffusers"]}, {"unet": ["stable_diffusion", "StableDiffusionSafetyChecker"]}])
def test_what_an_index_may_not_say(copy, entry):
    set_index(copy, **entry)
    with pytest.raises(ExplorerError, match="program code of its own"):
        describe_model(str(copy))


@pytest.mark.parametrize(("entry", "says"), [
    ({"_class_name": "PlantedPipeline"}, "not among"),
    ({"_class_name": "StableDiffusionInpaintPipeline"}, "parts of a picture that it is given"),
    ({"unet": ["diffusers", "AutoModel"]}, "not take"),
    ({"unet": [None, None]}, "has no unet")])
def test_kinds_and_classes_that_are_not_in_the_table(copy, entry, says):
    set_index(copy, **entry)
    with pytest.raises(ExplorerError, match=says):
        describe_model(str(copy))


@pytest.mark.parametrize(("name", "entry", "says"), [
    ("text_encoder/config.json", {"auto_map": {"AutoModel": "x.Y"}}, "program code"),
    ("text_encoder/config.json", {"text_config": {"auto_map": {"AutoModel": "x.Y"}}}, "program code"),
    ("tokenizer/tokenizer_config.json", {"auto_map": {"AutoTokenizer": ["x.Y", None]}}, "program code"),
    ("tokenizer/tokenizer_config.json", {"vocab_file": "/etc/passwd"}, "file of its own choice"),
    ("text_encoder/config.json", {"backbone": "someone/else"}, "another model"),
    ("text_encoder/config.json", {"_attn_implementation": "someone/else"}, "attention code"),
    ("unet/config.json", {"quantization_config": {"quant_method": "bitsandbytes"}}, "quantised"),
    ("scheduler/scheduler_config.json", {"custom_pipeline": "x"}, "program code")])
def test_what_a_config_may_not_ask_for(copy, name, entry, says):
    config = json.loads((copy / name).read_text())
    (copy / name).write_text(json.dumps(config | entry))
    with pytest.raises(ExplorerError, match=says):
        describe_model(str(copy))


def test_split_weights_lead_nowhere_else(copy, tmp_path):
    weights = next((copy / "unet").glob("*.safetensors"))
    shutil.move(weights, tmp_path / "other.safetensors")
    shutil.copy(tmp_path / "other.safetensors", weights.with_name("part-00001-of-00001.safetensors"))
    for place in ("../../other.safetensors", str(tmp_path / "other.safetensors"), "x.bin", "../a.json", 7):
        (copy / "unet" / "diffusion_pytorch_model.safetensors.index.json").write_text(json.dumps(
            {"metadata": {}, "weight_map": {"conv_in.weight": place}}))
        with pytest.raises(ExplorerError, match=r"not in its folder|split weights"):
            load_model(str(copy))


def test_what_is_read_is_what_was_hashed(copy, tmp_path):
    """A library that opens a model sees located files and nothing else, and all of them are in the fingerprint."""
    (copy / "unet" / "adapter_config.json").write_text('{"base_model_name_or_path": "elsewhere"}')
    (copy / "tokenizer" / "extra.jinja").write_text("{{ x }}")
    (copy / "unet" / "diffusion_pytorch_model.bin").write_bytes(b"pickle")
    watch = "\n".join((
        "import sys, json", "seen = []",
        "sys.addaudithook(lambda e, a: seen.append(str(a[0])) if e == 'open' else None)",
        "from explorer.diffusion.models import load_model",
        "from explorer.diffusion.locate import locate",
        "import diffusers, transformers, torch", "load_model('world', device='cpu')", "seen.clear()",
        "load_model(sys.argv[1], device='cpu')",
        "print(json.dumps([seen, list(locate(sys.argv[1]).files)]))"))
    done = subprocess.run([sys.executable, "-c", watch, str(copy)], check=True, timeout=300, capture_output=True,
                          text=True, cwd=Path(__file__).resolve().parents[2])
    seen, hashed = json.loads(done.stdout.splitlines()[-1])
    ours = {Path(s).relative_to(copy).as_posix() for s in seen if str(copy) in s}
    private = {"/".join(Path(s).parts[3:]) for s in seen if "/afterimage-" in s and Path(s).suffix}
    assert {"unet/config.json", "tokenizer/vocab.json"} <= private <= set(hashed)
    assert ours <= set(hashed) and not any("jinja" in p or "adapter_config" in p for p in private)


def test_the_worlds_fingerprint_stays():
    """Old cases quote it."""
    assert describe_model("world").fingerprint == "94e774736ade72c94f97034740a9329e973c10b084c5e0887323c12a7fe8037e"


@pytest.mark.parametrize("kind", ["sd1-tiny", "sdxl", "sd3", "clip", "clip-words", "blip"])
def test_honest_models_load(honest, kind):
    open_model(kind, honest[kind])


def test_planted_code_of_every_plausible_name_never_runs(tmp_path):
    tally = planted(40, tmp_path, seed=7)
    assert (tally.ran, tally.crashes) == (0, 0), tally.faults
    assert tally.folders == 40 and tally.refused > 40 and tally.loaded > 5
