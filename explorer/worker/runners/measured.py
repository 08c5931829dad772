"""Measured tests: a subject under a fixed policy, and controls under the same one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from explorer.cases.case import SearchPlan
from explorer.cases.store import CaseStore
from explorer.clip.terms import TermList, choose_lists
from explorer.closeness.scores import compare
from explorer.diffusion.models import Model
from explorer.diffusion.rendered import Rendered
from explorer.diffusion.sampling import sample
from explorer.errors import ExplorerError
from explorer.findings import controls as kept
from explorer.findings.features import features, rivals
from explorer.findings.finding import ControlResults, Measured
from explorer.findings.judge import judge_measured
from explorer.findings.rates import stored_rate
from explorer.images.door import open_image, read_png
from explorer.jobs.policy import Policy, check, results_id
from explorer.jobs.tasks import MeasureControls, MeasureSubject, RunSearch
from explorer.records import Progress, PromptCandidate, Subject, Tick, to_json
from explorer.search.fit import fit
from explorer.search.measured import recover_prompt, settings_of
from explorer.search.plan import expand
from explorer.settings import WORLD
from explorer.worker.context import Context
from explorer.worker.runners import loading, replays
from explorer.world.data import all_words, read_manifest
from explorer.world.files import open_world
from explorer.world.render import load_small

LAST = 1000  # the test's own prompt comes after every prompt that was looked for, so that it displaces none
IMAGES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".tif", ".tiff", ".bmp", ".avif")


def subject(task: MeasureSubject, context: Context) -> Iterator[Any]:
    """Writes the recovered prompt, the search's plan and replays, then what was measured and the finding."""
    policy, case = check(task.policy), context.case()
    found = case.subject(task.subject_id)
    rgb = read_png(case.blob(found.pixels_sha256))
    prompt = yield from _prompt(policy, found, rgb, task, context)
    looks = _looks(found, policy, task.search_id, context)
    case.note("measured test planned", {"policy": asdict(policy), "controls": task.controls, "search_id":
              task.search_id, "earlier_tests": looks[0], "earlier_searches": looks[1]}, job_id=context.job.id)
    search = RunSearch(case.id, found.id, task.search_id, settings_of(policy, prompt), task.model, task.clip)
    yield from replays.search(search, context)
    best = case.replays(found.id, search_id=task.search_id, order_by=policy.score, limit=1)[0]
    controls = _controls(policy, task, context, best.recipe.model.fingerprint)
    told = features(rgb, caption=prompt)
    if controls is not None:
        told |= rivals(rgb, _pictures(controls, task.controls, context))
        context.commit(controls)
    measured = Measured(task.search_id, found.id, policy.id, prompt, best.closeness[policy.score], best.id,
                        policy.effort, told, controls.id if controls else "", *looks)
    rate = stored_rate(WORLD, policy, model_fingerprint=best.recipe.model.fingerprint)
    context.commit(measured, judge_measured(measured, best, controls, score=policy.score, error_rate=rate))
    return to_json(measured)


def controls(task: MeasureControls, context: Context) -> Iterator[Any]:
    """Writes one line a control work to the cache, then the results; goes on where a stopped run ended."""
    policy = check(task.policy)
    yield Progress(0, 0, "loading the model")
    model, encoder = loading.model(context, task.model), loading.encoder(context, task.clip)
    name = _results_id(policy, task.controls, model.ref.fingerprint, encoder.fingerprint)
    path, files = _lines_path(context, name), _files(task.controls)
    done = {line.name for line in kept.read_lines(path)}
    for number, file in enumerate(files):
        yield Progress(number, len(files), f"control {number + 1} of {len(files)}: {file.name}")
        if file.name not in done:
            line = yield from _control(file, policy, model, encoder, context)
            if line is not None:
                kept.append_line(path, line)
    results = _gathered(policy, task.controls, context, name, model.ref.fingerprint)
    if task.case_id:
        context.commit(results)
    return {"id": results.id, "controls": len(results.values), "out": str(path)}


def _control(file: Path, policy: Policy, model: Model, encoder: Any, context: Context) -> Iterator[Any]:
    """One control's Line (generator value); None for a file that cannot be read, which is then left out."""
    try:
        rgb = open_image(file.read_bytes(), name=file.name).rgb
    except ExplorerError as error:
        yield Progress(0, 0, f"{file.name} left out: {error}")
        return None
    prompt = file.with_suffix(".txt").read_text("utf-8").strip() if policy.prompt_from == "caption" \
        and file.with_suffix(".txt").exists() else ""
    if not prompt:
        prompt = (yield from _recovered(rgb, file.name, encoder, context)).text
    recipes = expand(settings_of(policy, prompt), model=model.ref, info=model.info)
    target = fit(rgb, height_px=recipes[0].height_px, width_px=recipes[0].width_px)
    values, batch = [], model.policy.batch
    for start in range(0, len(recipes), batch):
        for event in sample(model, recipes[start:start + batch]):
            if isinstance(event, Rendered):
                values.append(compare(target, event.rgb, only=(policy.score,))[policy.score])
            yield Tick()
    return kept.Line(file.name, min(values), prompt, features(rgb, caption=prompt))


def _prompt(policy: Policy, found: Subject, rgb: np.ndarray, task: MeasureSubject,
            context: Context) -> Iterator[Any]:
    """The policy's prompt (generator value); a recovered one goes on record."""
    plan = context.case().record(SearchPlan, task.search_id)
    if plan is not None:
        return plan.settings["prompt"]
    if policy.prompt_from == "caption":
        if not found.caption:
            raise ExplorerError("This test takes the picture's own caption, and none was given. Type one on the "
                                "subject's page, or choose the recovered prompt.")
        return found.caption
    candidate = yield from _recovered(rgb, found.id, loading.encoder(context, task.clip), context)
    context.commit(replace(candidate, mode="measured", rank=LAST))
    return candidate.text


def _recovered(rgb: np.ndarray, subject_id: str, encoder: Any, context: Context) -> Iterator[Any]:
    for event in recover_prompt(encoder, rgb, subject_id=subject_id, terms=_terms(encoder, context),
                                cache=context.settings.cache / "terms"):
        if isinstance(event, PromptCandidate):
            return event
        yield event
    raise AssertionError("an interrogation ends with a prompt")


def _terms(encoder: Any, context: Context) -> tuple[TermList, ...]:
    """For the world's CLIP the words of all its works, seen or not; for any other the shipped lists."""
    if encoder.fingerprint == loading.encoder(context, "world").fingerprint:
        return choose_lists(("collection",), collection=all_words(read_manifest(open_world())))
    return choose_lists(("shipped",))


def _looks(found: Subject, policy: Policy, search_id: str, context: Context) -> tuple[int, int]:
    """Measured tests of this picture under another policy, and other searches, in every case here."""
    tests = searches = 0
    store = CaseStore(context.settings.cases, person=context.job.owner)
    for row in store.list(archived=None):
        if row.problem:
            continue
        case = store.open(row.id)
        same = [s.id for s in case.subjects() if s.pixels_sha256 == found.pixels_sha256]
        for one in same:
            tested = {m.id: m.policy for m in case.records(Measured, subject_id=one)}
            tests += sum(p != policy.id for p in tested.values())
            searches += sum(p.id not in tested and p.id != search_id for p in case.plans(one))
        case.close()
    return tests, searches


def _controls(policy: Policy, task: MeasureSubject, context: Context, model: str) -> ControlResults | None:
    if task.controls == "world":
        return kept.world_controls(WORLD, policy, model_fingerprint=model)
    if not task.controls:
        return None
    clip = loading.encoder(context, task.clip).fingerprint
    return _gathered(policy, task.controls, context, _results_id(policy, task.controls, model, clip), model)


def _gathered(policy: Policy, folder: str, context: Context, name: str, model: str) -> ControlResults:
    lines = kept.read_lines(_lines_path(context, name))
    pictures = np.array([kept.thumbnail(Path(folder) / line.name) for line in lines], np.uint8)
    return kept.gather(lines, pictures, policy, source=Path(folder).name, name=name, model_fingerprint=model)


def _results_id(policy: Policy, folder: str, model: str, clip: str) -> str:
    digest = hashlib.sha256("\n".join(f"{f.name} {hashlib.sha256(f.read_bytes()).hexdigest()}"
                                      for f in _files(folder)).encode()).hexdigest()
    return results_id(policy, model_fingerprint=model, clip_fingerprint=clip, source=digest)


def _lines_path(context: Context, name: str) -> Path:
    return context.settings.cache / "controls" / f"{name}.jsonl"


def _files(folder: str) -> list[Path]:
    path = Path(folder)
    if not path.is_dir():
        raise ExplorerError(f"There is no folder {folder}. Choose a folder of images that the model cannot have "
                            "seen, for example made after it was trained.")
    return sorted(f for f in path.iterdir() if f.suffix.lower() in IMAGES)


def _pictures(found: ControlResults, source: str, context: Context) -> np.ndarray:
    """(n, 64, 64, 3) uint8 of the controls, in the order of their names."""
    if source == "world":
        world = open_world()
        where = {row["id"]: row["image"] for row in read_manifest(world)}
        return load_small(world.root, [where[name] for name in found.names])
    return np.array([kept.thumbnail(Path(source) / name) for name in found.names], np.uint8)
