import json

from explorer.diffusion.check_recipe import complete
from explorer.diffusion.environment import environment, environment_sha256
from explorer.diffusion.exhibit import exhibit
from explorer.records import Recipe, from_json, to_json
from tests.diffusion import tiny


def test_a_saved_recipe_replays_byte_identical(model):
    recipe = complete(model, tiny.recipe(model, scheduler="euler_a"))
    saved = json.dumps(to_json(recipe))
    first = exhibit(model, recipe)
    again = exhibit(model, from_json(Recipe, json.loads(saved)))
    assert first.recipe == again.recipe == recipe
    assert first.png == again.png
    assert first.hashes == again.hashes and set(first.hashes) == {"noise", "latents", "array", "png"}


def test_another_seed_gives_other_bytes(model):
    recipes = [tiny.recipe(model, seed=s) for s in (1, 2)]
    one, two = (exhibit(model, r).hashes for r in recipes)
    assert all(one[stage] != two[stage] for stage in one)


def test_completed_recipe_holds_the_full_scheduler_config(models):
    recipe = complete(models("sd2-v"), tiny.recipe(models("sd2-v"), scheduler="dpmpp_2m"))
    config = recipe.scheduler_config
    assert config["prediction_type"] == "v_prediction" and config["solver_order"] == 2
    assert complete(models("sd2-v"), recipe) == recipe


def test_environment_is_json_and_stable():
    found = environment("cpu")
    assert found["packages"]["torch"] and found["threads"] >= 1
    assert environment_sha256(json.loads(json.dumps(found))) == environment_sha256(environment("cpu"))
