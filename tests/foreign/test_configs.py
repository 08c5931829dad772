"""Numbers that honest configs hold are let through; what only a made up one holds is not."""

from __future__ import annotations

import json

import diffusers
import pytest

from explorer.diffusion.classes import FLOW, NOISE
from explorer.diffusion.published import CONFIGS
from explorer.errors import ExplorerError
from explorer.foreign.configs import check_config
from explorer.foreign.reading import read_json

# As published by their makers: the largest numbers of each kind.
PUBLISHED = [
    {"max_position_embeddings": 131072, "rope_theta": 1000000000.0, "vocab_size": 262208, "sliding_window": 32768},
    {"model_max_length": 1000000000000000019884624838656, "tokenizer_file": None},
    {"size": {"longest_edge": 12845056, "shortest_edge": 3136}, "max_pixels": 12845056, "min_pixels": 3136},
    {"_class_name": "AuraFlowTransformer2DModel", "patch_size": 2, "pos_embed_max_size": 9216, "sample_size": 64},
    {"_class_name": "SD3Transformer2DModel", "patch_size": 2, "pos_embed_max_size": 384, "sample_size": 128},
    {"axes_lens": [1536, 512, 512], "axes_dims_rope": [32, 48, 48], "rope_theta": 256.0, "patch_size": 2},
    {"eos_token_id": 151643, "bos_token_id": 100257, "intermediate_size": 32768, "num_train_timesteps": 1000},
    {"_attn_implementation_autoset": True, "attn_implementation": None, "quantization_config": None},
    {"auto_map": {}, "special_tokens_map_file": "/x/y", "_name_or_path": "/x"}]


@pytest.mark.parametrize("config", [*PUBLISHED, *(c for f in CONFIGS.values() for c in f.values())])
def test_published_configs_are_let_through(config):
    check_config(json.loads(json.dumps(config)), "x")


@pytest.mark.parametrize("name", sorted(NOISE | FLOW))
def test_every_schedulers_own_config_is_let_through(name, tmp_path):
    kind = getattr(diffusers, name.partition(".")[2], None)
    if getattr(kind, "_backends", None):  # needs a package that is not installed
        return
    kind().save_pretrained(tmp_path)
    check_config(read_json(tmp_path / "scheduler_config.json"), "x")


@pytest.mark.parametrize("config", [
    {"num_train_timesteps": 10**9}, {"num_hidden_layers": 2**21}, {"axes_lens": [2**30, 1]}, {"sample_size": 10**5},
    {"patch_size": 2, "sample_size": 1024}, {"patch_size": 2, "pos_embed_max_size": 4096},
    {"size": {"height": 10**5}}, {"a": {"b": [[{"layers": 1e300}]]}}, {"context_length": 10**6}, {"x": -2**40}])
def test_made_up_numbers_are_not(config):
    with pytest.raises(ExplorerError, match="which no model has"):
        check_config(config, "x")
