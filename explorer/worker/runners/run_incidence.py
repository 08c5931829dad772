"""An incidence plan: declared, drawn, replayed prompt by prompt, and looked at only when a look is due."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from typing import Any

from explorer.cases.case import Case
from explorer.cases.store import CaseStore
from explorer.diffusion.models import Model
from explorer.errors import ExplorerError
from explorer.evidence.draws import (
    LIKELY,
    LIKELY_SAMPLE,
    OTHER,
    Draw,
    agreed_seed,
    likely_strata,
    seed_of,
    simple_draw,
    stratified_draw,
    weighted_draw,
    weights_by_rank,
)
from explorer.evidence.incidence import prompts_needed, spending
from explorer.evidence.incidence_records import (
    NO_MARGIN,
    Declared,
    Drawn,
    FirstLook,
    IncidenceLook,
    IncidencePlan,
    PromptOutcome,
    Protected,
    drawn_id,
    outcome_id,
)
from explorer.evidence.incidence_results import due, elsewhere, estimated, looked, plans, results
from explorer.evidence.near_works import Works, load_works
from explorer.evidence.plan_on_record import agreed_sha256
from explorer.evidence.populations import made_population, read_population
from explorer.findings.prompt_lists import ListedPrompt
from explorer.jobs.tasks import RunIncidence
from explorer.records import Environment
from explorer.records.incidence_settings import DESIGNS, IncidenceSettings, PopulationAsked
from explorer.search.engine import BatchRoom, LocalEngine
from explorer.texts import say
from explorer.worker.context import Context
from explorer.worker.runners import loading
from explorer.worker.runners.incidence_replays import Replayer
from explorer.worker.runners.surroundings import surroundings
from explorer.world.near_copy import NearCopyRule

FIRST_LOOK_STEPS = 4  # of a first look's one replay a prompt, or the plan's steps where those are fewer
FIRST_LOOK_PART = 64  # prompts that go on record together
Frames = list[tuple[ListedPrompt, ...]]


def run(task: RunIncidence, context: Context) -> Any:
    """Writes the plan, the draw, every prompt's outcome and each look that is due; goes on where it stopped."""
    context.report(0, 0, say("progress.loading_model"))
    case, model = context.case(), loading.model(context, task.model)
    known = case.record(IncidencePlan, task.incidence_id)
    works = _works(task, context, known)
    plan = known or _declare(task, context, model, works)
    if (plan.model, plan.works.sha256) != (model.ref, works.sha256):
        raise ExplorerError("incidence.changed_since")
    frames = [read_population(case.blob(p.sha256), name=p.name) for p in plan.populations]
    room = BatchRoom(model.policy.batch if model.own_loop else 1)
    engine = loading.painters(context, task.engine, task.model, model) or LocalEngine(model, room)
    replayer = Replayer(plan, model, works, engine, room.size, context.run, context.commit)
    draws = [_drawn(replayer, context, number, frames[number]) for number in range(len(frames))]
    for number in range(len(plan.looks)):
        look = case.record(IncidenceLook, f"{plan.id}/{number}") or _until(replayer, context, draws, frames, number)
        if look.ended:
            break
    return _told(case, plan)


def _works(task: RunIncidence, context: Context, known: IncidencePlan | None) -> Works:
    """The works of the plan on record, or of the one that is asked for."""
    asked = task.settings
    source, only, rivals = ((known.works.source, known.works.only, known.works.rivals) if known
                            else (asked.works, asked.only, asked.rivals))
    return load_works(source, only=only, rivals=rivals, case=context.case(), cache=context.settings.cache,
                      encode=lambda images: loading.encoder(context, task.clip).encode_images(list(images)))


def _declare(task: RunIncidence, context: Context, model: Model, works: Works) -> IncidencePlan:
    """The plan goes on record, with its populations' files, before anything is drawn."""
    asked, case, info = _checked(task.settings), context.case(), model.info
    files = [_file(case, p, works) for p in asked.populations]
    declared = []
    for one, data in zip(asked.populations, files, strict=True):
        size = len(read_population(data, name=one.name))
        planned = min(size, one.prompts or _needed(asked)) if asked.design != "weighted" else (
            one.prompts or _needed(asked))
        declared.append(Declared(one.name, one.side, one.kind, hashlib.sha256(data).hexdigest(), size, planned))
    environment = Environment(*_environment(model))
    others = elsewhere(CaseStore(context.settings.cases, person=context.job.owner), case.id, model.ref)
    plan = IncidencePlan(
        task.incidence_id, asked.question, tuple(declared),
        Protected(asked.works, int(works.protected.sum()), int((~works.protected).sum()), works.sha256, asked.only,
                  asked.rivals),
        NearCopyRule(asked.absolute, asked.margin or NO_MARGIN), model.ref, asked.seeds, asked.first_seed,
        asked.steps or info.default_steps, asked.guidance or info.default_guidance, asked.scheduler,
        asked.width_px or info.default_size_px, asked.height_px or info.default_size_px, asked.design, asked.looks,
        asked.confidence, asked.enough, environment.id, agreed_sha256(case), len(plans(case)), others)
    case.commit_all([environment, plan], job_id=context.job.id,
                    blobs={hashlib.sha256(data).hexdigest(): data for data in files})
    return plan


def _environment(model: Model) -> tuple[str, dict[str, Any]]:
    from explorer.diffusion.environment import environment, environment_sha256
    return environment_sha256(environment(model.device)), surroundings(model.device)


def _file(case: Case, one: PopulationAsked, works: Works) -> bytes:
    if one.sha256:
        return case.blob(one.sha256)
    return made_population([w for w, p in zip(works.listed, works.protected, strict=True) if p], one.kind)


def _needed(asked: IncidenceSettings) -> int:
    if asked.share and asked.reach:
        return prompts_needed(share=asked.share, reach=asked.reach, confidence=asked.confidence)
    return prompts_needed(limit=asked.limit, confidence=asked.confidence)


def _checked(asked: IncidenceSettings) -> IncidenceSettings:
    names = [p.name for p in asked.populations]
    if not names or len(set(names)) < len(names) or not all(n.strip() for n in names):
        raise ExplorerError("incidence.populations_need_names")
    if asked.design not in DESIGNS:
        raise ExplorerError("incidence.no_design", design=asked.design, designs=", ".join(DESIGNS))
    if asked.seeds < 1 or not 0 < asked.absolute <= 1 or not asked.margin >= 0 or not 0.5 <= asked.confidence < 1 \
            or not 0 < asked.limit < 1 or any(p.prompts < 0 for p in asked.populations):
        raise ExplorerError("incidence.values_outside")
    if list(asked.looks) != sorted({*asked.looks, 1.0}) or asked.looks[0] <= 0:
        raise ExplorerError("incidence.looks_not_rising")
    return asked


def _drawn(replayer: Replayer, context: Context, number: int, frame: tuple[ListedPrompt, ...]) -> Drawn:
    """The draw on record; made, from the plan alone and a first look where the design has one, if there is none."""
    plan = replayer.plan
    known = context.case().record(Drawn, drawn_id(plan.id, number))
    if known is not None:
        return known
    declared = plan.populations[number]
    seed = (agreed_seed(plan.agreed_sha256, declared.sha256) if plan.agreed_sha256
            else seed_of({"plan": asdict(plan), "population": number}))
    sample = declared.planned
    if plan.design == "simple":
        draw = simple_draw(len(frame), sample, seed)
    elif plan.design == "listed":
        strata = tuple(p.stratum or OTHER for p in frame)
        draw = stratified_draw(strata, sample, seed, shares=dict.fromkeys(strata, 1 / len(set(strata))))
    else:
        draw = _by_first_look(plan, _first_look(replayer, context, number, frame), sample, seed)
    drawn = Drawn(drawn_id(plan.id, number), plan.id, number, seed, **vars(draw))
    context.commit(drawn)
    return drawn


def _by_first_look(plan: IncidencePlan, scores: list[float], sample: int, seed: str) -> Draw:
    if plan.design == "weighted":
        return weighted_draw(weights_by_rank(scores), sample, seed)
    return stratified_draw(likely_strata(scores), sample, seed,
                           shares={LIKELY: LIKELY_SAMPLE, OTHER: 1 - LIKELY_SAMPLE})


def _first_look(replayer: Replayer, context: Context, number: int, frame: tuple[ListedPrompt, ...]) -> list[float]:
    """How near to a near copy a short replay of every prompt is; parts on record are not made again."""
    plan, found = replayer.plan, []
    for start in range(0, len(frame), FIRST_LOOK_PART):
        name = f"{plan.id}/{number}/first/{start}"
        part = context.case().record(FirstLook, name)
        if part is None:
            context.report(start, len(frame), say("progress.first_look"))
            prompts = [p.prompt for p in frame[start:start + FIRST_LOOK_PART]]
            near, spent = replayer.first_look(prompts, steps=min(FIRST_LOOK_STEPS, plan.steps))
            part = FirstLook(name, plan.id, number, start, tuple(near[p] for p in prompts), spent)
            context.commit(part)
        found += part.scores
    return found


def _until(replayer: Replayer, context: Context, draws: list[Drawn], frames: Frames, number: int) -> IncidenceLook:
    """Replays what the look covers and is not done, then puts the look on record."""
    plan, case = replayer.plan, context.case()
    for population, drawn in enumerate(draws):
        lines = list(dict.fromkeys(due(drawn, plan.looks[number])))
        todo = [i for i in lines if case.record(PromptOutcome, outcome_id(plan.id, population, i)) is None]
        done = len(lines) - len(todo)

        def keep(outcome: PromptOutcome, blobs: dict[str, bytes], name: str = plan.populations[population].name,
                 total: int = len(lines)) -> None:
            nonlocal done
            context.commit(outcome, blobs=blobs)
            done += 1
            context.report(done, total, say("progress.incidence", name=name))

        context.report(done, len(lines), say("progress.incidence", name=plan.populations[population].name))
        replayer.outcomes(population, [(i, frames[population][i].prompt) for i in todo], keep)
    confidence = spending(plan.looks, confidence=plan.confidence)[number]
    counts = [[len(case.record(PromptOutcome, outcome_id(plan.id, p, i)).hits) for i in due(d, plan.looks[number])]
              for p, d in enumerate(draws)]
    estimates = [estimated(d, c, plan.seeds, size=plan.populations[p].prompts, confidence=confidence)
                 for p, (d, c) in enumerate(zip(draws, counts, strict=True))]
    look = looked(plan, number, estimates, confidence, prompts=[len(c) for c in counts])
    context.commit(look)
    return look


def _told(case: Case, plan: IncidencePlan) -> dict[str, Any]:
    """The result as JSON, for the command's last line and the page."""
    found = results(case, plan)
    return {"incidence": plan.id, "case": case.id, "agreed_plan": plan.agreed_sha256,
            "look": found.look.number + 1 if found.look else 0, "looks": len(plan.looks),
            "confidence": found.look.confidence if found.look else None,
            "unet_evaluations": found.unet_evaluations, "populations": [
                {"name": p.declared.name, "side": p.declared.side, "kind": p.declared.kind,
                 "sha256": p.declared.sha256, "in_population": p.declared.prompts, "prompts": p.done,
                 "replays": p.replays, "hits": p.hits, "misses": p.misses, "refusals": p.refused,
                 "estimate": asdict(p.estimate) if p.estimate else None, "without_refusals": p.without_refusals,
                 "works": [{"work": w.work, **asdict(w.estimate)} for w in p.works]} for p in found.populations]}
