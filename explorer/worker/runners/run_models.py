"""Describe, load, try and drop models."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from explorer.diffusion.exhibit import exhibit
from explorer.diffusion.models import Model, describe_model
from explorer.diffusion.rendered import Rendered
from explorer.jobs.tasks import InspectModel, TryModel, UnloadModels
from explorer.records import ReplaySettings, to_json
from explorer.search.expand import expand
from explorer.texts import say
from explorer.worker.context import Context
from explorer.worker.runners import loading


def inspect(task: InspectModel, context: Context) -> Any:
    """ModelInfo as JSON; loads the weights if asked."""
    context.report(0, 1, say("progress.loading_model") if task.load else say("progress.reading_model_files"))
    if task.load:
        return to_json(loading.model(context, task.model).info)
    return to_json(describe_model(task.model, home=context.settings.home))


def attempt(task: TryModel, context: Context) -> Any:
    """Writes one replay's picture to the cache: the model's own steps, guidance and size, and one seed."""
    context.report(0, 1, say("progress.loading_model"))
    model, began = loading.model(context, task.model), time.monotonic()
    settings = ReplaySettings(task.prompt, first_seed=task.seed, seeds=1)
    made = exhibit(model, expand(settings, model=model.ref, info=model.info)[0], run=context.run,
                   on_step=lambda v: context.report(0, 1, say("progress.making_image"), step=v.index + 1,
                                                    steps=v.steps))
    return {"info": to_json(model.info), "recipe": to_json(made.recipe), "hashes": made.hashes,
            "path": str(keep_trial(made, model, context)), "flagged": made.flagged,
            "elapsed_s": time.monotonic() - began}


def keep_trial(made: Rendered, model: Model, context: Context) -> Path:
    """Writes a trial's picture to the cache, which belongs to no case."""
    folder = context.settings.cache / "trials"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{model.ref.fingerprint[:16]}-{made.hashes['png'][:16]}.png"
    path.write_bytes(made.png)
    return path


def unload(task: UnloadModels, context: Context) -> Any:
    """Drops everything that is loaded and says how much that was."""
    return {"freed_bytes": context.table.clear()}
