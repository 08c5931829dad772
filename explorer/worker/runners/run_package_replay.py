"""Renders a package's exhibits again on this machine and states the difference; runs in the device worker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from explorer.cases.kinds import Environment
from explorer.cases.package import Package
from explorer.cases.reads import record
from explorer.closeness.scores import compare
from explorer.diffusion.models import Model
from explorer.diffusion.rendered import Rendered
from explorer.diffusion.stepwise import exhibit_steps
from explorer.errors import ExplorerError
from explorer.images.decode import open_image
from explorer.jobs.tasks import ReplayPackage
from explorer.records import Progress, Recipe, Replay, Tick
from explorer.search.fit_size import fit
from explorer.texts import say
from explorer.worker.context import Context
from explorer.worker.runners import loading
from explorer.worker.runners.surroundings import surroundings


def replay(task: ReplayPackage, context: Context) -> Iterator[Any]:
    """One verdict an exhibit: identical, different (with the measured difference), or why not replayed."""
    yield Progress(0, 0, say("progress.loading_model"))
    model = loading.model(context, task.model)
    here = surroundings(model.device)
    verdicts = []
    with Package(Path(task.path)) as package:
        shown = package.exhibits()
        for number, exhibit in enumerate(shown):
            yield Progress(number, len(shown), say("progress.rendering_exhibits_again"))
            verdicts.append((yield from _judge(exhibit, package, model, here)))
    identical = sum(v["state"] == "identical" for v in verdicts)
    largest = max((v["largest_difference"] for v in verdicts if "largest_difference" in v), default=0)
    return {"exhibits": len(verdicts), "identical": identical, "largest_difference": largest,
            "environment": here, "verdicts": verdicts}


def _judge(exhibit: Replay, package: Package, model: Model, here: dict[str, Any]) -> Iterator[Any]:
    base = {"replay_id": exhibit.id, "same_environment": _same(exhibit, package, here)}
    if exhibit.recipe.model.fingerprint != model.ref.fingerprint:
        return base | {"state": "not replayed",
                       "why": say("note.worker.made_another_model",
                                  fingerprint=exhibit.recipe.model.fingerprint[:16])}
    try:
        made = yield from _render(exhibit.recipe, package, model)
        stored = open_image(package.blob(exhibit.image_sha256), name="the exhibit").rgb
    except ExplorerError as error:
        return base | {"state": "not replayed", "why": str(error)}
    if made.hashes["png"] == exhibit.image_sha256:
        return base | {"state": "identical", "hashes": made.hashes}
    return base | {"state": "different", "hashes": made.hashes, **_difference(made.rgb, stored),
                   "same": sorted(k for k, v in made.hashes.items() if exhibit.hashes.get(k) == v)}


def _difference(made: np.ndarray, stored: np.ndarray) -> dict[str, Any]:
    """Largest and mean difference of two (h, w, 3) uint8 images in steps of 0 to 255, and closeness."""
    if made.shape != stored.shape:
        return {"why": say("note.worker.sizes_differ", shape=made.shape[:2], stored_shape=stored.shape[:2])}
    gap = np.abs(made.astype(np.int16) - stored.astype(np.int16))
    return {"largest_difference": int(gap.max()), "mean_difference": float(gap.mean()),
            "closeness": compare(stored, made, only=("tiled_l2", "psnr"))}


def _render(recipe: Recipe, package: Package, model: Model) -> Iterator[Any]:
    start, noise = None, None
    if recipe.start_sha256 is not None:
        picture = open_image(package.blob(recipe.start_sha256), name=say("note.worker.starting_image")).rgb
        start = fit(picture, height_px=recipe.height_px, width_px=recipe.width_px)
    if recipe.noise_blob is not None:
        shape = model.noise_shape(recipe)
        noise = np.frombuffer(package.blob(recipe.noise_blob), "<f4").reshape(shape)
    return (yield from _steps(model, recipe, start_rgb=start, noise=noise))


def _steps(model: Model, recipe: Recipe, *, start_rgb: np.ndarray | None,
           noise: np.ndarray | None) -> Iterator[Any]:
    for event in exhibit_steps(model, recipe, start_rgb=start_rgb, noise=noise):
        if isinstance(event, Rendered):
            return event
        yield Tick()
    raise AssertionError("a run ends with its image")


def _same(exhibit: Replay, package: Package, here: dict[str, Any]) -> bool:
    """Whether the exhibit was made in surroundings with this very fingerprint."""
    there = record(package.database, Environment, exhibit.environment_sha256)
    return there is not None and there.facts == here
