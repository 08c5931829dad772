"""Searches over replays, exhibits, and subjects that the model makes."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from explorer.cases.case import Case
from explorer.closeness.pixel_scores import compare
from explorer.diffusion.environment import environment, environment_sha256
from explorer.diffusion.exhibit import exhibit
from explorer.diffusion.models import Model
from explorer.errors import Cancelled, ExplorerError
from explorer.findings.case_ledger import replay_ledger
from explorer.images.decode import read_png
from explorer.jobs.tasks import GenerateSubject, RenderExhibit, RunSearch
from explorer.records import (
    Environment,
    PromptRead,
    Recipe,
    Replay,
    ReplaySettings,
    SearchPlan,
    SearchSummary,
    to_json,
)
from explorer.records.replay_settings import logged
from explorer.search.expand import expand
from explorer.search.fit_size import fit
from explorer.search.floor import autoencoder_floor
from explorer.search.one_search import Given
from explorer.texts import say
from explorer.worker.context import Context
from explorer.worker.runners import loading
from explorer.worker.runners.given_images import start_picture, stored_noise, stored_words
from explorer.worker.runners.run_modes import planned_recipes, run_mode
from explorer.worker.runners.surroundings import surroundings

EXHIBITS = 3  # the best of a search that are rendered again


def search(task: RunSearch, context: Context) -> Any:
    """Writes a plan, then each replay as it is made, then the best again as exhibits, then the summary."""
    context.report(0, 0, say("progress.loading_model"))
    case, model = context.case(), loading.model(context, task.model)
    encoder = loading.encoder(context, task.clip)
    subject = case.subject(task.subject_id)
    environment_id = _record_environment(model, context)
    task = dataclasses.replace(task, settings=_settings(task, case, model))
    recipes, planned = planned_recipes(task, model, start_sha256=subject.pixels_sha256)
    context.commit(SearchPlan(task.search_id, subject.id, logged(task.settings), model.ref,
                              encoder.fingerprint, environment_id, planned, *_read(model, recipes)))
    rgb = read_png(case.blob(subject.pixels_sha256))

    def keep(replay: Replay, *blobs: bytes) -> None:
        context.commit(replay, blobs={hashlib.sha256(blob).hexdigest(): blob for blob in blobs})
        context.run.tick()

    given = Given(model, encoder, task, rgb, keep, on_record=context.commit, run=context.run, earlier=case.replays(
        subject.id, search_id=task.search_id, order_by="time", limit=-1))
    summary = run_mode(given, context, recipes)
    if summary.state == "cancelled":
        context.commit(_with_ledger(summary, case))
        raise Cancelled
    _exhibits(task, context, model, encoder)
    summary = _floored(_with_ledger(summary, case), model, rgb, case)
    context.commit(summary)
    return to_json(summary)


def _read(model: Model, recipes: Sequence[Recipe]) -> tuple[PromptRead | None, PromptRead | None]:
    """How the model takes the prompt and the negative one; not known of a model that its own pipeline runs."""
    if not recipes or not model.own_loop:
        return None, None
    first, read = recipes[0], model.family.prompt_read
    return read(first.prompt, first.dialect), read(first.negative_prompt, first.dialect)


def _floored(summary: SearchSummary, model: Model, rgb: np.ndarray, case: Case) -> SearchSummary:
    """The summary with what the model's own autoencoder leaves of the subject at the best replay's size."""
    if not summary.best_replay_id:
        return summary
    size = case.replay(summary.best_replay_id).recipe
    return dataclasses.replace(summary, floor=autoencoder_floor(
        model, rgb, height_px=size.height_px, width_px=size.width_px))


def _with_ledger(summary: SearchSummary, case: Case) -> SearchSummary:
    """The summary with the ledger of its best replay: the bits that the person supplied for it."""
    if not summary.best_replay_id:
        return summary
    return dataclasses.replace(summary, ledger=replay_ledger(case, case.replay(summary.best_replay_id)))


def _settings(task: RunSearch, case: Case, model: Model) -> ReplaySettings:
    """The settings with their prompt; a search that was begun before keeps to its plan."""
    plan = case.record(SearchPlan, task.search_id)
    if plan is not None:
        if plan.model != model.ref:
            raise ExplorerError("worker.replays_model_files_changed")
        return dataclasses.replace(task.settings, prompt=plan.settings["prompt"])
    if task.settings.prompt or task.settings.recipes:
        return task.settings
    return dataclasses.replace(task.settings, prompt=case.chosen_prompt(task.subject_id))


def _exhibits(task: RunSearch, context: Context, model: Model, encoder: Any) -> None:
    best = context.case().replays(task.subject_id, search_id=task.search_id,
                                  order_by=task.settings.primary_score, limit=EXHIBITS)
    total = context.case().count_replays(task.subject_id, search_id=task.search_id)
    for number, replay in enumerate(best, 1):
        if not replay.exhibit:
            context.report(total, total, say("progress.rendering_best_again", number=number, best_count=len(best)),
                           best_replay_id=best[0].id)
            _render(replay, context, model, encoder)


def again(task: RenderExhibit, context: Context) -> Any:
    """Writes a stored replay again as an exhibit, with the hash of every stage."""
    context.report(0, 1, say("progress.loading_model"))
    case, model = context.case(), loading.model(context, task.model)
    replay = case.replay(task.replay_id)
    if replay.recipe.model.fingerprint != model.ref.fingerprint:
        raise ExplorerError("worker.replays_made_another_model", source=replay.recipe.model.source)
    if not replay.exhibit:
        _record_environment(model, context)
        _render(replay, context, model, _encoder_of(replay, case, context))
    context.report(1, 1, say("progress.rendered"))
    return {"replay_id": replay.id}


def _encoder_of(replay: Replay, case: Case, context: Context) -> Any | None:
    """The CLIP that scored the replay, if the settings' one is it; otherwise its score is kept as it is."""
    plan = case.record(SearchPlan, replay.search_id)
    encoder = loading.encoder(context, context.settings.clip)
    return encoder if plan is not None and plan.clip_fingerprint == encoder.fingerprint else None


def _render(replay: Replay, context: Context, model: Model, encoder: Any | None) -> None:
    """One exhibit, committed under the replay's id with its closeness measured anew."""
    case, recipe = context.case(), replay.recipe
    rendered = exhibit(model, recipe, start_rgb=start_picture(case.blob, recipe),
                       noise=stored_noise(case.blob, recipe, model), words=stored_words(case.blob, recipe),
                       run=context.run)
    subject = case.subject(replay.subject_id)
    target = fit(read_png(case.blob(subject.pixels_sha256)), height_px=recipe.height_px,
                 width_px=recipe.width_px)
    closeness = replay.closeness | compare(target, rendered.rgb)
    if encoder is not None:
        pair = encoder.encode_images([target, rendered.rgb])  # (2, d)
        closeness["clip_cosine"] = float(pair[0] @ pair[1])
    made = dataclasses.replace(
        replay, exhibit=True, closeness=closeness, hashes=rendered.hashes,
        image_sha256=rendered.hashes["png"], environment_sha256=environment_sha256(environment(model.device)))
    context.commit(made, blobs={rendered.hashes["png"]: rendered.png})


def generate(task: GenerateSubject, context: Context) -> Any:
    """Writes a new subject that the model made, with its recipe."""
    context.report(0, 1, say("progress.loading_model"))
    model = loading.model(context, task.model)
    settings = dataclasses.replace(task.settings, seeds=1, strengths=())
    recipe = expand(settings, model=model.ref, info=model.info)[0]
    environment_id = _record_environment(model, context)
    rendered = exhibit(model, recipe, run=context.run, on_step=lambda v: context.report(
        0, 1, say("progress.making_image"), step=v.index + 1, steps=v.steps))
    case = context.case()
    subject = case.add_subject(
        rendered.png, f"{recipe.prompt[:60] or 'no prompt'} (seed {recipe.seed})", origin="generated",
        recipe=rendered.recipe, job_id=context.job.id)
    case.note("subject generated", {"subject_id": subject.id, "hashes": rendered.hashes,
                                    "environment": environment_id}, job_id=context.job.id)
    return {"subject_id": subject.id}


def _record_environment(model: Model, context: Context) -> str:
    found = Environment(environment_sha256(environment(model.device)), surroundings(model.device))
    context.commit(found)
    return found.id
