"""The typed tasks that screens and the command line put on the queue; small values, JSON-friendly.

`KIND` says which worker runs a task: "device" owns torch and the models, "desk" has no torch and does
faiss, metadata and files. `INTERACTIVE` tasks are short and may interrupt a long one between two
sampler steps. A chain (`after=`) runs only when the job before it has ended well.
"""

from __future__ import annotations

from typing import Any

from explorer.jobs.case_tasks import (
    AlignReplay,
    CheckCopy,
    CompareNeighbours,
    EmbedSubject,
    ExportCase,
    FindNeighbours,
    GenerateSubject,
    Interrogate,
    MeasureControls,
    MeasureSignals,
    MeasureStart,
    MeasureSubject,
    RecoverSeed,
    RenderExhibit,
    RunSearch,
    WriteReport,
)
from explorer.jobs.library_tasks import (
    BuildCollection,
    DownloadModel,
    EncodeQuery,
    EncodeText,
    ExtractPrompts,
    FindDuplicates,
    ImportPackage,
    IndexCollection,
    InspectModel,
    ReplayPackage,
    ReplayRecipe,
    SearchCollection,
    TryModel,
    UnloadModels,
    VerifyPackage,
)
from explorer.records import from_json, to_json
from explorer.records.replay_settings import ReplaySettings, StopRules

TASKS = {t.__name__: t for t in (
    EmbedSubject, FindNeighbours, CompareNeighbours, CheckCopy, Interrogate, RunSearch,
    MeasureSubject, MeasureControls, MeasureStart, AlignReplay, GenerateSubject, RecoverSeed,
    RenderExhibit, EncodeText, EncodeQuery,
    SearchCollection, InspectModel, DownloadModel, TryModel, UnloadModels, BuildCollection,
    IndexCollection, FindDuplicates, ExportCase, WriteReport, VerifyPackage, ReplayPackage, ReplayRecipe,
    ImportPackage, MeasureSignals, ExtractPrompts)}


def task_to_json(task: Any) -> dict[str, Any]:
    return {"task": type(task).__name__, **to_json(task)}


def task_from_json(value: dict[str, Any]) -> Any:
    """The task that `task_to_json` wrote; KeyError for an unknown kind, TypeError for unknown fields."""
    fields = dict(value)
    return from_json(TASKS[fields.pop("task")], fields)


__all__ = [*TASKS, "TASKS", "ReplaySettings", "StopRules", "task_from_json", "task_to_json"]
