"""Fetches a model into the workspace; runs in the desk worker, which knows no torch."""

from __future__ import annotations

import os
import time
from typing import Any

from explorer.diffusion.describe import describe_model
from explorer.diffusion.download import HUB, download_model
from explorer.jobs.tasks import DownloadModel
from explorer.records import Progress, to_json
from explorer.run import Retold
from explorer.texts import say
from explorer.worker.context import Context

MB = 1_000_000


def download(task: DownloadModel, context: Context) -> Any:
    """Writes the model's files into the workspace, checked; `HF_ENDPOINT` names another hub (a mirror)."""
    home = context.settings.home
    context.report(0, 0, say("progress.asking_hub"))
    source = download_model(task.source, home=home, offline=context.settings.offline, variant=task.variant,
                            hub=os.environ.get("HF_ENDPOINT") or HUB, run=Retold(context.run, _Megabytes()))
    context.report(0, 0, say("progress.computing_fingerprint"))
    return {"source": source, "info": to_json(describe_model(source, home=home))}


class _Megabytes:
    """Tells bytes as megabytes, with the time left at the speed since the first of them."""

    def __init__(self) -> None:
        self.began, self.first = time.monotonic(), -1

    def __call__(self, told: Progress) -> Progress:
        self.first = told.done if self.first < 0 else self.first
        fetched = told.done - self.first
        left_s = (told.total - told.done) * (time.monotonic() - self.began) / fetched if fetched > MB else None
        return Progress(told.done // MB, told.total // MB, say("progress.megabytes",
                                                               message=told.message), left_s=left_s)
