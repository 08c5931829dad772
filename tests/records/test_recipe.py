"""What a recipe's digest, JSON and start are: fixed values, so that what was written before is read as it was."""

from dataclasses import fields, replace

import pytest

from explorer.cases.recipes_text import recipe_from_json, recipe_json
from explorer.records import Adapter, ModelRef, Recipe, Start, Variation, from_json, recipe_digest, to_json
from explorer.records.race_records import former_name
from tests.cases.made import make_subject

WORLD = ModelRef("world", "f" * 64, "sd1")
OTHER = ModelRef("hub/x@1", "0" * 64, "sdxl", (Adapter("ink", "a" * 64, "lora", 1.0),))
PLAIN = Recipe(WORLD, "a red door", 1, 10, 7.5, "euler", 64, 64)
FULL = Recipe(OTHER, "ein „Fuchs“, 狐", 2 ** 63 + 5, 30, 7.0, "dpmpp_2m", 1024, 768, negative_prompt="blur",
              dialect="a1111", clip_skip=2, noise_source="a1111-nv-philox", variation=Variation(7, 0.25),
              scheduler_config={"beta_end": 0.012, "steps_offset": 1, "solver_order": 2,
                                "prediction_type": "epsilon", "trained_betas": None},
              eta=1.0, precision="bfloat16")
GIVEN = Recipe(WORLD, "a red door", 1, 10, 5.0, "ddim", 64, 64, start_sha256="b" * 64, strength=1.0)
NOISE = Recipe(WORLD, "", 0, 1, 1.0, "pndm", 64, 64, noise_blob="c" * 64)
GOLDEN = [
    (PLAIN, "b98ea40698e7b378377841d1183326738038eafb79d31ea216fd40435bec3c92", "a560f377d008"),
    (FULL, "e79a3d38aed03b343f97da078718719d5e453e9c1072e9390b8257804d183d79", "7f80ee9fc593"),
    (GIVEN, "1faaea374447a349f50fc082caa2a20c253f4dc258fe64b2eb2194acce1d6bac", "0ae672d93e7e"),
    (NOISE, "96a7a0c5a36e234972310f8d691806bb63ff4cc822a743c2868032d644912efb", "37a62822b375"),
]
NAMES = {"model", "prompt", "seed", "steps", "guidance", "scheduler", "width_px", "height_px", "negative_prompt",
         "dialect", "clip_skip", "noise_source", "variation", "noise_blob", "scheduler_config", "eta", "precision",
         "start_sha256", "strength", "not_replayable", "schema"}


@pytest.mark.parametrize(("recipe", "digest", "former"), GOLDEN)
def test_a_recipe_keeps_its_digest_and_its_former_name(recipe, digest, former):
    assert recipe_digest(recipe) == digest
    assert former_name(recipe) == former
    assert recipe_digest(recipe_from_json(recipe_json(recipe))) == digest
    assert recipe_digest(from_json(Recipe, to_json(recipe))) == digest


def test_whole_numbers_name_the_same_recipe_as_floats():
    assert recipe_digest(replace(PLAIN, guidance=7)) == recipe_digest(replace(PLAIN, guidance=7.0))


def test_a_recipes_json_has_the_fields_that_it_always_had():
    assert set(to_json(PLAIN)) == NAMES
    assert {f.name for f in fields(Recipe)} == NAMES | {"embedding_blob"}


def test_a_fitted_embedding_is_part_of_the_recipe():
    fitted = replace(PLAIN, embedding_blob="e" * 64)
    assert recipe_digest(fitted) != recipe_digest(PLAIN)
    assert from_json(Recipe, to_json(fitted)) == fitted
    assert fitted.start(make_subject()) is Start.FITTED


@pytest.mark.parametrize(("start_sha256", "noise_blob", "start"), [
    (None, None, Start.NOISE), ("b" * 64, None, Start.SUBJECT), ("a" * 64, None, Start.SUBJECT),
    ("d" * 64, None, Start.REPLAY), (None, "c" * 64, Start.OPTIMISED), ("b" * 64, "c" * 64, Start.SUBJECT)])
def test_a_start_is_told_from_the_recipe_and_the_subject(start_sha256, noise_blob, start):
    subject = make_subject(sha256="a" * 64, pixels_sha256="b" * 64)
    strength = None if start_sha256 is None else 0.5
    recipe = replace(PLAIN, start_sha256=start_sha256, strength=strength, noise_blob=noise_blob)
    assert recipe.start(subject) is start
