"""The agreed plan of a case, and which of its runs kept to it: from the record alone.

A run outside the plan stays in the case and in the report, under its own heading; it is never counted with those
inside. What was run before the plan was put on record is outside, whatever its settings.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
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
    list_sha256,
    read_plan,
)
from explorer.evidence.incidence_records import NO_MARGIN, IncidencePlan
from explorer.findings.finding import ControlResults, Measured
from explorer.records import Replay, SearchPlan
from explorer.texts import say

BEFORE = "before"  # the departure of a run that was begun before the plan was on record


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
    return sorted(found, key=lambda one: one.entry)


def checks(view: CaseView) -> Iterator[Check]:
    """What `verify` says of a package's plan: altered after signing, kept, or departed from, and where."""
    for record in view.records(PlanOnRecord):
        plan, broken = record.signed.plan, broken_signatures(record.signed)
        if record.id != plan.sha256 or broken:
            yield Check("plan", "fails", say("note.plan.altered", sha=record.id, names=", ".join(broken)))
        else:
            yield Check("plan", "holds", say("note.plan.signed", sha=plan.sha256, by=signers(record.signed)))
    for one in judged(view):
        yield Check("plan", "departed" if one.departed else "kept", run_line(one))


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
             runs: Iterable[PlannedRun]) -> RunVerdict:
    told = dict.fromkeys(where for run in runs for where in departures(plan, run))
    return RunVerdict(name, kind, what, entry, (*((BEFORE,) if entry < since else ()), *told))


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
    controls = {c.id: list_sha256(c.names) for c in view.records(ControlResults)}
    for subject in view.subjects():
        for plan in view.plans(subject.id):
            test = tests.get(plan.id)
            made = view.replays(subject.id, search_id=plan.id, order_by="time", limit=-1)
            runs = [_run(subject.sha256, plan, one, made) for one in _kinds(made)]
            if test is not None:
                runs = [replace(r, controls_sha256=controls.get(test.controls_id, ""), level=_level(view))
                        for r in runs]
            if runs:
                yield "SearchPlan", "test" if test else "search", plan.id, subject.name, runs


def _level(view: CaseView) -> float:
    """Tests of this program are judged at the level of the plan that is on record."""
    signed = agreed(view)
    return signed.plan.level if signed else 0.05


def _kinds(made: Sequence[Replay]) -> list[Replay]:
    """One replay of each kind of settings that a search used."""
    found = {(r.recipe.model.fingerprint, r.recipe.steps, r.recipe.guidance,
              r.recipe.scheduler, r.recipe.width_px, r.recipe.height_px): r for r in made}
    return list(found.values())


def _run(work: str, plan: SearchPlan, one: Replay, made: Sequence[Replay]) -> PlannedRun:
    recipe = one.recipe
    strengths = tuple(sorted({r.recipe.strength for r in made if r.recipe.strength is not None}))
    prompts = {r.recipe.prompt for r in made}
    seeds = len({r.recipe.seed for r in made if r.recipe.strength is None})
    tries = seeds * (len(prompts) if plan.settings.get("more_prompts") else 1)
    return PlannedRun(work, recipe.model.fingerprint, tries, recipe.steps, recipe.guidance, recipe.scheduler,
                      recipe.width_px, recipe.height_px, str(plan.settings.get("primary_score", "")), strengths)


def _incidences(view: CaseView) -> Iterator[Told]:
    for plan in view.records(IncidencePlan):
        for number, one in enumerate(plan.populations):
            yield "IncidencePlan", "incidence", f"{plan.id}/{number}", one.name, [run_of(plan, number)]


def run_of(plan: IncidencePlan, number: int) -> PlannedRun:
    """One population of an incidence plan as an agreed plan would say it."""
    return PlannedRun("", plan.model.fingerprint, plan.seeds, plan.steps, plan.guidance, plan.scheduler,
                      plan.width_px, plan.height_px, "tiled_l2", population_sha256=plan.populations[number].sha256,
                      near_copy=plan.rule.absolute, looks=plan.looks,
                      margin=plan.rule.margin if plan.rule.margin < NO_MARGIN else 0.0)
