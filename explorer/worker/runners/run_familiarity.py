"""Whether a model knows a picture: a subject's test, and the controls that it is ranked among."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Set
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from explorer.cases.given_caption import beside
from explorer.cases.store import CaseStore
from explorer.collections.works import PICTURES
from explorer.diffusion.models import Model
from explorer.errors import ExplorerError, shortened
from explorer.familiarity import folder_controls, stored
from explorer.familiarity.familiarity_plan import Plan, plan_for
from explorer.familiarity.judge import judge
from explorer.familiarity.known_units import TOGETHER, KnownUnit, MeasuredHere, laid, measured
from explorer.familiarity.records import FamiliarityTest, KnownControls
from explorer.familiarity.statistic import Gaps
from explorer.findings.controls import Line, append_line, read_lines
from explorer.findings.features import features
from explorer.findings.looks import earlier_known, looks_at
from explorer.folders import is_plain, typed_path
from explorer.images.decode import open_image, read_png
from explorer.jobs.tasks import MeasureFamiliarity, MeasureKnownControls
from explorer.records import Subject, to_json
from explorer.search.measured_search import recover_prompts
from explorer.settings import WORLD
from explorer.texts import say
from explorer.worker.context import Context
from explorer.worker.runners import loading
from explorer.worker.runners.made_by_model import made_by
from explorer.worker.runners.run_measured import terms_of
from explorer.world.demonstrations import is_demonstration


def subject(task: MeasureFamiliarity, context: Context) -> Any:
    """Writes the plan to the log, then what was measured with its finding; a test that is done stays."""
    case = context.case()
    done = case.record(FamiliarityTest, task.test_id)
    if done is not None:
        return to_json(done)
    found = case.subject(task.subject_id)
    rgb = read_png(case.blob(found.pixels_sha256))
    context.report(0, 0, say("progress.loading_model"))
    model, plan = loading.model(context, task.model), plan_for(task.words or _usual(found))
    if not model.own_loop:
        raise ExplorerError("familiarity.own_loop", name=model.info.name)
    controls = _controls(plan, task, context, model)
    against = controls.id if controls else ""
    said = _words(plan, found, rgb, task, context)
    asked = (plan.id, against, said[0] if plan.words == "caption" else "")
    store = CaseStore(context.settings.cases, person=context.job.owner)
    own = looks_at(store, rgb, demonstration=case.id if is_demonstration(found) else "")
    looks = earlier_known(own, asked, search_id=task.test_id, model=model.ref.fingerprint)
    case.note("familiarity test planned", {
        "plan": asdict(plan), "controls": against, "control_works": len(controls.values) if controls else 0,
        "test_id": task.test_id, "earlier_tests": looks[0], "earlier_searches": looks[1]}, job_id=context.job.id)
    gaps = measured(model, KnownUnit(plan, (laid(model, rgb),), (said,)), context.run)
    seen_as = features(rgb, caption=said[0])
    made, best = made_by(model, found, rgb, context), said[gaps.best[0]]
    ratio = float(np.exp(-gaps.by_prompt[0][gaps.best[0]]).mean())
    finding = judge(found.id, float(gaps.values[0]), ratio=ratio, evaluations=int(gaps.evaluations[0]),
                    controls=controls, features=seen_as, made_by=made, earlier_tests=looks[0])
    test = FamiliarityTest(task.test_id, found.id, model.ref, plan.id, plan.words, said, best,
                           float(gaps.values[0]), ratio, int(gaps.evaluations[0]), seen_as, against, finding, made,
                           *looks)
    context.commit(*([controls] if controls else []), test)
    return to_json(test)


def controls(task: MeasureKnownControls, context: Context) -> Any:
    """Writes one line a control work to the cache; goes on where a stopped run ended."""
    context.report(0, 0, say("progress.loading_model"))
    model, plan = loading.model(context, task.model), plan_for(task.words)
    path = _lines_path(task.controls, task.clip, plan, model, context)
    engine = loading.knowers(context, task.engine, task.model, model) or MeasuredHere(model)
    engine.run(_units(task, plan, model, {line.name for line in read_lines(path)}, context),
               lambda unit, gaps: _keep(path, unit, gaps), run=context.run)
    found = _gathered(plan, task.controls, task.clip, model, context)
    return {"id": found.id, "controls": len(found.values), "artists": len(set(found.artists))}


def _units(task: MeasureKnownControls, plan: Plan, model: Model, done: Set[str],
           context: Context) -> Iterator[KnownUnit]:
    """The folder's pictures that have no line yet; what cannot be tested alike is said and left out."""
    files, waiting = _files(task.controls), []
    for number, file in enumerate(files):
        name = file.relative_to(typed_path(task.controls)).as_posix()
        context.report(number, len(files), say("progress.control", number=number + 1, files_count=len(files),
                                               file_name=name))
        if name in done:
            continue
        try:
            rgb = open_image(file.read_bytes(), name=file.name).rgb
            said = _control_words(file, rgb, name, plan, task.clip, context)
        except ExplorerError as error:
            context.report(0, 0, say("progress.left_out", file_name=file.name, error=error))
            continue
        waiting.append((laid(model, rgb), said, (name, features(rgb, caption=said[0]))))
        if len(waiting) == TOGETHER:
            yield KnownUnit(plan, *zip(*waiting, strict=True))
            waiting = []
    if waiting:
        yield KnownUnit(plan, *zip(*waiting, strict=True))


def _control_words(file: Path, rgb: np.ndarray, name: str, plan: Plan, clip: str,
                   context: Context) -> tuple[str, ...]:
    if plan.words == "fitted":
        return ("",)
    if plan.words == "recovered":
        return _recovered(rgb, name, plan, clip, context)
    if not (caption := beside(file)):
        raise ExplorerError("worker.measured_no_caption_beside", value_name=file.with_suffix(".txt").name)
    return (caption,)


def _keep(path: Path, unit: KnownUnit, gaps: Gaps) -> None:
    """A line for every picture of a unit."""
    for (name, seen_as), said, value, best in zip(unit.told, unit.words, gaps.values, gaps.best, strict=True):
        append_line(path, Line(name, float(value), said[best], seen_as))


def _usual(found: Subject) -> str:
    """The picture's own words where it has some; else those that can be recovered."""
    return "caption" if found.caption else "recovered"


def _words(plan: Plan, found: Subject, rgb: np.ndarray, task: MeasureFamiliarity,
           context: Context) -> tuple[str, ...]:
    """The plan's words for a subject; prompts that the measured test recovered are taken from the record."""
    if plan.words == "caption":
        if not found.caption:
            raise ExplorerError("familiarity.no_caption")
        return (found.caption,)
    if plan.words == "fitted":
        return ("",)
    known = [p.text for p in context.case().prompts(found.id) if p.mode == "measured"]
    if len(known) >= plan.prompts:
        return tuple(known[:plan.prompts])
    return _recovered(rgb, found.id, plan, task.clip, context)


def _recovered(rgb: np.ndarray, name: str, plan: Plan, clip: str, context: Context) -> tuple[str, ...]:
    made = recover_prompts(loading.encoder(context, clip), rgb, subject_id=name, terms=terms_of(clip),
                           most=plan.prompts, cache=context.settings.cache / "terms", run=context.run)
    return tuple(p.text for p in made)


def _controls(plan: Plan, task: MeasureFamiliarity, context: Context, model: Model) -> KnownControls | None:
    """The controls under the plan; the world's only with its CLIP."""
    if task.controls not in ("", "world"):
        return _gathered(plan, task.controls, task.clip, model, context)
    own = task.controls == task.clip == "world"
    return stored.world_controls(WORLD, plan, model_fingerprint=model.ref.fingerprint) if own else None


def _gathered(plan: Plan, folder: str, clip: str, model: Model, context: Context) -> KnownControls:
    path = _lines_path(folder, clip, plan, model, context)
    return folder_controls.gather(read_lines(path), plan, source=Path(folder).name, name=path.stem, model=model.ref)


def _lines_path(folder: str, clip: str, plan: Plan, model: Model, context: Context) -> Path:
    words = loading.encoder(context, clip).fingerprint if plan.words == "recovered" else ""
    told = [plan.id, model.ref.fingerprint, words]
    told += [f"{f.name} {hashlib.sha256(f.read_bytes()).hexdigest()}" for f in _files(folder)]
    name = hashlib.sha256("\n".join(told).encode()).hexdigest()[:24]
    return context.settings.cache / "known" / f"{name}.jsonl"


def _files(folder: str) -> list[Path]:
    """The pictures of a folder, and of the folders in it that name artists."""
    path = typed_path(folder)
    if not path.is_dir():
        raise ExplorerError("worker.measured_no_folder", folder=shortened(folder))
    return sorted(f for part in (path, *(p for p in path.iterdir() if p.is_dir() and not p.is_symlink()))
                  for f in part.iterdir() if f.suffix.lower() in PICTURES and is_plain(f))
