"""Times one replay and CLIP's reading on this machine: what a test takes is measured and not guessed."""

from __future__ import annotations

import itertools
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from explorer.cases.case import utc_now
from explorer.clip.bank import is_read, open_bank
from explorer.clip.encoder import Encoder
from explorer.clip.terms import shipped_lists, term_list
from explorer.closeness.pixel_scores import compare
from explorer.diffusion.models import Model
from explorer.diffusion.rendered import Rendered
from explorer.diffusion.sampling import StepView, sample
from explorer.errors import ExplorerError
from explorer.jobs import timings
from explorer.jobs.tasks import TimeReplay
from explorer.records import to_json
from explorer.records.families import facts
from explorer.records.policy import policy_for
from explorer.records.timing import Timing
from explorer.run import Within
from explorer.search.expand import expand
from explorer.search.measured_search import recover_prompts, settings_of
from explorer.texts import say
from explorer.worker.context import Context
from explorer.worker.runners import loading
from explorer.worker.runners.run_models import keep_trial

STEPS = 4  # that are timed: each takes as long as any other
TERMS = 256  # of the lists of words, spread over them
PROMPTS = 2  # that are recovered: a string of terms, and its first alone


def timed(task: TimeReplay, context: Context) -> Any:
    """Writes the timing to the workspace, and the short replay's picture to the cache."""
    source = task.model or context.result_before().get("source", "")
    if not source:
        raise ExplorerError("worker.timing_no_model")
    context.report(0, 3, say("progress.loading_model"))
    began = time.monotonic()
    model = loading.model(context, source)
    load_s = time.monotonic() - began
    context.report(1, 3, say("progress.timing_replay"))
    made, evaluation_s, picture_s = _replay(model, context)
    context.report(2, 3, say("progress.timing_clip"))
    encoder = loading.encoder(context, task.clip)
    read_s, words_s, lists_s = _reading(encoder, made.rgb, context)
    info = model.info
    found = Timing(info.fingerprint, info.family, info.default_size_px, context.settings.device, str(model.device),
                   model.precision, evaluation_s, picture_s, load_s, encoder.fingerprint, read_s, lists_s,
                   words_s, utc_now()[:10])
    timings.keep(context.settings.home, found)
    return {"source": source, "info": to_json(info), "timing": to_json(found),
            "path": str(keep_trial(made, model, context))}


def _replay(model: Model, context: Context) -> tuple[Rendered, float, float]:
    """A replay of a few steps: its picture, seconds for one evaluation of the network, seconds beside the steps."""
    policy = policy_for(model.info)
    short = replace(policy, steps=min(policy.steps, STEPS))
    recipe = expand(settings_of(short, (say("models.test_default"),)), model=model.ref, info=model.info)[0]
    stamps: list[float] = []

    def step(view: StepView) -> None:
        if model.device.type == "cuda":
            torch.cuda.synchronize(model.device)  # else only the call would be timed, and not the work
        stamps.append(time.monotonic())

    began = time.monotonic()
    made = sample(model, [recipe], run=context.run, on_step=step)[0]
    compare(made.rgb, made.rgb)
    whole = time.monotonic() - began
    gaps = [b - a for a, b in itertools.pairwise(stamps)]
    step_s = statistics.median(gaps) if gaps else whole / recipe.steps
    passes = facts(model.info.family).passes(recipe.guidance)
    return made, step_s / passes, max(0.0, whole - step_s * recipe.steps)


def _reading(encoder: Encoder, rgb: np.ndarray, context: Context) -> tuple[float, float, float]:
    """Seconds for one picture, for a prompt of it, and for the lists of words that this CLIP has not read yet.

    A prompt is recovered from few words: what takes time is reading it as it grows, however long the lists are.
    """
    cache, run = context.settings.cache / "terms", Within(context.run)
    every = [text for terms in shipped_lists() for text in terms.terms]
    waiting = sum(len(t) for t in shipped_lists() if not is_read(encoder, t, cache=cache))
    few = term_list("timing", "flavor", every[::max(1, len(every) // TERMS)])
    with tempfile.TemporaryDirectory() as draft:
        once_s = _seconds(lambda: open_bank(encoder, few, cache=Path(draft), run=run))
        read_s = _seconds(lambda: encoder.encode_images([rgb]))
        both_s = _seconds(lambda: recover_prompts(encoder, rgb, subject_id="timing", terms=(few,), most=PROMPTS,
                                                  cache=Path(draft), run=run))
    return read_s, max(0.0, both_s - read_s) / PROMPTS, once_s * waiting / len(few)


def _seconds(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began
