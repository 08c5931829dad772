"""`replay RECIPE`: render a recipe again, alone and in deterministic mode, and state its hashes."""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
from typing import Any

from explorer.cases.recipes_text import recipe_from_json, recipe_from_png
from explorer.commands.progress_bars import Bars
from explorer.diffusion.describe import model_ref
from explorer.diffusion.named_files import look_for
from explorer.diffusion.other_hashes import OTHER, SAME, UNKNOWN
from explorer.errors import ExplorerError
from explorer.folders import read_file
from explorer.images.formats import ALLOWED, kind_of
from explorer.images.imported import recipe_from
from explorer.images.metadata import Generation, read_metadata
from explorer.jobs import foreground
from explorer.jobs.tasks import ReplayRecipe
from explorer.records import Recipe
from explorer.settings import Settings
from explorer.texts import say


def run(args: argparse.Namespace, settings: Settings) -> dict[str, Any]:
    """Renders the recipe of a JSON file, of a PNG that carries one, or of another program's picture.

    What such a picture's settings leave open is named in the result under "not_replayed"; "same_model" then says
    whether the model is the one that the file names: true, false, or "unknown".
    """
    data = read_file(args.recipe)
    recipe = recipe_from_png(data) if data.startswith(b"\x89PNG") else None
    source, claimed = args.model or "", None
    if recipe is None and kind_of(data) in ALLOWED:
        source = source or settings.model
        recipe, claimed = _foreign(data, source, args, settings)
    elif recipe is None:
        recipe = recipe_from_json(data)
    left = recipe.not_replayable if claimed else ()
    task = ReplayRecipe(dataclasses.replace(recipe, not_replayable=()) if claimed else recipe,
                        source or recipe.model.source, str(args.start.resolve()) if args.start else "",
                        str(args.out.resolve()) if args.out else "", as_loaded=claimed is not None)
    with Bars() as bars:
        result = foreground.run(settings, task, follow=bars.follow)
    return result if claimed is None else result | _claims(claimed, source, settings, result, left)


def _foreign(data: bytes, source: str, args: argparse.Namespace,
             settings: Settings) -> tuple[Recipe, Generation]:
    """The recipe that another program wrote into its picture, for the model `source`; and what it claims."""
    found = read_metadata(data).generation
    if not found:
        raise ExplorerError("commands.replay_command_carries_no_recipe_generation", recipe=args.recipe)
    recipe = recipe_from(found[0], model_ref(source, home=settings.home), program=args.program)
    if args.start is None:
        if found[0].start_image and found[0].strength is not None:
            raise ExplorerError("commands.replay_command_picture_begun_another")
        return recipe, found[0]
    digest = hashlib.sha256(read_file(args.start)).hexdigest()
    left = tuple(part for part in recipe.not_replayable if "starting image" not in part)
    return dataclasses.replace(recipe, strength=found[0].strength or 1.0, start_sha256=digest,
                               not_replayable=left), found[0]


def _claims(claimed: Generation, source: str, settings: Settings, result: dict[str, Any],
            left: tuple[str, ...]) -> dict[str, Any]:
    """What the file names, beside what was used: the model by its hash, adapters at hand, the precision."""
    there = look_for(claimed, source, settings)
    if result["precision"] != "float32":
        left = (*left, say("note.commands.model_run", precision=result["precision"]))
    if there.model != UNKNOWN:
        left = tuple(part for part in left if not part.startswith("the file names the model"))
        if there.model == OTHER:
            left += (say("note.commands.file_names_another", model_hash=claimed.model_hash),)
    return {"not_replayed": list(left), "same_model": {SAME: True, OTHER: False}.get(there.model, UNKNOWN),
            **({"adapters_at_hand": dict(there.adapters)} if there.adapters else {})}


__all__ = ["run"]
