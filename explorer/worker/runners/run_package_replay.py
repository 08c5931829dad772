"""Renders a package's exhibits again on this machine and states the difference; runs in the device worker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from explorer.cases.package import Package
from explorer.closeness.pixel_scores import compare
from explorer.diffusion.exhibit import exhibit
from explorer.diffusion.models import Model
from explorer.errors import ExplorerError
from explorer.images.decode import open_image
from explorer.jobs.tasks import ReplayPackage
from explorer.records import Environment, Replay
from explorer.run import Run
from explorer.texts import say
from explorer.worker.context import Context
from explorer.worker.runners import loading
from explorer.worker.runners.given_images import start_picture, stored_noise, stored_words
from explorer.worker.runners.surroundings import surroundings


def replay(task: ReplayPackage, context: Context) -> Any:
    """One verdict an exhibit: identical, different (with the measured difference), or why not replayed."""
    context.report(0, 0, say("progress.loading_model"))
    model = loading.model(context, task.model)
    here = surroundings(model.device)
    verdicts = []
    with Package(Path(task.path)) as package:
        exhibits = package.case.exhibits()
        for number, shown in enumerate(exhibits):
            context.report(number, len(exhibits), say("progress.rendering_exhibits_again"))
            verdicts.append(_judge(shown, package, model, here, context.run))
    identical = sum(v["state"] == "identical" for v in verdicts)
    largest = max((v["largest_difference"] for v in verdicts if "largest_difference" in v), default=0)
    return {"exhibits": len(verdicts), "identical": identical, "largest_difference": largest,
            "environment": here, "verdicts": verdicts}


def _judge(shown: Replay, package: Package, model: Model, here: dict[str, Any], run: Run) -> dict[str, Any]:
    recipe = shown.recipe
    base = {"replay_id": shown.id, "same_environment": _same(shown, package, here)}
    if recipe.model.fingerprint != model.ref.fingerprint:
        return base | {"state": "not replayed",
                       "why": say("note.worker.made_another_model", fingerprint=recipe.model.fingerprint[:16])}
    try:
        start = start_picture(package.blob, recipe,
                              read=lambda data: open_image(data, name=say("note.worker.starting_image")).rgb)
        made = exhibit(model, recipe, start_rgb=start, noise=stored_noise(package.blob, recipe, model),
                       words=stored_words(package.blob, recipe), run=run)
        stored = open_image(package.blob(shown.image_sha256), name="the exhibit").rgb
    except ExplorerError as error:
        return base | {"state": "not replayed", "why": str(error)}
    if made.hashes["png"] == shown.image_sha256:
        return base | {"state": "identical", "hashes": made.hashes}
    return base | {"state": "different", "hashes": made.hashes, **_difference(made.rgb, stored),
                   "same": sorted(k for k, v in made.hashes.items() if shown.hashes.get(k) == v)}


def _difference(made: np.ndarray, stored: np.ndarray) -> dict[str, Any]:
    """Largest and mean difference of two (h, w, 3) uint8 images in steps of 0 to 255, and closeness."""
    if made.shape != stored.shape:
        return {"why": say("note.worker.sizes_differ", shape=made.shape[:2], stored_shape=stored.shape[:2])}
    gap = np.abs(made.astype(np.int16) - stored.astype(np.int16))
    return {"largest_difference": int(gap.max()), "mean_difference": float(gap.mean()),
            "closeness": compare(stored, made, only=("tiled_l2", "psnr"))}


def _same(shown: Replay, package: Package, here: dict[str, Any]) -> bool:
    """Whether the exhibit was made in surroundings with this very fingerprint."""
    there = package.case.record(Environment, shown.environment_sha256)
    return there is not None and there.facts == here
