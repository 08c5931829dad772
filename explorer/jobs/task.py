"""What every task says of itself: which worker runs it, with which function, and whether it is short."""

from __future__ import annotations

from typing import Any

from explorer.records import from_json, to_json

TASKS: dict[str, type[Task]] = {}  # by name; filled by their own declarations


class Task:
    """A small value, JSON-friendly, that screens and the command line put on the queue.

    `KIND` says which worker runs it: "device" owns torch and the models, "desk" has no torch and does faiss,
    metadata and files. An `INTERACTIVE` task is short and may interrupt a long one between two sampler steps.
    `RUNNER` is "module:function", imported when the first such task comes: `run(task, context)` commits its
    results through the context, reports on `context.run` and returns the job's result (JSON or None).
    """

    KIND = ""
    INTERACTIVE = False
    RUNNER = ""

    def __init_subclass__(cls, *, kind: str, runner: str, interactive: bool = False) -> None:
        cls.KIND, cls.RUNNER, cls.INTERACTIVE = kind, runner, interactive
        TASKS[cls.__name__] = cls


def task_to_json(task: Task) -> dict[str, Any]:
    """The task's name and fields."""
    return {"task": type(task).__name__, **to_json(task)}


def task_from_json(value: dict[str, Any]) -> Any:
    """The task that `task_to_json` wrote; KeyError for an unknown kind, TypeError for unknown fields."""
    fields = dict(value)
    return from_json(TASKS[fields.pop("task")], fields)
