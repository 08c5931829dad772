"""The ways of searching: what a RunSearch does in each mode, going on from what its case holds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from explorer.cases.case import Case
from explorer.diffusion.models import Model
from explorer.errors import ExplorerError
from explorer.images.decode import read_png
from explorer.jobs.tasks import RunSearch
from explorer.records import Recipe, Replay
from explorer.records.race_records import RaceRound, RaceSetup
from explorer.search.closer import run_closer
from explorer.search.expand import check, expand
from explorer.search.fit_size import fit
from explorer.search.optimised import run_optimised
from explorer.search.race_plan import race_setup
from explorer.search.race_run import run_race
from explorer.search.run import run_search
from explorer.worker.context import Context
from explorer.worker.runners import loading

MOST_WORDS = 48


def planned_recipes(task: RunSearch, model: Model, *, start_sha256: str) -> tuple[list[Recipe], int]:
    """The recipes of a search as far as they are known beforehand, and how many replays are planned."""
    settings = task.settings
    if settings.mode == "closer":
        check(settings)
        if not settings.parent or settings.rounds < 1 or settings.options < 1:
            raise ExplorerError("worker.modes_closer_search_needs")
        return [], settings.rounds * settings.options
    if settings.mode == "noise":
        check(settings)
        return [], 1
    recipes = expand(settings, model=model.ref, info=model.info, start_sha256=start_sha256)
    return recipes, len(recipes)


def events_of(task: RunSearch, context: Context, model: Model, encoder: Any, recipes: list[Recipe],
              rgb: np.ndarray) -> Iterator[Any]:
    """The search's events; what is on record is not made again. Optimised noise is made here in any case."""
    case, mode = context.case(), task.settings.mode
    engine = loading.painters(context, task.engine, task.model, model)
    earlier = case.replays(task.subject_id, search_id=task.search_id, order_by="time", limit=-1)
    if mode == "closer":
        return run_closer(model, encoder, task, _parent(case, task, model), rgb, earlier=earlier,
                          words=_words(case, task.subject_id), picture_of=lambda r: start_picture(case, r),
                          engine=engine)
    if mode == "noise":
        return run_optimised(model, encoder, task, _parent(case, task, model), rgb, earlier=earlier)
    done = case.recipes_done(task.search_id)
    if mode != "race":
        return run_search(model, encoder, task, recipes, rgb, earlier=earlier, done=done, engine=engine)
    setup = case.record(RaceSetup, task.search_id)
    if setup is None:
        setup = race_setup(task.search_id, task.subject_id, task.settings, ref=model.ref, info=model.info)
        context.commit(setup)
    rounds = [r for r in case.records(RaceRound, subject_id=task.subject_id) if r.search_id == task.search_id]
    return run_race(model, encoder, task, recipes, rgb, setup=setup, rounds=rounds, earlier=earlier, done=done,
                    engine=engine)


def start_picture(case: Case, recipe: Recipe) -> np.ndarray | None:
    """The picture that a recipe starts from at its size, from the case's blobs; None for one from noise."""
    if recipe.start_sha256 is None:
        return None
    return fit(read_png(case.blob(recipe.start_sha256)), height_px=recipe.height_px, width_px=recipe.width_px)


def _parent(case: Case, task: RunSearch, model: Model) -> Replay:
    parent = case.replay(task.settings.parent)
    if parent.recipe.model.fingerprint != model.ref.fingerprint:
        raise ExplorerError("worker.modes_replay_made_another", source=parent.recipe.model.source)
    if parent.recipe.noise_blob is not None:
        raise ExplorerError("worker.modes_replay_starts_stored")
    return parent


def _words(case: Case, subject_id: str) -> tuple[str, ...]:
    """Parts of the subject's other prompts, the best prompts first."""
    parts = (p.strip() for c in case.prompts(subject_id) if c.mode != "negative" for p in c.text.split(","))
    return tuple(dict.fromkeys(p for p in parts if p))[:MOST_WORDS]
