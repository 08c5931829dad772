"""Small records for tests."""

from __future__ import annotations

from explorer.cases.canonical import recipe_digest
from explorer.records import ModelRef, Recipe, Replay, Subject


def make_subject(**fields) -> Subject:
    return Subject(**({"id": "s", "name": "door.png", "sha256": "a" * 64, "pixels_sha256": "b" * 64,
                       "format": "PNG", "width_px": 8, "height_px": 8, "origin": "upload"} | fields))


def make_recipe(**fields) -> Recipe:
    return Recipe(**({"model": ModelRef("world", "f" * 64, "sd1"), "prompt": "a red door", "seed": 1,
                      "steps": 10, "guidance": 7.5, "scheduler": "euler", "width_px": 8, "height_px": 8}
                     | fields))


def make_replay(*, seed: int, closeness: dict | None = None, **fields) -> Replay:
    recipe = make_recipe(seed=seed)
    return Replay(**({"id": recipe_digest(recipe)[:16], "subject_id": "s", "search_id": "q", "recipe": recipe,
                      "image_sha256": "c" * 64, "closeness": closeness or {"tiled_l2": 0.5},
                      "unet_evaluations": 20, "elapsed_s": 0.5} | fields))
