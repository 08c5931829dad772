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
    "EmbedSubject": "explorer.worker.runners.subjects:embed",
    "GenerateSubject": "explorer.worker.runners.replays:generate",
    "FindNeighbours": "explorer.worker.runners.neighbours:find",
    "CompareNeighbours": "explorer.worker.runners.queries:compare",
    "CheckCopy": "explorer.worker.runners.neighbours:check",
    "EncodeQuery": "explorer.worker.runners.queries:encode",
    "SearchCollection": "explorer.worker.runners.neighbours:search",
    "MapCollection": "explorer.worker.runners.neighbours:chart",
    "Interrogate": "explorer.worker.runners.subjects:interrogate",
    "EncodeText": "explorer.worker.runners.subjects:encode_text",
    "RunSearch": "explorer.worker.runners.replays:search",
    "MeasureSubject": "explorer.worker.runners.measured:subject",
    "MeasureControls": "explorer.worker.runners.measured:controls",
    "MeasureStart": "explorer.worker.runners.afterwards:start",
    "AlignReplay": "explorer.worker.runners.afterwards:aligned",
    "RenderExhibit": "explorer.worker.runners.replays:exhibit",
    "RecoverSeed": "explorer.worker.runners.recovery:recover",
    "InspectModel": "explorer.worker.runners.models:inspect",
    "DownloadModel": "explorer.worker.runners.downloads:download",
    "TryModel": "explorer.worker.runners.models:attempt",
    "UnloadModels": "explorer.worker.runners.models:unload",
    "BuildCollection": "explorer.worker.runners.building:embed",
    "IndexCollection": "explorer.worker.runners.indexing:index",
    "FindDuplicates": "explorer.worker.runners.duplicates:report",
    "ExportCase": "explorer.worker.runners.packages:export",
    "WriteReport": "explorer.worker.runners.reports:write",
    "VerifyPackage": "explorer.worker.runners.packages:verify",
    "ReplayPackage": "explorer.worker.runners.replaying:replay",
    "ReplayRecipe": "explorer.worker.runners.recipes:replay",
    "ImportPackage": "explorer.worker.runners.packages:take_in",
    "MeasureSignals": "explorer.worker.runners.signals:measure_signals",
    "ExtractPrompts": "explorer.worker.runners.extraction:run",
}


def runner(name: str) -> Callable[..., Iterator[Any]]:
    """The generator function that runs tasks of that name; ExplorerError if there is none."""
    if name not in RUNNERS:
        raise ExplorerError(f"This version cannot run {name} tasks. Update it on the machine that works.")
    module, _, function = RUNNERS[name].partition(":")
    return getattr(importlib.import_module(module), function)
