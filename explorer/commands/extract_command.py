"""`extract LIST`: prompts whose pictures fall together, and what a collection holds that is like them."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from explorer.cases.store import CaseStore
from explorer.commands.progress_bars import Bars
from explorer.findings.prompt_lists import read_list
from explorer.folders import read_file
from explorer.jobs import foreground, launch
from explorer.jobs.tasks import EmbedSubject, ExtractPrompts, FindNeighbours
from explorer.records import Recipe, from_json
from explorer.settings import Settings


def run(args: argparse.Namespace, settings: Settings) -> dict[str, Any]:
    """Extracts, makes each clique's centre a subject of a new case, and finds its neighbours there."""
    read_list(read_file(args.list), name=args.list.name)  # a damaged list is told before a model is loaded
    out = (args.out or args.list.with_name(f"{args.list.stem}-cliques")).resolve()
    task = ExtractPrompts(
        list_path=str(args.list.resolve()), out=str(out), model=args.model or settings.model, keep=args.keep,
        screen_seeds=args.screen_seeds, seeds=args.seeds, steps=args.steps, guidance=args.guidance,
        least=args.least, threshold=args.threshold)
    with Bars() as bars:
        result = foreground.run(settings, task, follow=bars.follow)
    if result["found"]:
        result |= _looked_up(result["found"], out, args, settings)
    return result


def _looked_up(found: list[dict[str, Any]], out: Path, args: argparse.Namespace,
               settings: Settings) -> dict[str, Any]:
    case = CaseStore(settings.cases, actor="command line").create(f"Extraction from {args.list.stem}")
    clip, collection = args.clip or settings.clip, args.collection or settings.collection
    listed = []
    for row in found:
        recipe = from_json(Recipe, row["recipe"])
        subject = case.add_subject(read_file(out / row["picture"]), row["prompt"][:60], origin="generated",
                                   recipe=recipe)
        first = launch.submit(settings, EmbedSubject(case.id, subject.id, clip))
        then = launch.submit(settings, FindNeighbours(case.id, subject.id, collection, clip, 3), after=first)
        foreground.follow_jobs(settings, (first, then))
        listed.append({**row, "subject": subject.id, "nearest": [
            {"title": n.title, "creator": n.creator, "licence": n.licence, "similarity": n.similarity}
            for n in case.neighbours(subject.id)]})
    return {"case": case.id, "found": listed}
