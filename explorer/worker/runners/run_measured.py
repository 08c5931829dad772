"""Measured tests: a subject under a fixed policy, and controls under the same one."""

from __future__ import annotations

import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from explorer.cases.case import utc_now
from explorer.cases.given_caption import beside
from explorer.cases.store import CaseStore
from explorer.clip.bank import open_bank
from explorer.clip.terms import TermList, choose_lists
from explorer.closeness.ledger import total_bits
from explorer.closeness.pixel_scores import compare
from explorer.diffusion.models import Model
from explorer.diffusion.sampling import sample
from explorer.errors import ExplorerError
from explorer.familiarity.judge import made_finding
from explorer.findings import calibration as own
from explorer.findings import controls as kept
from explorer.findings.case_ledger import recipe_ledger
from explorer.findings.closeness_finding import judge_measured
from explorer.findings.features import features, rivals
from explorer.findings.finding import ControlResults, Measured
from explorer.findings.looks import earlier, looks_at
from explorer.findings.rates import stored_rate
from explorer.folders import typed_path
from explorer.images.decode import open_image, read_png
from explorer.jobs.tasks import MeasureControls, MeasureSubject, RunSearch
from explorer.records import ModelRef, PromptCandidate, ReplaySettings, SearchPlan, Subject, from_json, to_json
from explorer.records.policy import Policy, check, results_id
from explorer.records.scores import sort_key
from explorer.search.expand import expand
from explorer.search.expand import prompts as listed
from explorer.search.fit_size import fit
from explorer.search.measured_search import recover_prompts, settings_of
from explorer.settings import WORLD
from explorer.texts import say
from explorer.worker.context import Context
from explorer.worker.runners import loading, run_replays
from explorer.worker.runners.made_by_model import made_by
from explorer.world.demonstrations import is_demonstration
from explorer.world.files import open_world
from explorer.world.manifest import all_words, load_small, read_manifest

LAST = 1000  # the test's own prompts come after every prompt that was looked for, so that they displace none


def subject(task: MeasureSubject, context: Context) -> Any:
    """Writes the recovered prompt, the search's plan and replays, then what was measured and the finding."""
    case = context.case()
    found = case.subject(task.subject_id)
    rgb = read_png(case.blob(found.pixels_sha256))
    context.report(0, 0, say("progress.loading_model"))
    loaded = loading.model(context, task.model)
    model = loaded.ref
    policy = check(task.policy).for_family(model.family)
    controls, pictures = _controls(policy, task, context, model)
    against = controls.id if controls else ""
    prompts = _prompts(policy, found, rgb, task, context)
    test = (policy.id, against, prompts[0] if policy.prompt_from == "caption" else "")
    store = CaseStore(context.settings.cases, person=context.job.owner)
    before = looks_at(store, rgb, demonstration=case.id if is_demonstration(found) else "")
    looks = earlier(before, test, search_id=task.search_id, model=model.fingerprint)
    if case.record(SearchPlan, task.search_id) is None:
        case.note("measured test planned", {
            "policy": asdict(policy), "controls": against, "control_works": len(controls.values) if controls else 0,
            "search_id": task.search_id, "earlier_tests": looks.tests, "earlier_searches": looks.searches,
            "other_models": looks.models, "other_works": looks.works, "caption_late": looks.caption_late},
            job_id=context.job.id)
    search = RunSearch(case.id, found.id, task.search_id, settings_of(policy, prompts), task.model, task.clip)
    run_replays.search(search, context)
    best = case.replays(found.id, search_id=task.search_id, order_by=policy.score, limit=1)[0]
    told = features(rgb, caption=prompts[0])
    if controls is not None:
        told |= rivals(rgb, pictures)
        context.commit(controls)
    measured = Measured(task.search_id, found.id, policy.id, best.recipe.prompt, best.closeness[policy.score],
                        best.id, policy.effort(model.family), told, against, looks.tests, looks.searches,
                        looks.models, looks.works, looks.caption_late)
    rate = stored_rate(WORLD, policy, model_fingerprint=model.fingerprint) if task.controls == "world" else None
    finding = judge_measured(measured, best, controls, score=policy.score, error_rate=rate)
    if controls is not None and task.controls != "world":
        calibration = _calibration(policy, task.controls, context, controls.id, model)
        context.commit(*([calibration] if calibration else []))
        finding = own.quoted(finding, calibration)
    made = made_by(loaded, found, rgb, context)
    if made.likely:  # it comes back because it came from there
        finding = replace(made_finding(found.id, made), id=finding.id)
    context.commit(measured, finding)
    return to_json(measured)


def controls(task: MeasureControls, context: Context) -> Any:
    """Writes one line a control work, then the results and what they say of the rule; goes on where a stopped run
    ended."""
    context.report(0, 0, say("progress.loading_model"))
    model, encoder = loading.model(context, task.model), loading.encoder(context, task.clip)
    policy = check(task.policy).for_family(model.info.family)
    name = _results_id(policy, task.controls, model.ref.fingerprint, encoder.fingerprint)
    path, files = _lines_path(context, name), _files(task.controls)
    done = {line.name for line in kept.read_lines(path)}
    if policy.prompt_from != "caption" and any(file.name not in done for file in files):
        for terms in terms_of(task.clip):  # which takes minutes the first time: said with a bar of its own
            open_bank(encoder, terms, cache=context.settings.cache / "terms", run=context.run)
    for number, file in enumerate(files):
        context.report(number, len(files), say("progress.control", number=number + 1, files_count=len(files),
                                               file_name=file.name))
        if file.name not in done:
            line = _control(file, policy, model, encoder, task.clip, context)
            if line is not None:
                kept.append_line(path, line)
    results, _ = _gathered(policy, task.controls, context, name, model.ref)
    calibration = own.calibrate(path, Path(task.controls), policy, model=model.ref, date=utc_now()[:10])
    if calibration is not None:
        own.keep(calibration, path)
    if task.case_id:
        context.commit(results, *([calibration] if calibration else []))
    return {"id": results.id, "controls": len(results.values), "out": str(path)}


def _calibration(policy: Policy, folder: str, context: Context, name: str,
                 model: ModelRef) -> own.Calibration | None:
    """What the person's own controls say of the rule: as it was kept, or of results that an older version kept."""
    path = _lines_path(context, name)
    return own.kept(path) or own.calibrate(path, Path(folder), policy, model=model, date=utc_now()[:10])


def _control(file: Path, policy: Policy, model: Model, encoder: Any, clip: str,
             context: Context) -> kept.Line | None:
    """One control's Line; None for a file that cannot be tested alike and is left out."""
    try:
        rgb = open_image(file.read_bytes(), name=file.name).rgb
        found = (() if policy.prompt_from == "caption"
                 else _recovered(rgb, file.name, encoder, policy, clip, context))
        prompts = tuple(p.text for p in found) or (_caption(file),)
    except ExplorerError as error:
        context.report(0, 0, say("progress.left_out", file_name=file.name, error=error))
        return None
    settings = settings_of(policy, prompts)
    recipes = expand(settings, model=model.ref, info=model.info)
    target = fit(rgb, height_px=recipes[0].height_px, width_px=recipes[0].width_px)
    values, batch = [], model.policy.batch
    for start in range(0, len(recipes), batch):
        for image in sample(model, recipes[start:start + batch], run=context.run):
            values.append((compare(target, image.rgb, only=(policy.score,))[policy.score], image.recipe))
    best, recipe = min(values, key=lambda pair: sort_key(policy.score)(pair[0]))
    bits = total_bits(recipe_ledger(recipe, settings, prompts=found))
    return kept.Line(file.name, best, recipe.prompt, features(rgb, caption=prompts[0]), bits)


def _caption(file: Path) -> str:
    """The words that stand beside a control in a text file of its name."""
    words = beside(file)
    if not words:
        raise ExplorerError("worker.measured_no_caption_beside", value_name=file.with_suffix(".txt").name)
    return words


def _prompts(policy: Policy, found: Subject, rgb: np.ndarray, task: MeasureSubject,
             context: Context) -> tuple[str, ...]:
    """The policy's prompts; recovered ones go on record."""
    plan = context.case().record(SearchPlan, task.search_id)
    if plan is not None:
        return listed(from_json(ReplaySettings, plan.settings))
    if policy.prompt_from == "caption":
        if not found.caption:
            raise ExplorerError("worker.measured_test_takes_picture")
        return (found.caption,)
    made = _recovered(rgb, found.id, loading.encoder(context, task.clip), policy, task.clip, context, weighed=True)
    context.commit(*(replace(p, mode="measured", rank=LAST + n) for n, p in enumerate(made)))
    return tuple(p.text for p in made)


def _recovered(rgb: np.ndarray, subject_id: str, encoder: Any, policy: Policy, clip: str, context: Context, *,
               weighed: bool = False) -> tuple[PromptCandidate, ...]:
    return recover_prompts(encoder, rgb, subject_id=subject_id, terms=terms_of(clip), most=policy.prompts,
                           cache=context.settings.cache / "terms", weighed=weighed, run=context.run)


def terms_of(clip: str) -> tuple[TermList, ...]:
    """For the world's CLIP the words of all its works, seen or not; for any other the shipped lists."""
    if clip == "world":
        return choose_lists(("collection",), collection=all_words(read_manifest(open_world())))
    return choose_lists(("shipped",))


def _controls(policy: Policy, task: MeasureSubject, context: Context,
              model: ModelRef) -> tuple[ControlResults | None, np.ndarray | None]:
    """The controls that were put through the same policy, and their pictures; the world's only with its CLIP."""
    if not task.controls:
        return None, None
    if task.controls != "world":
        clip = loading.encoder(context, task.clip).fingerprint
        name = _results_id(policy, task.controls, model.fingerprint, clip)
        return _gathered(policy, task.controls, context, name, model)
    own = task.clip == "world"
    found = kept.world_controls(WORLD, policy, model_fingerprint=model.fingerprint) if own else None
    if found is None:
        return None, None
    world = open_world()
    where = {row["id"]: row["image"] for row in read_manifest(world)}
    return found, load_small(world.root, [where[name] for name in found.names])


def _gathered(policy: Policy, folder: str, context: Context, name: str,
              model: ModelRef) -> tuple[ControlResults, np.ndarray]:
    lines = kept.read_lines(_lines_path(context, name))
    pictures = {line.name: kept.thumbnail(Path(folder) / line.name) for line in lines}
    found = kept.gather(lines, pictures, policy, source=Path(folder).name, name=name, model=model)
    found = replace(found, files_sha256=kept.folder_sha256(Path(folder)))
    return found, np.array([pictures[name] for name in found.names])


def _results_id(policy: Policy, folder: str, model: str, clip: str) -> str:
    return results_id(policy, model_fingerprint=model, clip_fingerprint=clip,
                      source=kept.folder_sha256(typed_path(folder), words=policy.prompt_from == "caption"))


def _lines_path(context: Context, name: str) -> Path:
    """Where the results of one set of controls are kept; those of an older version stood in the cache."""
    path, before = (folder / f"{name}.jsonl" for folder in (context.settings.measured,
                                                            context.settings.cache / "controls"))
    if before.is_file() and not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        os.replace(before, path)
    return path


def _files(folder: str) -> list[Path]:
    return kept.pictures_of(typed_path(folder))
