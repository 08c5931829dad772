"""Memorisation signals of a subject's prompt, or of a published list of prompts; runs in the device worker."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from explorer.closeness.heatmap import overlay
from explorer.diffusion.models import Model
from explorer.errors import ExplorerError
from explorer.findings.prompt_lists import ListedPrompt, PromptList, read_list
from explorer.findings.signals.measure import Readings, checked, measure
from explorer.findings.signals.observers import prompt_recipes
from explorer.findings.signals.readings import SignalReading
from explorer.findings.signals.signal_list import possible
from explorer.findings.signals.tables import AGAINST, LISTED, SignalRow, SignalTable
from explorer.findings.signals.trigger_words import EVALUATIONS, word_influence
from explorer.folders import read_file
from explorer.images.decode import png_bytes
from explorer.jobs.tasks import MeasureSignals
from explorer.records import Recipe, TermGain, to_json
from explorer.run import Counted, Run
from explorer.texts import say
from explorer.worker.context import Context
from explorer.worker.runners import loading

SHOWN_PX = 256  # at least, for the picture under the mask


def measure_signals(task: MeasureSignals, context: Context) -> Any:
    """Writes a SignalReading to the case, or rows to the task's CSV file."""
    context.report(0, 0, say("progress.loading_model"))
    model = loading.model(context, task.model)
    return _list(task, context, model) if task.list_path else _one(task, context, model)


def _one(task: MeasureSignals, context: Context, model: Model) -> dict[str, Any]:
    case = context.case()
    prompt = task.prompt or case.chosen_prompt(task.subject_id)
    if not prompt:
        raise ExplorerError("worker.signals_no_prompt_measure")
    seeds, settings = _seeds(task), {"steps": task.steps, "guidance": task.guidance}
    first = prompt_recipes(model, [prompt], seeds=seeds[:1], **settings)[0]
    total, began = 2 * len(seeds) * first.steps, time.monotonic()
    found = measure(model, prompt, names=task.signals, seeds=seeds, images=True, **settings,
                    run=Counted(context.run, total, say("progress.measuring_signals")))
    words = word_influence(model, prompt, seeds=seeds, **settings,
                           run=Counted(context.run, total, say("progress.measuring_words")))
    spent = found.unet_evaluations + EVALUATIONS * len(seeds) * first.steps
    reading, blobs = _reading(task, first, found, words, spent=spent, elapsed_s=time.monotonic() - began)
    context.commit(reading, blobs=blobs)
    return {"reading_id": reading.id}


def _reading(task: MeasureSignals, recipe: Recipe, found: Readings, words: tuple[TermGain, ...], *,
             spent: int, elapsed_s: float) -> tuple[SignalReading, dict[str, bytes]]:
    picture = png_bytes(found.images[0].rgb)
    mask = next((r.map for r in found.results.values() if r.map is not None), None)
    under = png_bytes(_under(found.images[0].rgb, mask)) if mask is not None else b""
    blobs = {hashlib.sha256(png).hexdigest(): png for png in (picture, under) if png}
    names = {png: sha for sha, png in blobs.items()}
    told = to_json([task.subject_id, recipe.prompt, recipe.model, task.first_seed, task.seeds, recipe.steps,
                    recipe.guidance, task.signals])
    reading = SignalReading(
        id=hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:24],
        subject_id=task.subject_id, prompt=recipe.prompt, model=recipe.model, seeds=_seeds(task),
        steps=recipe.steps, guidance=recipe.guidance,
        values={name: result.value for name, result in found.results.items()}, unet_evaluations=spent,
        elapsed_s=elapsed_s, words=words, image_blob=names[picture], mask_blob=names.get(under, ""))
    return reading, blobs


def _under(rgb: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """(h, w, 3) uint8: the picture tinted by the mask, stretched from its least to its greatest value."""
    side = max(1, -(-SHOWN_PX // rgb.shape[0]))
    large = rgb.repeat(side, 0).repeat(side, 1)
    spread = (mask - mask.min()) / max(float(mask.max() - mask.min()), 1e-12)
    heat = Image.fromarray(spread.astype(np.float32)).resize(large.shape[1::-1], Image.Resampling.BILINEAR)
    return overlay(large, np.asarray(heat))


def _list(task: MeasureSignals, context: Context, model: Model) -> dict[str, Any]:
    lists = {LISTED: _read(task.list_path)}
    if task.against_path:
        lists[AGAINST] = _read(task.against_path)
    names, seeds = checked(task.signals or possible(model.info.family)), _seeds(task)
    prompts = [(kind, one) for kind, found in lists.items() for one in found.prompts]
    first = prompt_recipes(model, [prompts[0][1].prompt], seeds=seeds[:1], steps=task.steps,
                           guidance=task.guidance)[0]
    told = hashlib.sha256(json.dumps(to_json(model.ref), sort_keys=True).encode()).hexdigest()[:16]
    table = SignalTable(Path(task.out), {"model": told, "seeds": task.seeds, "first_seed": task.first_seed,
                                         "steps": first.steps, "guidance": first.guidance}, names=names)
    began, before = time.monotonic(), len(table.rows)
    for number, (kind, one) in enumerate(prompts):
        if (kind, one.prompt) in table.done:
            continue
        fresh = len(table.rows) - before
        left = (time.monotonic() - began) / fresh * (len(prompts) - number) if fresh else None
        context.report(number, len(prompts), say("progress.measuring_prompts"), left_s=left)
        table.add(_row(task, model, kind, one, context.run))
    repeated = sum(len(found.rows) for found in lists.values()) - len(prompts)
    return {"out": task.out, "prompts": len(prompts), "repeated": repeated,
            "kinds": {kind: found.form for kind, found in lists.items()}, "names": list(names),
            "settings": table.settings}


def _row(task: MeasureSignals, model: Model, kind: str, one: ListedPrompt, run: Run) -> SignalRow:
    began = time.monotonic()
    found = measure(model, one.prompt, names=task.signals, seeds=_seeds(task), steps=task.steps,
                    guidance=task.guidance, run=run)
    return SignalRow(kind, one.stratum, one.prompt, {n: r.value for n, r in found.results.items()},
               found.unet_evaluations, time.monotonic() - began)


def _read(path: str) -> PromptList:
    return read_list(read_file(Path(path)), name=Path(path).name)


def _seeds(task: MeasureSignals) -> tuple[int, ...]:
    if not 1 <= task.seeds <= 10_000:
        raise ExplorerError("worker.signals_seeds_asked", seeds=task.seeds)
    return tuple(range(task.first_seed, task.first_seed + task.seeds))
