"""What an incidence plan came to, from its case alone: per population and per work, at the last look that was due.

Nothing here looks before a planned look is due: until then only how many prompts are through is told.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from explorer.cases.store import CaseStore
from explorer.cases.view import CaseView
from explorer.evidence import incidence
from explorer.evidence.incidence_records import (
    Declared,
    Drawn,
    IncidenceLook,
    IncidencePlan,
    PromptOutcome,
    drawn_id,
)
from explorer.findings.looks import own_views
from explorer.records import ModelRef

SHEET = ("plan", "population", "named by", "kind", "line", "prompt", "replays", "hits", "misses", "refusals",
         "refusals that were near copies", "works hit", "nearest distance", "nearest work", "weight", "pictures")


@dataclass(frozen=True)
class ProtectedWork:
    """How often near copies of one protected work came; its limits stand for this work alone."""

    work: str
    estimate: incidence.Estimate


@dataclass(frozen=True)
class PopulationResult:
    """One population: drawn and done prompts, what their replays came to, and the share of near copies."""

    declared: Declared
    done: int  # different prompts that were replayed
    replays: int
    hits: int
    refused: int
    refused_hits: int
    estimate: incidence.Estimate | None  # of all replays, refusals as no hit; None before a look is due
    without_refusals: float | None  # hits among the replays that were shown
    works: tuple[ProtectedWork, ...]  # those with a hit
    drawn: Drawn | None
    second_part: int = 0  # prompts without a hit whose nearest replay was below the rule's limit, not its margin

    @property
    def misses(self) -> int:
        return self.replays - self.refused - self.hits


@dataclass(frozen=True)
class IncidenceResult:
    """A plan's populations, with the look that they stand for (None before the first is due)."""

    plan: IncidencePlan
    populations: tuple[PopulationResult, ...]
    look: IncidenceLook | None
    unet_evaluations: int
    per_work_limit: float  # confidence of limits that hold for all protected works together (Bonferroni)


def results(view: CaseView, plan: IncidencePlan) -> IncidenceResult:
    """What stands on record of a plan. Prompts that came after its last look are counted as done and no more."""
    looks = [look for look in view.records(IncidenceLook) if look.incidence_id == plan.id]
    look = max(looks, key=lambda one: one.number) if looks else None
    outcomes = [o for o in view.records(PromptOutcome) if o.incidence_id == plan.id]
    found = [_population(view, plan, i, [o for o in outcomes if o.population == i], look)
             for i in range(len(plan.populations))]
    joint = 1 - (1 - plan.confidence) / max(1, plan.works.works)
    return IncidenceResult(plan, tuple(found), look, sum(o.unet_evaluations for o in outcomes), joint)


def due(drawn: Drawn, share: float) -> tuple[int, ...]:
    """The drawn lines that a look at `share` of the plan covers, in order."""
    return drawn.order[:max(1, round(share * len(drawn.order)))]


def estimated(drawn: Drawn, hits: Sequence[int], seeds: int, *, size: int,
              confidence: float) -> incidence.Estimate:
    """The estimate that belongs to a draw's design; `hits` of each drawn line so far, in the draw's order."""
    many = len(hits)
    if drawn.chances:
        return incidence.weighted(hits, drawn.chances[:many], seeds, population=size, confidence=confidence)
    if not drawn.strata:
        return incidence.simple(hits, seeds, confidence=confidence)
    by: dict[str, list[int]] = {name: [] for name in drawn.sizes}
    for name, count in zip(drawn.strata[:many], hits, strict=True):
        by[name].append(count)
    return incidence.stratified(by, drawn.sizes, seeds, confidence=confidence)


def _population(view: CaseView, plan: IncidencePlan, number: int, outcomes: list[PromptOutcome],
                look: IncidenceLook | None) -> PopulationResult:
    declared = plan.populations[number]
    drawn = view.record(Drawn, drawn_id(plan.id, number))
    by_line = {o.line: o for o in outcomes}
    if look is None or drawn is None:
        return PopulationResult(declared, len(by_line), 0, 0, 0, 0, None, None, (), drawn)
    seen = [by_line[line] for line in due(drawn, look.share)]
    each = list({o.line: o for o in seen}.values())
    hits, refused = sum(len(o.hits) for o in each), sum(o.refused for o in each)
    replays = sum(o.replays for o in each)

    def share(of: Sequence[int]) -> incidence.Estimate:
        return estimated(drawn, of, plan.seeds, size=declared.prompts, confidence=look.confidence)

    works = sorted(Counter(h.work for o in each for h in o.hits).items(), key=lambda one: (-one[1], one[0]))
    return PopulationResult(
        declared, len(by_line), replays, hits, refused, sum(o.refused_hits for o in each),
        share([len(o.hits) for o in seen]), hits / (replays - refused) if replays > refused else None,
        tuple(ProtectedWork(w, share([sum(h.work == w for h in o.hits) for o in seen])) for w, _ in works), drawn,
        sum(not o.hits and o.nearest < plan.rule.absolute for o in each if not o.refused_hits))


def no_hit_limit(result: PopulationResult, confidence: float) -> float:
    """The one-sided upper limit for a work of which no near copy came; the same for each such work."""
    if result.drawn is None or result.estimate is None:
        return 1.0
    many = result.estimate.prompts
    none = estimated(result.drawn, [0] * many, 1, size=result.declared.prompts, confidence=confidence)
    return none.high


def weights(drawn: Drawn, size: int) -> dict[int, float]:
    """Of each drawn line, how many lines of the population it stands for."""
    if drawn.chances:
        times, many = Counter(drawn.order), len(drawn.order)
        return {line: times[line] / (chance * many)
                for line, chance in zip(drawn.order, drawn.chances, strict=True)}
    if drawn.strata:
        many = Counter(drawn.strata)
        return {line: drawn.sizes[name] / many[name] for line, name in zip(drawn.order, drawn.strata, strict=True)}
    return dict.fromkeys(drawn.order, size / len(drawn.order))


def sheet(view: CaseView, plan: IncidencePlan) -> list[tuple[str, ...]]:
    """The denominator sheet, a row a prompt that was replayed: nothing that was run is left out.

    While a look is not yet due the rows after the last one say that they are done, and not what came of them.
    """
    found, rows = results(view, plan), []
    outcomes = [o for o in view.records(PromptOutcome) if o.incidence_id == plan.id]
    for number, part in enumerate(found.populations):
        if part.drawn is None:
            continue
        shown = set(due(part.drawn, found.look.share)) if found.look else set()
        weight = weights(part.drawn, part.declared.prompts)
        places = {line: i for i, line in reversed(list(enumerate(part.drawn.order)))}
        mine = sorted((o for o in outcomes if o.population == number), key=lambda o: places.get(o.line, 1 << 60))
        rows += [_row(plan, part.declared, o, weight.get(o.line, 0.0), o.line in shown) for o in mine]
    return rows


def _row(plan: IncidencePlan, declared: Declared, one: PromptOutcome, weight: float,
         shown: bool) -> tuple[str, ...]:
    works = "; ".join(f"{work}: {n}" for work, n in sorted(Counter(h.work for h in one.hits).items()))
    told = (str(len(one.hits)), str(one.misses), str(one.refused), str(one.refused_hits), works,
            f"{one.nearest:.4f}", one.nearest_work) if shown else ("",) * 7
    return (plan.id, declared.name, declared.side, declared.kind, str(one.line + 1), one.prompt, str(one.replays),
            *told, f"{weight:.4g}", " ".join(one.pictures))


def sheet_csv(view: CaseView, plan: IncidencePlan) -> bytes:
    """The denominator sheet as CSV (RFC 4180, UTF-8); a text that a spreadsheet would run is set in quotes."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\r\n")
    table.writerow(SHEET)
    table.writerows([tuple(_harmless(cell) for cell in row) for row in sheet(view, plan)])
    return out.getvalue().encode()


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(tuple("=+-@\t\r")) and not cell[1:2].isdigit() else cell


def plans(view: CaseView) -> list[IncidencePlan]:
    """The incidence plans of a case, oldest first."""
    return view.records(IncidencePlan)


def elsewhere(store: CaseStore, case_id: str, model: ModelRef) -> int:
    """How many incidence plans of a model one declared in other cases: each might have been shown instead.

    Of cases for counsel only nothing crosses over but looks at a picture, so their plans are not counted.
    """
    return sum(plan.model.fingerprint == model.fingerprint for view in own_views(store)
               if view.id != case_id and not store.is_counsel_only(view.id) for plan in plans(view))


def looked(plan: IncidencePlan, number: int, found: Sequence[incidence.Estimate], confidence: float, *,
           prompts: Sequence[int]) -> IncidenceLook:
    """The record of a planned look; it ends the plan where every population's limits are close enough."""
    last = number == len(plan.looks) - 1
    enough = bool(plan.enough) and all((e.high if e.one_sided else e.high - e.low) <= plan.enough for e in found)
    return IncidenceLook(
        f"{plan.id}/{number}", plan.id, number, plan.looks[number], confidence, tuple(prompts),
        tuple(e.share for e in found), tuple(e.low for e in found), tuple(e.high for e in found), last or enough)

