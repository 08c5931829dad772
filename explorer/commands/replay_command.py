"""`replay RECIPE`: render a recipe again, alone and in deterministic mode, and state its hashes."""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
from typing import Any

from explorer.cases.recipes_text import recipe_from_json, recipe_from_png
from explorer.commands.progress_bars import Bars
from explorer.diffusion.describe import describe_model
from explorer.errors import ExplorerError
from explorer.folders import read_file
from explorer.images.imported import recipe_from
from explorer.images.metadata import read_metadata
from explorer.jobs import foreground
from explorer.jobs.tasks import ReplayRecipe
from explorer.records import ModelRef, Recipe
from explorer.settings import Settings

PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"RIFF")


def run(args: argparse.Namespace, settings: Settings) -> dict[str, Any]:
    """Renders the recipe of a JSON file, of a PNG that carries one, or of another program's picture.

    What such a picture's settings leave open is named in the result under "not_replayed".
    """
    data = read_file(args.recipe)
    recipe = recipe_from_png(data) if data.startswith(b"\x89PNG") else None
    source, left = args.model or "", ()
    if recipe is None and data.startswith(PICTURES):
        source = source or settings.model
        recipe, left = _foreign(data, source, args, settings)
    elif recipe is None:
        recipe = recipe_from_json(data)
    task = ReplayRecipe(recipe, source or recipe.model.source, str(args.start.resolve()) if args.start else "",
                        str(args.out.resolve()) if args.out else "")
    with Bars() as bars:
        result = foreground.run(settings, task, follow=bars.follow)
    return result | ({"not_replayed": list(left)} if left else {})


def _foreign(data: bytes, source: str, args: argparse.Namespace,
             settings: Settings) -> tuple[Recipe, tuple[str, ...]]:
    """The recipe that another program wrote into its picture, for the model `source`; and what it lacks."""
    found = read_metadata(data).generation
    if not found:
        raise ExplorerError("commands.replay_command_carries_no_recipe", recipe=args.recipe)
    info = describe_model(source, home=settings.home)
    recipe = recipe_from(found[0], ModelRef(info.source, info.fingerprint, info.family))
    left = recipe.not_replayable
    if found[0].strength is not None and found[0].strength < 1:
        if not args.start:
            raise ExplorerError("commands.replay_command_picture_begun_another")
        digest = hashlib.sha256(read_file(args.start)).hexdigest()
        recipe = dataclasses.replace(recipe, strength=found[0].strength, start_sha256=digest)
        left = tuple(part for part in left if "starting image" not in part)
    return dataclasses.replace(recipe, not_replayable=()), left


__all__ = ["run"]
