"""How often near copies came back, and how the case's runs stand to the agreed plan, as parts of a report."""

from __future__ import annotations

from explorer.cases.view import CaseView
from explorer.evidence.counsel_said import looks_lines
from explorer.evidence.incidence_records import IncidencePlan
from explorer.evidence.incidence_results import IncidenceResult, plans, results, sheet
from explorer.evidence.incidence_words import estimate_words, notes, population_name, summary_lines, works_line
from explorer.evidence.plan_on_record import RunVerdict, agreed, judged, named, plan_notes
from explorer.report.blocks import Block, Heading, Table, Text
from explorer.report.notice import plan_blocks
from explorer.texts import localised, say

MOST_ROWS = 2_000  # of the denominator sheet that a report prints; the package holds all of them
MOST_WORKS = 50


def plan_part(found: CaseView) -> list[Block]:
    """The agreed plan with its signatures, and which runs kept to it; nothing where the case has none."""
    signed = agreed(found)
    if signed is None:
        return []
    runs = judged(found)
    kept, departed = [r for r in runs if not r.departed], [r for r in runs if r.departed]
    blocks: list[Block] = [Heading(say("incidence_report.plan")), *plan_blocks(signed),
                           *(Text(line, "finding") for line in plan_notes(found, runs)),
                           Heading(say("incidence_report.inside"), 3)]
    blocks.append(_runs(kept) if kept else Text(say("incidence_report.no_inside")))
    if departed:
        blocks += [Heading(say("incidence_report.outside"), 3),
                   Text(say("incidence_report.outside_text"), "finding"), _runs(departed)]
    return blocks


def _runs(runs: list[RunVerdict]) -> Table:
    rows = tuple((say(f"note.plan_run.{r.kind}"), r.what, str(r.entry), named(r.departed) or "–") for r in runs)
    return Table(_head("runs"), rows, wide=(1, 3))


def looks_part(found: CaseView) -> list[Block]:
    """How often each picture was looked at, where that was counted as the case was handed out."""
    lines = looks_lines(found)
    return [Heading(say("counsel_said.heading"), 3), *(Text(line) for line in lines)] if lines else []


def incidence_part(found: CaseView) -> list[Block]:
    """Every incidence plan of the case: what was fixed, and what came of it.

    Where the case has an agreed plan, populations outside it stand under a heading of their own.
    """
    known = plans(found)
    if not known:
        return []
    outside = {r.id: r.departed for r in judged(found) if r.departed}
    blocks: list[Block] = [Heading(say("incidence_report.heading")), Text(say("incidence_report.intro"))]
    for plan in known:
        blocks += _one(results(found, plan), outside)
    return [*blocks, Text(say("incidence_report.limits"), "note")]


def _one(result: IncidenceResult, outside: dict[str, tuple[str, ...]]) -> list[Block]:
    plan = result.plan
    blocks: list[Block] = [Heading(plan.question or say("incidence_report.untitled", id=plan.id), 3),
                           *(Text(line) for line in summary_lines(result))]
    numbers = range(len(plan.populations))
    groups = [([n for n in numbers if f"{plan.id}/{n}" not in outside], ""),
              ([n for n in numbers if f"{plan.id}/{n}" in outside], say("incidence_report.outside_text"))]
    for group, warning in groups:
        if group:
            blocks += [Text(warning, "finding")] if warning else []
            blocks += [Table(_head("populations"), tuple(population_row(result, n) for n in group), wide=(0, 7))]
            blocks += [Text(line, "note") for n in group for line in notes(result.populations[n])]
    for part in result.populations:
        if part.works and result.look:
            blocks += [Text(f"{population_name(part.declared)}: {works_line(result, part)}"),
                       Table(_head("works"), tuple(
                           (w.work, localised(f"{w.estimate.hits:,}"), str(w.estimate.prompts_with_hits),
                            estimate_words(w.estimate)) for w in part.works[:MOST_WORKS]), wide=(0, 3))]
    return blocks


def population_row(result: IncidenceResult, number: int) -> tuple[str, ...]:
    """One population beside the others: who named it, what it is, what was drawn, and what came of it."""
    part = result.populations[number]
    counts = (part.replays, part.hits, part.misses, part.refused)
    told = tuple(localised(f"{n:,}") for n in counts) if part.estimate else ("",) * 4
    return (population_name(part.declared), say(f"incidence_kind.{part.declared.kind}"),
            say("incidence_report.drawn", done=part.done, size=part.declared.prompts), *told,
            estimate_words(part.estimate) if part.estimate else say("incidence_report.not_due"))


def sheets_part(found: CaseView) -> list[Block]:
    """The denominator sheets of every plan of the case."""
    return [block for plan in plans(found) for block in _sheet(found, plan)]


def _sheet(found: CaseView, plan: IncidencePlan) -> list[Block]:
    """The denominator sheet: every prompt that was replayed."""
    rows = sheet(found, plan)
    blocks: list[Block] = [Heading(say("incidence_report.sheet"), 3),
                           Text(say("incidence_report.sheet_text"), "note")]
    if len(rows) > MOST_ROWS:
        blocks.append(Text(say("incidence_report.sheet_cut", shown=MOST_ROWS, all=len(rows)), "note"))
    shown = tuple((r[1], r[4], *r[5:10], r[12]) for r in rows[:MOST_ROWS])
    return [*blocks, Table(_head("sheet"), shown, wide=(2,))]


def _head(name: str) -> tuple[str, ...]:
    return tuple(say(f"incidence_head.{name}").split("|"))
