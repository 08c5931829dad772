"""`investigate IMAGE`: the loop embed → neighbours → prompt → replays on one image, followed to its end."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Any

from explorer.cases.case import Case
from explorer.cases.given_caption import one_line
from explorer.cases.store import CaseStore
from explorer.commands.progress_bars import Bars
from explorer.diffusion.describe import describe_model
from explorer.findings.finding import Finding
from explorer.folders import read_file
from explorer.jobs import flows, foreground
from explorer.jobs.queue import Queue
from explorer.records import ReplaySettings, to_json
from explorer.settings import Settings


def run(args: argparse.Namespace, settings: Settings) -> dict[str, Any]:
    """Runs the loop and writes everything to a case; returns what the last line prints."""
    store = CaseStore(settings.cases, actor="command line")
    case = store.open(args.out) if args.out else store.create(args.image.stem)
    subject = case.add_subject(read_file(args.image), args.image.name, caption=one_line(args.caption))
    queue = Queue(settings.database)
    model, clip = args.model or settings.model, args.clip or settings.clip
    test = flows.own_test(settings, describe_model(model, home=settings.home), model=model, clip=clip,
                          caption=subject.caption)
    flow = flows.investigate(
        queue, case.id, subject.id, settings=_replay_settings(args), model=model, clip=clip,
        collection=args.collection or replace(settings, model=model).neighbours_from, mode=args.mode,
        policy=test.policy, controls=test.controls, engine=args.engine, known=test.known)
    with Bars(quiet=args.json) as bars:
        foreground.follow_jobs(settings, flow.jobs, follow=bars.follow)
    return _result(case, subject.id, flow.search_id)


def _replay_settings(args: argparse.Namespace) -> ReplaySettings:
    return ReplaySettings(
        prompt=args.prompt, negative_prompt=args.negative, first_seed=args.first_seed, seeds=args.seeds,
        strengths=args.strengths, steps=(args.steps,), guidances=(args.guidance,), schedulers=(args.scheduler,),
        mode=args.search)


def _result(case: Case, subject_id: str, search_id: str) -> dict[str, Any]:
    """Prompt, nearest works, best replay's recipe and closeness, effort and bits, as JSON values."""
    summary = next(s for s in case.searches(subject_id) if s.id == search_id)
    best = case.replay(summary.best_replay_id) if summary.best_replay_id else None
    finding = next(reversed(case.records(Finding, subject_id=subject_id)), None)
    return {
        "case": case.id,
        "subject": subject_id,
        "prompt": best.recipe.prompt if best else "",
        "nearest": [{"title": n.title, "creator": n.creator, "licence": n.licence, "similarity": n.similarity}
                    for n in case.neighbours(subject_id)],
        "best": {"recipe": to_json(best.recipe), "closeness": best.closeness, "image": best.image_sha256}
        if best else None,
        "finding": to_json(finding) if finding else None,
        "effort": to_json(summary.effort),
        "ledger": to_json(summary.ledger),
    }
