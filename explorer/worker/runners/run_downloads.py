"""Fetches a model into the workspace; runs in the desk worker, which knows no torch."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

from explorer.diffusion.describe import describe_model
from explorer.diffusion.download import HUB, download_model
from explorer.jobs.tasks import DownloadModel
from explorer.records import Progress, to_json
from explorer.texts import say
from explorer.worker.context import Context

MB = 1_000_000


def download(task: DownloadModel, context: Context) -> Iterator[Progress]:
    """Writes the model's files into the workspace, checked; `HF_ENDPOINT` names another hub (a mirror)."""
    home, began, first = context.settings.home, time.monotonic(), None
    events = download_model(task.source, home=home, offline=context.settings.offline, variant=task.variant,
                            hub=os.environ.get("HF_ENDPOINT") or HUB)
    yield Progress(0, 0, say("progress.asking_hub"))
    for event in events:
        if isinstance(event, str):
            yield Progress(0, 0, say("progress.computing_fingerprint"))
            return {"source": event, "info": to_json(describe_model(event, home=home))}
        first = event.done if first is None else first
        yield _in_megabytes(event, elapsed_s=time.monotonic() - began, fetched=event.done - first)
    raise AssertionError("a download ends with its pinned source")


def _in_megabytes(event: Progress, *, elapsed_s: float, fetched: int) -> Progress:
    left_s = (event.total - event.done) * elapsed_s / fetched if fetched > MB else None
    return Progress(event.done // MB, event.total // MB, say("progress.megabytes",
                                                             message=event.message), left_s=left_s)
