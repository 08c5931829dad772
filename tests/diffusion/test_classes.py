"""The table of kinds and classes against diffusers itself."""

import inspect
import json
import shutil
from pathlib import Path

import diffusers
import pytest
import transformers

from explorer.diffusion.classes import KINDS, TWINS
from explorer.diffusion.describe import describe_model
from explorer.diffusion.models import load_model
from explorer.diffusion.own_call import own_call
from explorer.errors import ExplorerError
from tests.diffusion import tiny

LIBRARIES = {"diffusers": diffusers, "transformers": transformers}
NEEDS_SENTENCEPIECE = {"KolorsPipeline"}  # its classes cannot be imported without that package


@pytest.mark.parametrize("name", sorted(set(KINDS) - NEEDS_SENTENCEPIECE))
def test_every_part_is_one_that_diffusers_knows(name):
    pipeline = getattr(diffusers, name)
    takes = dict(inspect.signature(pipeline.__init__).parameters)
    kind = KINDS[name]
    assert set(kind.parts) | set(kind.options) == set(takes) - {"self"}
    assert kind.optional - set(kind.parts) <= {"safety_checker", "feature_extractor", "image_encoder"}
    for named in set().union(*kind.parts.values()):
        library, _, found = named.partition(".")
        if library in LIBRARIES:
            assert hasattr(LIBRARIES[library], found), named
        else:
            assert named == "stable_diffusion.StableDiffusionSafetyChecker"


def test_every_twin_stands_for_a_kind_with_the_same_parts():
    for twin, name in TWINS.items():
        assert hasattr(diffusers, twin) and name in KINDS


@pytest.fixture(scope="module")
def three(tmp_path_factory):
    root = tmp_path_factory.mktemp("three")
    tiny.other_pipeline(root / "parts").save_pretrained(root / "model")
    return root / "model"


def test_parts_left_out_on_purpose_load_as_diffusers_means_them(three):
    loaded = load_model(str(three), device="cpu")
    assert loaded.pipe.text_encoder_3 is None and loaded.pipe.tokenizer_3 is None
    made = own_call(loaded, tiny.recipe(loaded, scheduler="own"))
    assert made.rgb.shape == (tiny.SIZE_PX, tiny.SIZE_PX, 3)


def test_what_is_left_out_is_part_of_the_fingerprint(three, tmp_path):
    copy = Path(shutil.copytree(three, tmp_path / "model"))
    before = describe_model(str(copy)).fingerprint
    index = json.loads((copy / "model_index.json").read_text())
    index["image_encoder"] = [None, None]
    del index["text_encoder_3"], index["tokenizer_3"]
    (copy / "model_index.json").write_text(json.dumps(index))
    assert describe_model(str(copy)).fingerprint != before
    (copy / "model_index.json").write_text(json.dumps(index | {"text_encoder": [None, None]}))
    with pytest.raises(ExplorerError, match="has no text_encoder"):
        describe_model(str(copy))
