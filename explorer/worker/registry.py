"""Which function runs which task. A runner's module is imported when its first task comes.

A runner is a generator function `run(task, context)`: it yields Progress and Tick, commits its results
through the context, and returns the job's result (JSON or None).
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from typing import Any

from explorer.errors import ExplorerError

RUNNERS = {
    "EmbedSubject": "explorer.worker.runners.run_subjects:embed",
    "GenerateSubject": "explorer.worker.runners.run_replays:generate",
    "FindNeighbours": "explorer.worker.runners.run_neighbours:find",
    "CompareNeighbours": "explorer.worker.runners.run_queries:compare",
    "CheckCopy": "explorer.worker.runners.run_neighbours:check",
    "EncodeQuery": "explorer.worker.runners.run_queries:encode",
    "SearchCollection": "explorer.worker.runners.run_neighbours:search",
    "Interrogate": "explorer.worker.runners.run_subjects:interrogate",
    "EncodeText": "explorer.worker.runners.run_subjects:encode_text",
    "RunSearch": "explorer.worker.runners.run_replays:search",
    "MeasureSubject": "explorer.worker.runners.run_measured:subject",
    "MeasureControls": "explorer.worker.runners.run_measured:controls",
    "MeasureStart": "explorer.worker.runners.run_after_replay:start",
    "AlignReplay": "explorer.worker.runners.run_after_replay:aligned",
    "RenderExhibit": "explorer.worker.runners.run_replays:exhibit",
    "RecoverSeed": "explorer.worker.runners.run_recovery:recover",
    "InspectModel": "explorer.worker.runners.run_models:inspect",
    "DownloadModel": "explorer.worker.runners.run_downloads:download",
    "TryModel": "explorer.worker.runners.run_models:attempt",
    "UnloadModels": "explorer.worker.runners.run_models:unload",
    "BuildCollection": "explorer.worker.runners.run_embedding:embed",
    "IndexCollection": "explorer.worker.runners.run_indexing:index",
    "FindDuplicates": "explorer.worker.runners.run_duplicates:report",
    "ExportCase": "explorer.worker.runners.run_packages:export",
    "WriteReport": "explorer.worker.runners.run_reports:write",
    "VerifyPackage": "explorer.worker.runners.run_packages:verify",
    "ReplayPackage": "explorer.worker.runners.run_package_replay:replay",
    "ReplayRecipe": "explorer.worker.runners.run_recipes:replay",
    "ImportPackage": "explorer.worker.runners.run_packages:take_in",
    "MeasureSignals": "explorer.worker.runners.run_signals:measure_signals",
    "ExtractPrompts": "explorer.worker.runners.run_extraction:run",
}


def runner(name: str) -> Callable[..., Iterator[Any]]:
    """The generator function that runs tasks of that name; ExplorerError if there is none."""
    if name not in RUNNERS:
        raise ExplorerError("worker.registry_version_cannot_run", name=name)
    module, _, function = RUNNERS[name].partition(":")
    return getattr(importlib.import_module(module), function)
