"""Fetches a model into the workspace; runs in the desk worker, which knows no torch."""

from __future__ import annotations

import json
import os
import time
from typing import Any

from explorer.clip.known_clips import KNOWN, is_clip
from explorer.clip.weights_files import CONFIG, WEIGHTS
from explorer.diffusion.describe import describe_model
from explorer.diffusion.download import HUB, download_files, download_model
from explorer.foreign.reading import read_json
from explorer.jobs.tasks import DownloadClip, DownloadModel
from explorer.records import Progress, to_json
from explorer.run import Retold
from explorer.texts import say
from explorer.worker.context import Context

MB = 1_000_000


def download(task: DownloadModel, context: Context) -> Any:
    """Writes the model's files into the workspace, checked; `HF_ENDPOINT` names another hub (a mirror)."""
    home = context.settings.home
    context.report(0, 0, say("progress.asking_hub"))
    source = download_model(task.source, home=home, offline=context.settings.offline and not task.asked,
                            variant=task.variant, hub=os.environ.get("HF_ENDPOINT") or HUB,
                            run=Retold(context.run, _Megabytes()))
    context.report(0, 0, say("progress.computing_fingerprint"))
    return {"source": source, "info": to_json(describe_model(source, home=home))}


def clip(task: DownloadClip, context: Context) -> Any:
    """Writes a known CLIP's two files into the workspace, checked, with its config as its weights need it."""
    known, home = KNOWN[task.clip], context.settings.home
    target = known.folder(home)
    if not is_clip(target):
        context.report(0, 0, say("progress.asking_hub"))
        download_files(known.repo, (CONFIG, WEIGHTS), target, offline=context.settings.offline and not task.asked,
                       hub=os.environ.get("HF_ENDPOINT") or HUB, run=Retold(context.run, _Megabytes()))
    config = read_json(target / CONFIG)
    model = config.get("model_cfg")
    if known.quick_gelu and isinstance(model, dict) and not model.get("quick_gelu"):
        (target / CONFIG).write_text(json.dumps(config | {"model_cfg": model | {"quick_gelu": True}}), "utf-8")
    return {"clip": str(target), "name": known.name}


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
