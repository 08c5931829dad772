"""What is measured of one replay afterwards: what its start costs, and how close it comes once aligned."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

from explorer.closeness.alignment import OPTIONS, align
from explorer.closeness.pixel_scores import compare
from explorer.errors import ExplorerError
from explorer.findings.case_ledger import replay_ledger
from explorer.findings.finding import AlignedReplay
from explorer.images.decode import png_bytes, read_png
from explorer.jobs.tasks import AlignReplay, MeasureStart
from explorer.records import SearchPlan, SearchSummary, Start, to_json
from explorer.search.fit_size import fit
from explorer.search.start_ledger import measure_start
from explorer.texts import say
from explorer.worker.context import Context
from explorer.worker.runners import loading
from explorer.worker.runners.given_images import start_picture, stored_noise


def start(task: MeasureStart, context: Context) -> Any:
    """Writes the measured bill of what a replay was given, and its search's summary again with it."""
    context.report(0, 0, say("progress.loading_model"))
    case, model = context.case(), loading.model(context, task.model)
    replay = case.replay(task.replay_id)
    recipe = replay.recipe
    plan = case.record(SearchPlan, replay.search_id)
    if plan is not None and plan.settings.get("mode") == "closer":
        raise ExplorerError("worker.after_replay_reached_rounds_another")
    if recipe.start(case.subject(replay.subject_id)) in (Start.NOISE, Start.FITTED):  # fitted words are a code
        raise ExplorerError("worker.after_replay_given_no_image")
    if recipe.model.fingerprint != model.ref.fingerprint:
        raise ExplorerError("worker.after_replay_made_another_model", source=recipe.model.source)
    rgb = read_png(case.blob(case.subject(replay.subject_id).pixels_sha256))
    context.report(0, 0, say("progress.looking_shortest_code"))
    found = measure_start(model, replay, rgb, score=task.score, start_rgb=start_picture(case.blob, recipe),
                          noise=stored_noise(case.blob, recipe, model), run=context.run)
    context.commit(found)
    summary = case.record(SearchSummary, replay.search_id)
    if summary is not None and summary.best_replay_id == replay.id:
        context.commit(dataclasses.replace(summary, ledger=replay_ledger(case, replay)))
    return to_json(found)


def aligned(task: AlignReplay, context: Context) -> Any:
    """Writes the replay as it was laid over its subject, what was done to it, and its scores after that."""
    options = tuple(o for o in OPTIONS if o in task.options)
    if not options:
        raise ExplorerError("worker.after_replay_choose_least_one", options=", ".join(OPTIONS))
    context.report(0, 1, say("progress.aligning"))
    case = context.case()
    replay = case.replay(task.replay_id)
    other = read_png(case.blob(replay.image_sha256))
    subject = fit(read_png(case.blob(case.subject(replay.subject_id).pixels_sha256)), height_px=other.shape[0],
                  width_px=other.shape[1])
    laid = align(subject, other, options)
    png = png_bytes(laid.rgb)
    name = hashlib.sha256(png).hexdigest()
    found = AlignedReplay(f"{replay.id} {' '.join(options)}", replay.subject_id, replay.id, options, laid.words(),
                          compare(subject, laid.rgb), name)
    context.commit(found, blobs={name: png})
    context.report(1, 1, say("progress.aligned"))
    return to_json(found)
