"""Settings of two pictures side by side: what differs is marked, names of one thing agree."""

from __future__ import annotations

import dataclasses

from explorer.cases.settings_compared import claims_of, compared
from explorer.images.settings.claims import Generation
from tests.cases.made import make_recipe


def test_what_differs_is_marked_and_names_of_one_thing_agree():
    left = Generation("AUTOMATIC1111", prompt="a fox", sampler="Euler a", schedule="Karras", seed=1, steps=20,
                      guidance=7.0, model_name="models/mix.safetensors", other={"ENSD": "31337"})
    right = Generation("ComfyUI", prompt="a fox", sampler="euler_ancestral", schedule="karras", seed=2, steps=20,
                       guidance=7.0, model_name="mix")
    rows = {row.name: row for row in compared(left, right)}
    assert {name for name, row in rows.items() if not row.agree} == {"tool", "seed", "ENSD"}
    assert (rows["ENSD"].left, rows["ENSD"].right) == ("31337", "")
    assert next(iter(rows)) == "tool"


def test_a_replay_beside_its_own_recipe_agrees_in_everything():
    recipe = make_recipe(prompt="a red door, wide", negative_prompt="blur", seed=2 ** 63)
    assert all(row.agree for row in compared(claims_of(recipe), claims_of(recipe)))
    other = claims_of(dataclasses.replace(recipe, seed=5))
    assert [row.name for row in compared(claims_of(recipe), other) if not row.agree] == ["seed"]
