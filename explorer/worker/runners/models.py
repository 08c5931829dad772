"""Describe, load and drop models."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from explorer.diffusion.models import describe_model
from explorer.jobs.tasks import InspectModel, UnloadModels
from explorer.records import Progress, Tick, to_json
from explorer.worker.context import Context
from explorer.worker.runners import loading


def inspect(task: InspectModel, context: Context) -> Iterator[Progress]:
    """ModelInfo as JSON; loads the weights if asked."""
    yield Progress(0, 1, "loading the model" if task.load else "reading the model's files")
    if task.load:
        return to_json(loading.model(context, task.model).info)
    return to_json(describe_model(task.model, home=context.settings.home))


def unload(task: UnloadModels, context: Context) -> Iterator[Any]:
    """Drops everything that is loaded and says how much that was."""
    yield Tick()
    return {"freed_bytes": context.table.clear()}
