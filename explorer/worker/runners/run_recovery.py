"""Was this image made from a known seed? Scans a range of seeds and replays what stands out."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import numpy as np

from explorer.closeness.pixel_scores import compare
from explorer.diffusion.exhibit import exhibit
from explorer.diffusion.inversion import invert
from explorer.diffusion.models import Model
from explorer.errors import Cancelled, ExplorerError
from explorer.images.decode import read_png
from explorer.jobs.tasks import RecoverSeed
from explorer.records import Recipe, to_json
from explorer.records.scans import REPEATS_AT, SeedMatch, SeedScan
from explorer.search.fit_size import fit
from explorer.search.seed_recovery import Match, Scan, scan, subject_latents
from explorer.texts import say
from explorer.worker.context import Context
from explorer.worker.runners import loading

COMMIT_S = 20.0
CONFIRM = 3  # matches that are replayed
KEPT = 10


def recover(task: RecoverSeed, context: Context) -> Any:
    """Writes where the scan stands from time to time, then the scan with the replays of what it names."""
    _check(task)
    context.report(0, 0, say("progress.loading_model"))
    case, model = context.case(), loading.model(context, task.model)
    subject = case.subject(task.subject_id)
    side = model.info.default_size_px
    rgb = fit(read_png(case.blob(subject.pixels_sha256)), height_px=side, width_px=side)
    latents = _latents(model, rgb, context)
    stored = case.record(SeedScan, task.scan_id)
    if stored is not None and stored.model_fingerprint != model.ref.fingerprint:
        raise ExplorerError("worker.recovery_model_files_changed")
    before = sum(s.tried for s in case.records(SeedScan, subject_id=subject.id) if s.id != task.scan_id)
    state = _scan(task, context, model, latents, None if stored is None else _resumed(stored), before)
    found = _record(task, model, latents, state)
    found = _confirm(found, model, rgb, case.chosen_prompt(subject.id), context)
    context.commit(found)
    return to_json(found)


def _check(task: RecoverSeed) -> None:
    if not 0 <= task.first < task.stop <= 2 ** 63:
        raise ExplorerError("worker.recovery_seeds_no_range", first=task.first, stop=task.stop - 1)
    if "torch-cpu" in task.sources and task.stop > REPEATS_AT:
        raise ExplorerError("worker.recovery_pytorch_processor_knows", repeats_at=REPEATS_AT)
    if not task.sources:
        raise ExplorerError("worker.recovery_choose_least_one")


def _latents(model: Model, rgb: np.ndarray, context: Context) -> dict[str, np.ndarray]:
    """The subject's latents, plain and (where the sampler can be looked into) inverted without a prompt."""
    found = subject_latents(model, {"plain": rgb})
    if model.own_loop:
        side, facts = model.info.default_size_px, model.family.facts
        recipe = Recipe(model.ref, "", 0, model.info.default_steps, facts.unguided,
                        facts.walks_back, side, side,
                        precision=model.precision)
        found["inverted"] = invert(model, recipe, rgb, rounds=0, run=context.run).noise
    return found


def _scan(task: RecoverSeed, context: Context, model: Model, latents: dict[str, np.ndarray],
          resumed: Scan | None, before: int) -> Scan:
    """Blocks of seeds to the end of the range; commits now and then, and when it is stopped."""
    began = written = time.monotonic()
    state, first = resumed, task.first if resumed is None else resumed.next_seed
    try:
        for state in scan(latents, first=task.first, stop=task.stop, sources=task.sources, keep=KEPT,
                          resume=resumed, before=before):
            now = time.monotonic()
            rate = (state.next_seed - first) / max(1e-6, now - began)
            context.report(state.next_seed - task.first, task.stop - task.first, say("progress.trying_seeds"),
                           left_s=(task.stop - state.next_seed) / rate)
            if now - written > COMMIT_S and not state.done:
                context.commit(_record(task, model, latents, state))
                written = now
    except Cancelled:
        if state is not None:
            context.commit(_record(task, model, latents, state))
        raise
    return state


def _record(task: RecoverSeed, model: Model, latents: dict[str, np.ndarray], state: Scan) -> SeedScan:
    matches = tuple(SeedMatch(m.seed, m.source, m.encoding, m.correlation, m.p_one, state.chance(m))
                    for m in state.best)
    return SeedScan(task.scan_id, task.subject_id, model.ref.fingerprint, task.first, task.stop,
                    state.next_seed, state.tried, task.sources, tuple(latents), matches, state.before)


def _resumed(stored: SeedScan) -> Scan:
    best = tuple(Match(m.seed, m.source, m.encoding, m.correlation, m.p_one) for m in stored.matches)
    return Scan(stored.first, stored.stop, stored.next_seed, stored.tried, best)


def _confirm(found: SeedScan, model: Model, rgb: np.ndarray, prompt: str, context: Context) -> SeedScan:
    """The scan with the closeness of its best claims' replays, at the model's own settings."""
    matches = list(found.matches)
    for number, match in enumerate(found.claims[:CONFIRM] if prompt and model.own_loop else ()):
        side = model.info.default_size_px
        recipe = Recipe(model.ref, prompt, match.seed, model.info.default_steps, model.info.default_guidance,
                        "euler", side, side, noise_source=match.source, precision=model.precision)
        closeness = compare(rgb, exhibit(model, recipe, run=context.run).rgb)
        matches[matches.index(match)] = dataclasses.replace(match, closeness=closeness)
        context.report(number + 1, CONFIRM, say("progress.replaying_seeds_stand"))
    return dataclasses.replace(found, matches=tuple(matches))
