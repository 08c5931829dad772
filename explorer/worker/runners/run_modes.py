"""The ways of searching: what a RunSearch does in each mode, going on from what its case holds."""

from __future__ import annotations

from dataclasses import replace

from explorer.cases.case import Case
from explorer.diffusion.models import Model
from explorer.errors import ExplorerError
from explorer.jobs.tasks import RunSearch
from explorer.records import Recipe, Replay, SearchSummary
from explorer.records.race_records import RaceRound, RaceSetup
from explorer.search.closer import run_closer
from explorer.search.expand import check, expand, from_words
from explorer.search.one_search import Given, run_search
from explorer.search.optimised import run_optimised
from explorer.search.race_plan import race_setup
from explorer.search.race_run import run_race
from explorer.search.trigger import run_trigger
from explorer.worker.context import Context
from explorer.worker.runners import loading
from explorer.worker.runners.given_images import start_picture, stored_words

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
    if settings.mode == "trigger":
        recipes = expand(from_words(settings), model=model.ref, info=model.info)
        return recipes, 2 * len(recipes)
    recipes = expand(settings, model=model.ref, info=model.info, start_sha256=start_sha256)
    return recipes, len(recipes)


def run_mode(given: Given, context: Context, recipes: list[Recipe]) -> SearchSummary:
    """Searches as the settings say; what is on record is not made again. Optimised noise is always made here."""
    case, task, model = context.case(), given.task, given.model
    if task.settings.mode == "noise":
        return run_optimised(given, _parent(case, task, model))
    given = replace(given, engine=loading.painters(context, task.engine, task.model, model))
    if task.settings.mode == "closer":
        given = replace(given, start_of=lambda r: start_picture(case.blob, r))
        return run_closer(given, _parent(case, task, model), words=_words(case, task.subject_id))
    done = case.recipes_done(task.search_id)
    if task.settings.mode == "trigger":
        own = (task.settings.prompt, *task.settings.more_prompts, *_prompts(case, task.subject_id))
        return run_trigger(given, recipes, prompts=[p for p in own if p], terms=_words(case, task.subject_id),
                           done=done)
    if task.settings.recipes:
        given = replace(given, start_of=lambda r: start_picture(case.blob, r),
                        words_of=lambda r: stored_words(case.blob, r))
    if task.settings.mode != "race":
        return run_search(given, recipes, done=done)
    setup = case.record(RaceSetup, task.search_id)
    if setup is None:
        setup = race_setup(task.search_id, task.subject_id, task.settings, ref=model.ref, info=model.info)
        context.commit(setup)
    rounds = [r for r in case.records(RaceRound, subject_id=task.subject_id) if r.search_id == task.search_id]
    return run_race(given, recipes, setup=setup, rounds=rounds, done=done)


def _parent(case: Case, task: RunSearch, model: Model) -> Replay:
    parent = case.replay(task.settings.parent)
    if parent.recipe.model.fingerprint != model.ref.fingerprint:
        raise ExplorerError("worker.modes_replay_made_another", source=parent.recipe.model.source)
    if parent.recipe.noise_blob is not None or parent.recipe.embedding_blob is not None:
        raise ExplorerError("worker.modes_replay_starts_stored")
    return parent


def _prompts(case: Case, subject_id: str) -> tuple[str, ...]:
    """The subject's prompts, the best first."""
    return tuple(dict.fromkeys(c.text for c in case.prompts(subject_id) if c.mode != "negative"))


def _words(case: Case, subject_id: str) -> tuple[str, ...]:
    """Parts of the subject's other prompts, the best prompts first."""
    parts = (p.strip() for c in case.prompts(subject_id) if c.mode != "negative" for p in c.text.split(","))
    return tuple(dict.fromkeys(p for p in parts if p))[:MOST_WORDS]
