"""`familiarity FOLDER [--set]`: whether a model knows each picture of a folder, and them all as a body of work."""

from __future__ import annotations

import argparse
from typing import Any

from explorer.cases.case import Case
from explorer.cases.store import CaseStore
from explorer.commands.folder_case import folder_of, take_in
from explorer.commands.progress_bars import Bars
from explorer.errors import ExplorerError
from explorer.familiarity.records import BodyTest, FamiliarityTest
from explorer.jobs import foreground
from explorer.jobs.flows import new_search_id
from explorer.jobs.tasks import MeasureBody, MeasureFamiliarity, MeasureKnownControls
from explorer.settings import Settings


def run(args: argparse.Namespace, settings: Settings) -> dict[str, Any]:
    """Writes a case with every readable image of a folder, each tested; `--out` goes on with a stopped one."""
    folder, store = folder_of(args.folder), CaseStore(settings.cases, actor="command line")
    case = store.open(args.out) if args.out else store.create(folder.name)
    refused = take_in(case, folder)
    model, clip = args.model or settings.model, args.clip or settings.clip
    controls = str(args.controls.resolve()) if args.controls else ("world" if model == "world" else "")
    captioned = all(subject.caption for subject in case.subjects())
    words = args.words or ("caption" if captioned else "recovered")  # one for all: one ranking needs one plan
    with Bars(quiet=args.json) as bars:
        familiar(case, settings, words=words, controls=controls, model=model, clip=clip, follow=bars.follow)
        if args.set:
            foreground.run(settings, MeasureBody(case.id, not args.many_artists), follow=bars.follow)
    return {"case": case.id, "refused": refused, "works": works(case), "set": bodies(case) if args.set else None}


def familiar(case: Case, settings: Settings, *, words: str, controls: str, model: str, clip: str,
             follow: Any) -> None:
    """Tests every subject of a case that has no test yet, among the world's controls, a folder's, or none."""
    if controls not in ("", "world"):
        foreground.run(settings, MeasureKnownControls(controls, words, model, clip), follow=follow)
    tested = {test.subject_id for test in case.records(FamiliarityTest)}
    for subject in case.subjects():
        if subject.id not in tested:
            task = MeasureFamiliarity(case.id, subject.id, new_search_id(), words, controls, model, clip)
            foreground.run(settings, task, follow=follow)


def familiar_where_possible(case: Case, settings: Settings, *, follow: Any, **how: Any) -> list[dict[str, Any]]:
    """The same as a part of another command, with the works taken together: a model that cannot be tested so, or
    works without controls, end nothing else."""
    try:
        familiar(case, settings, follow=follow, **how)
        foreground.run(settings, MeasureBody(case.id), follow=follow)
    except ExplorerError as error:
        case.note("familiarity not tested", {"why": str(error)})
    return bodies(case)


def works(case: Case) -> list[dict[str, Any]]:
    """The case's works, the most familiar first, as JSON values."""
    names = {subject.id: subject.name for subject in case.subjects()}
    tests = sorted(case.records(FamiliarityTest), key=lambda test: -test.finding.numbers.get("below", -1.0))
    return [{"name": names[t.subject_id], "statement": t.finding.statement, "p": t.finding.numbers.get("p"),
             "ratio": t.ratio, "words": t.words, "prompt": t.prompt, "evaluations": t.evaluations,
             "made_by_model": list(t.made_by.signs) if t.made_by.likely else []} for t in tests]


def bodies(case: Case) -> list[dict[str, Any]]:
    """What was found of the case's works together, as JSON values."""
    return [{"of": one.of, "works": len(one.subject_ids), "p": one.p, "smallest_p": one.smallest,
             "statement": one.finding.statement, "limits": list(one.finding.limits), "power": one.power}
            for one in case.records(BodyTest)]
