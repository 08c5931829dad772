"""`which-model IMAGE --models A B`: which of several models made a picture, or none of them."""

from __future__ import annotations

import argparse
from typing import Any

from explorer.cases.store import CaseStore
from explorer.commands.progress_bars import Bars
from explorer.evidence.which_records import WhichModel
from explorer.folders import read_file
from explorer.jobs import foreground
from explorer.jobs.flows import new_search_id
from explorer.jobs.tasks import NameModel
from explorer.settings import Settings


def run(args: argparse.Namespace, settings: Settings) -> dict[str, Any]:
    """Asks the models about one picture, in a case of its own or in `--out`; returns what the last line prints."""
    store = CaseStore(settings.cases, actor="command line")
    case = store.open(args.out) if args.out else store.create(args.image.stem)
    subject = case.add_subject(read_file(args.image), args.image.name)
    prompts = case.put_blob(read_file(args.prompts)) if args.prompts else ""
    others = str(args.others.resolve()) if args.others else "world"
    name = new_search_id()
    task = NameModel(case.id, subject.id, name, tuple(args.models), others, prompts, args.pictures)
    with Bars(quiet=args.json) as bars:
        foreground.run(settings, task, follow=bars.follow)
    return {"case": case.id, "subject": subject.id, **as_json(case.record(WhichModel, name))}


def as_json(found: WhichModel) -> dict[str, Any]:
    """The answer, each model with its p, and the limits, as JSON values."""
    return {"answer": found.finding.kind.removeprefix("which_"), "statement": found.finding.statement,
            "models": [{"name": one.name, "source": one.model.source, "fingerprint": one.model.fingerprint,
                        "p": one.p, "first_loss": one.first_loss, "error": one.error} for one in found.candidates],
            "p_others": found.others_p, "others": found.others, "pictures": found.pictures,
            "other_pictures": found.other_pictures, "evaluations": found.evaluations,
            "error_rate": found.finding.error_rate, "limits": list(found.finding.limits)}
