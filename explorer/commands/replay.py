"""`replay RECIPE`: render a recipe again, alone and in deterministic mode, and state its hashes."""

from __future__ import annotations

import argparse
from typing import Any

from explorer.cases.recipes_text import recipe_from_json, recipe_from_png
from explorer.commands.bars import Bars
from explorer.commands.files import read_file
from explorer.errors import ExplorerError
from explorer.jobs import foreground
from explorer.jobs.tasks import ReplayRecipe
from explorer.settings import Settings


def run(args: argparse.Namespace, settings: Settings) -> dict[str, Any]:
    """Renders the recipe of a JSON file or of a PNG that carries one."""
    data = read_file(args.recipe)
    recipe = recipe_from_png(data) if data.startswith(b"\x89PNG") else recipe_from_json(data)
    if recipe is None:
        raise ExplorerError(f"{args.recipe} carries no recipe of this program. Give a PNG that it saved, or JSON.")
    task = ReplayRecipe(recipe, args.model or recipe.model.source, str(args.start.resolve()) if args.start else "",
                        str(args.out.resolve()) if args.out else "")
    with Bars() as bars:
        return foreground.run(settings, task, follow=bars.follow)
