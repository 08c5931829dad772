"""Renders a recipe that belongs to no case; runs in the device worker."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from explorer.cases.recipes_text import png_with_recipe
from explorer.diffusion.exhibit import exhibit
from explorer.errors import ExplorerError
from explorer.images.decode import open_image
from explorer.jobs.tasks import ReplayRecipe
from explorer.search.fit_size import fit
from explorer.texts import say
from explorer.worker.context import Context
from explorer.worker.runners import loading
from explorer.worker.runners.surroundings import surroundings


def replay(task: ReplayRecipe, context: Context) -> Any:
    """Writes the image to `task.out`, if given; the result has its hashes and whether the model is the same."""
    context.report(0, 1, say("progress.loading_model"))
    model, recipe = loading.model(context, task.model), task.recipe
    if task.as_loaded:
        recipe = replace(recipe, precision=model.precision)
    start = None
    if task.start:
        rgb = open_image(Path(task.start).read_bytes(), name=Path(task.start).name).rgb
        start = fit(rgb, height_px=recipe.height_px, width_px=recipe.width_px)
    elif recipe.strength is not None:
        raise ExplorerError("worker.recipes_starts_image")
    made = exhibit(model, recipe, start_rgb=start, run=context.run)
    if task.out:
        Path(task.out).write_bytes(png_with_recipe(made.png, recipe))
    return {"hashes": made.hashes, "out": task.out, "environment": surroundings(model.device),
            "precision": recipe.precision, "same_model": recipe.model.fingerprint == model.ref.fingerprint}
