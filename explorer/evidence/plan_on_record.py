"""The agreed plan of a case, and which of its runs kept to it: from the record alone.

A run outside the plan stays in the case and in the report, under its own heading; it is never counted with those
inside. What was run before the plan was put on record is outside, whatever its settings.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from explorer.cases.case import Case
from explorer.cases.verify import Check
from explorer.cases.view import CaseView
from explorer.errors import ExplorerError
from explorer.evidence.agreed_plan import (
    AgreedPlan,
    PlannedRun,
    SignedPlan,
    broken_signatures,
    departures,
    read_plan,
)
from explorer.evidence.incidence_records import NO_MARGIN, IncidencePlan
from explorer.findings.finding import ControlResults, Measured
from explorer.records import Recipe, Replay, SearchPlan, Start, Subject
from explorer.texts import say

BEFORE = "before"  # the departure of a run that was begun before the plan was on record
LEVEL = 0.05  # at which every measured test is judged, whatever the plan says
AGAIN = "again"  # of one that was carried out before: a plan that can be repeated until it suits binds nobody


@dataclass(frozen=True)
class PlanOnRecord:
    """A signed plan in a case; `id` is the plan's SHA-256."""

    id: str
    signed: SignedPlan


@dataclass(frozen=True)
class RunVerdict:
    """One run of a case against the plan: `departed` names what differs, () where it kept to the plan."""

    id: str  # of the search or incidence plan
    kind: str  # "search" | "test" | "incidence"
    what: str  # the subject's name, or the population's
    entry: int  # of the log, that holds its plan
    departed: tuple[str, ...]
    about: tuple[str, ...] = ()  # SHA-256 of the work or population, and the models' fingerprints


def put_plan(case: Case, data: bytes, *, job_id: str = "") -> SignedPlan:
    """Puts a plan's file on record; ExplorerError for one that nobody signed, or that was altered after signing."""
    signed = read_plan(data)
    broken = broken_signatures(signed)
    if broken:
        raise ExplorerError("plan.altered", names=", ".join(broken))
    if not signed.signatures:
        raise ExplorerError("plan.not_signed")
    case.commit(PlanOnRecord(signed.plan.sha256, signed), job_id=job_id)
    return signed


def agreed(view: CaseView) -> SignedPlan | None:
    """The plan that was put on record last; None without one."""
    found = view.records(PlanOnRecord)
    return found[-1].signed if found else None


def agreed_sha256(view: CaseView) -> str:
    """Its SHA-256; "" without one."""
    signed = agreed(view)
    return signed.plan.sha256 if signed else ""


def judged(view: CaseView) -> list[RunVerdict]:
    """Every run of the case against its plan, in the order in which they were begun; [] without a plan."""
    signed = agreed(view)
    if signed is None:
        return []
    plan, entries = signed.plan, _entries(view)
    since = entries.get(("PlanOnRecord", plan.sha256), 0)
    found = [_verdict(plan, name, kind, what, entries.get((record, name.split("/")[0]), 0), since, runs)
             for record, kind, name, what, runs in (*_searches(view), *_incidences(view))]
    return _first_only(sorted(found, key=lambda one: one.entry))


def _first_only(runs: list[RunVerdict]) -> list[RunVerdict]:
    """The same verdicts, where of runs that kept to the plan only the first of a kind, work and model does."""
    done: set[tuple[str, ...]] = set()
    found = []
    for one in runs:
        key = (one.kind, *one.about)
        found.append(replace(one, departed=(AGAIN,)) if key in done and not one.departed else one)
        done |= set() if one.departed else {key}
    return found


def plan_notes(view: CaseView, runs: Sequence[RunVerdict]) -> list[str]:
    """What else the record says of the plan: who signed alone, what it replaced, what of it was not run."""
    signed = agreed(view)
    if signed is None:
        return []
    told = [say("note.plan.one_side")] if len(signed.signatures) == 1 else []
    told += [say("note.plan.replaced", sha=one.id) for one in view.records(PlanOnRecord)
             if one.id != signed.plan.sha256]
    done = {sha for run in runs if not run.departed for sha in run.about}
    works = [say("note.plan.work", n=i) for i, sha in enumerate(signed.plan.works, 1) if sha not in done]
    populations = [say("note.plan.population", name=p.name) for p in signed.plan.populations
                   if p.sha256 not in done]
    models = [m.name for m in signed.plan.models if not m.fingerprint or m.fingerprint not in done]
    missing = ", ".join([*works, *populations, *models])
    return [*told, say("note.plan.not_run", names=missing)] if missing else told


def checks(view: CaseView) -> Iterator[Check]:
    """What `verify` says of a package's plan: altered after signing, kept, or departed from, and where."""
    for record in view.records(PlanOnRecord):
        plan, broken = record.signed.plan, broken_signatures(record.signed)
        if record.id != plan.sha256 or broken:
            yield Check("plan", "fails", say("note.plan.altered", sha=record.id, names=", ".join(broken)))
        else:
            yield Check("plan", "holds", say("note.plan.signed", sha=plan.sha256, by=signers(record.signed)))
    runs = judged(view)
    for one in runs:
        yield Check("plan", "departed" if one.departed else "kept", run_line(one))
    for told in plan_notes(view, runs):
        yield Check("plan", "open", told)


def run_line(one: RunVerdict) -> str:
    """A run's verdict as a sentence."""
    words = {"kind": say(f"note.plan_run.{one.kind}"), "what": one.what, "entry": one.entry}
    if one.departed:
        return say("note.plan.departed", **words, where=named(one.departed))
    return say("note.plan.kept", **words)


def signers(signed: SignedPlan) -> str:
    """Who signed, with the beginning of each key."""
    return "; ".join(say("note.plan.signer", name=s.name, time=s.time, key=s.public_key[:16])
                     for s in signed.signatures)


def named(departed: Sequence[str]) -> str:
    """Departures in words."""
    return ", ".join(say(f"note.departure.{name}") for name in departed)


def _verdict(plan: AgreedPlan, name: str, kind: str, what: str, entry: int, since: int,
             runs: Sequence[PlannedRun]) -> RunVerdict:
    told = dict.fromkeys(where for run in runs for where in departures(plan, run))
    about = dict.fromkeys(part for run in runs for part in (
        run.work or run.population_sha256, run.model_fingerprint, *(run.protected or ())) if part)
    return RunVerdict(name, kind, what, entry, (*((BEFORE,) if entry < since else ()), *told), tuple(about))


def _entries(view: CaseView) -> dict[tuple[str, str], int]:
    """(kind, key) of a record to the number of the entry that holds it first."""
    found: dict[tuple[str, str], int] = {}
    for entry in view.log():
        if "key" in entry.body:
            found.setdefault((entry.kind, entry.body["key"]), entry.seq)
    return found


Told = tuple[str, str, str, str, list[PlannedRun]]  # record's kind, run's kind, id, what it is about, its runs


def _searches(view: CaseView) -> Iterator[Told]:
    tests = {t.id: t for t in view.records(Measured)}
    controls = {c.id: c.files_sha256 for c in view.records(ControlResults)}
    for subject in view.subjects():
        for plan in view.plans(subject.id):
            test = tests.get(plan.id)
            made = view.replays(subject.id, search_id=plan.id, order_by="time", limit=-1)
            runs = [_run(subject, plan, one, made) for one in _kinds(made)]
            if test is not None:
                runs = [replace(r, controls_sha256=controls.get(test.controls_id, ""), level=LEVEL) for r in runs]
            if runs:
                yield "SearchPlan", "test" if test else "search", plan.id, subject.name, runs


def _kinds(made: Sequence[Replay]) -> list[Replay]:
    """One replay of each kind of settings that a search used."""
    found = {(r.recipe.model.fingerprint, r.recipe.steps, r.recipe.guidance,
              r.recipe.scheduler, r.recipe.width_px, r.recipe.height_px): r for r in made}
    return list(found.values())


def _run(subject: Subject, plan: SearchPlan, one: Replay, made: Sequence[Replay]) -> PlannedRun:
    recipe = one.recipe
    strengths = tuple(sorted({r.recipe.strength for r in made if r.recipe.strength is not None}))
    prompts = {r.recipe.prompt for r in made}
    seeds = {r.recipe.seed for r in made if r.recipe.strength is None}
    tries = len(seeds) * (len(prompts) if plan.settings.get("more_prompts") else 1)
    return PlannedRun(subject.sha256, recipe.model.fingerprint, tries, recipe.steps, recipe.guidance,
                      recipe.scheduler, recipe.width_px, recipe.height_px,
                      str(plan.settings.get("primary_score", "")), strengths, first_seed=min(seeds, default=0),
                      besides=_besides([r.recipe for r in made], subject))


def _besides(recipes: Sequence[Recipe], subject: Subject) -> tuple[str, ...]:
    """What was put in that no plan names: adapters, pictures, noise or fitted words, further settings."""
    given = {r.start(subject) for r in recipes} - {Start.NOISE, Start.SUBJECT}
    said = (("adapters", any(r.model.adapters for r in recipes)), ("given", bool(given)),
            ("settings", any(r.negative_prompt or r.variation or r.clip_skip or r.eta or r.dialect != "plain"
                             for r in recipes)))
    return tuple(name for name, holds in said if holds)


def _incidences(view: CaseView) -> Iterator[Told]:
    for plan in view.records(IncidencePlan):
        for number, one in enumerate(plan.populations):
            run = replace(run_of(plan, number), protected=_protected(view, plan))
            yield "IncidencePlan", "incidence", f"{plan.id}/{number}", one.name, [run]


def _protected(view: CaseView, plan: IncidencePlan) -> tuple[str, ...]:
    """The SHA-256 of the protected works' files, where they are the case's own pictures; ("",) for any others."""
    only = {name.casefold() for name in plan.works.only}
    own = [s.sha256 for s in view.subjects() if not only or {s.id.casefold(), s.name.casefold()} & only]
    return tuple(own) if plan.works.source == "case" and len(own) == plan.works.works else ("",)


def run_of(plan: IncidencePlan, number: int) -> PlannedRun:
    """One population of an incidence plan as an agreed plan would say it."""
    return PlannedRun("", plan.model.fingerprint, plan.seeds, plan.steps, plan.guidance, plan.scheduler,
                      plan.width_px, plan.height_px, "tiled_l2", population_sha256=plan.populations[number].sha256,
                      near_copy=plan.rule.absolute, looks=plan.looks, first_seed=plan.first_seed,
                      confidence=plan.confidence, drawn=plan.populations[number].planned,
                      besides=("adapters",) if plan.model.adapters else (),
                      margin=plan.rule.margin if plan.rule.margin < NO_MARGIN else 0.0)
