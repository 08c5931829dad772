"""`portfolio FOLDER` and `calibrate`: many works, or many controls, through one measured search each."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from explorer.cases.case import Case
from explorer.cases.store import CaseStore
from explorer.commands.familiarity_command import familiar_where_possible, works
from explorer.commands.folder_case import folder_of, take_in
from explorer.commands.progress_bars import Bars
from explorer.diffusion.describe import describe_model
from explorer.errors import ExplorerError
from explorer.findings.case_tests import portfolio_of
from explorer.findings.controls import measured_rates
from explorer.findings.finding import Measured
from explorer.jobs import foreground
from explorer.jobs.flows import new_search_id
from explorer.jobs.tasks import MeasureControls, MeasureSubject
from explorer.records.policy import Policy, check, policy_for
from explorer.settings import Settings
from explorer.texts import say


def portfolio(args: argparse.Namespace, settings: Settings) -> dict[str, Any]:
    """Writes a case with every readable image of a folder, each tested; `--out` goes on with a stopped one."""
    folder, policy = folder_of(args.folder), _policy(args, settings)
    store = CaseStore(settings.cases, actor="command line")
    case = store.open(args.out) if args.out else store.create(folder.name)
    refused = take_in(case, folder)
    _worded(case, policy)
    model, clip = args.model or settings.model, args.clip or settings.clip
    controls = str(args.controls.resolve()) if args.controls else ("world" if model == "world" else "")
    with Bars(quiet=args.json) as bars:
        if controls not in ("", "world"):
            foreground.run(settings, MeasureControls(controls, policy, model=model, clip=clip), follow=bars.follow)
        tested = {t.subject_id for t in case.records(Measured)}
        for subject in case.subjects():
            if subject.id not in tested:
                foreground.run(settings, MeasureSubject(case.id, subject.id, new_search_id(), policy, controls,
                                                        model, clip), follow=bars.follow)
        told = familiar_where_possible(case, settings, words=policy.words, controls=controls, model=model,
                                       clip=clip, follow=bars.follow)
    return _ranking(case) | {"case": case.id, "refused": refused, "familiarity": works(case), "set": told}


def calibrate(args: argparse.Namespace, settings: Settings) -> dict[str, Any]:
    """Puts a folder of unseen images through a model and measures how often the rule flags them wrongly."""
    policy = _policy(args, settings)
    task = MeasureControls(str(folder_of(args.controls)), policy, model=args.model or settings.model,
                           clip=args.clip or settings.clip)
    with Bars(quiet=args.json) as bars:
        done = foreground.run(settings, task, follow=bars.follow)
    return done | measured_rates(Path(done["out"]), Path(task.controls), policy)


def _policy(args: argparse.Namespace, settings: Settings) -> Policy:
    """The policy that fits the model: of the bundled one its own, of another its family's."""
    info = describe_model(args.model or settings.model, home=settings.home)
    return check(policy_for(info, prompt_from=args.prompt_from, seeds=args.seeds))


def _worded(case: Case, policy: Policy) -> None:
    """ExplorerError where captions are to be tested and some pictures have none: one ranking needs one policy."""
    without = [s.name for s in case.subjects() if not s.caption]
    if policy.prompt_from == "caption" and without:
        raise ExplorerError("commands.findings_command_images_no_words", without_count=len(without),
                            subjects_count=len(case.subjects()), first_without=without[0])


def _ranking(case: Case) -> dict[str, Any]:
    """What the last line prints: the works in order, with p and q where controls fit."""
    found = portfolio_of(case)
    if found is None:
        return {"statement": say("note.commands.no_controls_given"), "works": []}
    return {"statement": found.statement, "limits": list(found.limits), "works": [
        {"rank": r.rank, "name": r.work.name, "closeness": r.work.value, "excess": r.excess, "p": r.p, "q": r.q,
         "listed": r.listed, "why_no_p": r.why_no_p} for r in found.rows]}
