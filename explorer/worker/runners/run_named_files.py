"""Looks among the files of this computer for what a subject's embedded settings name."""

from __future__ import annotations

from typing import Any

from explorer.diffusion.named_files import look_for
from explorer.images.metadata import read_metadata
from explorer.jobs.tasks import FindNamedFiles
from explorer.records import to_json
from explorer.texts import say
from explorer.worker.context import Context


def look(task: FindNamedFiles, context: Context) -> Any:
    """NamedFiles as JSON; the first pass is what is compared."""
    context.report(0, 1, say("progress.reading_model_files"))
    case = context.case(task.case_id)
    found = read_metadata(case.blob(case.subject(task.subject_id).sha256)).generation
    return to_json(look_for(found[0], task.model, context.settings))
