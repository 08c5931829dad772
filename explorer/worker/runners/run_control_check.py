"""Looks at controls before they are run: how many, how like the works, how old; no model."""

from __future__ import annotations

from typing import Any

from explorer.findings.control_check import check_controls, check_measured, controls_in
from explorer.findings.controls import world_features
from explorer.images.decode import read_png
from explorer.jobs.tasks import CheckControls
from explorer.records import to_json
from explorer.records.policy import Policy
from explorer.settings import WORLD
from explorer.texts import say
from explorer.worker.context import Context


def check(task: CheckControls, context: Context) -> Any:
    """ControlCheck as JSON."""
    works = {}
    if task.case:
        case = context.case(task.case)
        works = {s.name: read_png(case.blob(s.pixels_sha256)) for s in case.subjects()}
    if task.controls == "world":
        return to_json(check_measured(world_features(WORLD, Policy()), works))
    files = controls_in(task.controls)

    def told(done: int) -> None:
        context.report(done, len(files), say("progress.reading_controls"))

    return to_json(check_controls(files, works, made_after=task.made_after, told=told))
