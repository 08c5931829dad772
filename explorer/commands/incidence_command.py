"""`incidence`: how often near copies come back, over populations of prompts that were declared beforehand."""

from __future__ import annotations

import argparse
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from explorer.cases.case import Case
from explorer.cases.store import CaseStore
from explorer.commands.progress_bars import Bars
from explorer.errors import ExplorerError, shortened
from explorer.evidence.counsel import check_disclosed
from explorer.evidence.incidence_records import IncidencePlan
from explorer.evidence.incidence_results import IncidenceResult, plans, results, sheet_csv
from explorer.evidence.incidence_words import population_line, summary_lines
from explorer.evidence.populations import read_population
from explorer.folders import read_file
from explorer.jobs import foreground
from explorer.jobs.tasks import RunIncidence
from explorer.records.incidence_settings import IncidenceSettings, PopulationAsked
from explorer.settings import WORLD, Settings
from explorer.world.figures import read_card


def run(args: argparse.Namespace, settings: Settings) -> dict[str, Any]:
    """Declares and runs a plan, or goes on with one; writes its denominator sheet and prints what came of it."""
    store = CaseStore(settings.cases, actor="command line")
    case = store.open(args.case) if args.case else store.create(args.title or "Incidence", question=args.question)
    for path in args.picture:
        case.add_subject(read_file(path), path.name)
    model, works = args.model or settings.model, _works(args, case)
    name = _plan(case, args.go_on) if args.go_on else secrets.token_hex(8)
    asked = _asked(args, case, works, bundled=model == "world" and works == "world")
    task = RunIncidence(case.id, name, asked, model, args.clip or settings.clip, args.engine)
    with Bars(quiet=args.json) as bars:
        told = foreground.run(settings, task, follow=bars.follow)
    plan = case.record(IncidencePlan, name)
    print("\n".join(_said(results(case, plan))))
    return {**told, "sheet": _sheet(store, case, plan, args, settings)}


def _sheet(store: CaseStore, case: Case, plan: IncidencePlan, args: argparse.Namespace, settings: Settings) -> str:
    """Writes the denominator sheet and returns its path; none is written of a case for counsel only."""
    if store.is_counsel_only(case.id):
        return ""
    check_disclosed(store, case)
    out = (args.out or settings.home / "reports" / f"{case.id}-incidence-{plan.id}.csv").resolve()
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(sheet_csv(case, plan))
    return str(out)


def _works(args: argparse.Namespace, case: Case) -> str:
    if args.works:
        return args.works
    return "case" if case.subjects() else "world"


def _asked(args: argparse.Namespace, case: Case, works: str, *, bundled: bool) -> IncidenceSettings:
    """The settings; the bundled world's own near-copy rule stands in where it is the world that is asked."""
    card = read_card(WORLD) if bundled else None
    given = {"absolute": args.near_copy or (card.near_copy if card else 0.0),
             "margin": args.margin if args.margin is not None else card.margin if card else 0.0}
    return IncidenceSettings(
        tuple(_population(case, text, args) for text in args.population), args.question, works, tuple(args.only),
        args.rivals or "", **{k: v for k, v in given.items() if v}, seeds=args.seeds, first_seed=args.first_seed,
        steps=args.steps, guidance=args.guidance, scheduler=args.scheduler, design=args.design, limit=args.limit,
        share=args.share, reach=args.reach, looks=args.looks, enough=args.enough)


def _population(case: Case, text: str, args: argparse.Namespace) -> PopulationAsked:
    """SIDE:NAME=FILE, where FILE may be captions or rewordings; a damaged file is told before a model is loaded."""
    head, sign, source = text.partition("=")
    side, colon, name = head.partition(":")
    side, name = (side, name) if colon else ("", head)
    if not sign or not name.strip() or not source.strip():
        raise ExplorerError("incidence.population_line", text=shortened(text))
    if source in ("captions", "rewordings"):
        return PopulationAsked(name.strip(), source, side.strip(), prompts=args.prompts)
    data = read_file(Path(source))
    read_population(data, name=source)
    return PopulationAsked(name.strip(), args.kind, side.strip(), case.put_blob(data), args.prompts)


def _plan(case: Case, wanted: str) -> str:
    known = [p.id for p in plans(case)]
    if wanted not in known:
        raise ExplorerError("incidence.no_such_plan", name=shortened(wanted), known=", ".join(known) or "–")
    return wanted


def _said(found: IncidenceResult) -> Iterable[str]:
    yield from summary_lines(found)
    for part in found.populations:
        yield population_line(part)
