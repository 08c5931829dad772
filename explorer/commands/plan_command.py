"""`plan key|draft|sign|check|load|notice`: the plan that both sides agree on, from its draft to its departures."""

from __future__ import annotations

import argparse
import hashlib
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from explorer.cases.case import utc_now
from explorer.cases.store import CaseStore
from explorer.diffusion.describe import describe_model
from explorer.errors import ExplorerError
from explorer.evidence.agreed_plan import (
    AgreedPlan,
    PlannedEffort,
    PlannedModel,
    Population,
    SignedPlan,
    broken_signatures,
    check_plan,
    make_key,
    read_plan,
    sign,
    write_plan,
)
from explorer.evidence.plan_on_record import judged, plan_notes, put_plan, run_line, signers
from explorer.evidence.populations import read_population
from explorer.findings.controls import folder_sha256, pictures_of
from explorer.folders import read_file
from explorer.report.notice import write_notice
from explorer.settings import Settings
from explorer.texts import say


def key(args: argparse.Namespace, _: Settings) -> dict[str, Any]:
    """Writes a new private key, readable by its owner only; an existing file is never written over."""
    try:
        with open(os.open(args.out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(make_key(_password(args)))
    except FileExistsError as error:
        raise ExplorerError("plan.no_key_file", path=args.out) from error
    return {"key": str(args.out), "encrypted": bool(args.password_file)}


def draft(args: argparse.Namespace, settings: Settings) -> dict[str, Any]:
    """Writes a plan that nobody has signed yet; works and populations are named by the SHA-256 of their files."""
    models = [PlannedModel(m, describe_model(m, home=settings.home).fingerprint) for m in args.model]
    effort = PlannedEffort(args.seeds, args.steps, args.guidance, args.scheduler, *args.size, args.strengths)
    plan = check_plan(AgreedPlan(
        args.question, tuple(hashlib.sha256(read_file(p)).hexdigest() for p in args.work),
        (*models, *(PlannedModel(name, "") for name in args.unknown_model)), effort, args.score, args.near_copy,
        args.level, tuple(_population(text, args.prompts) for text in args.population), args.controls_words,
        folder_sha256(args.controls) if args.controls else "",
        len(pictures_of(args.controls)) if args.controls else 0, args.looks, args.notes,
        args.margin))
    args.out.write_bytes(write_plan(SignedPlan(plan)))
    return {"plan": plan.sha256, "path": str(args.out)}


def _population(text: str, drawn: int) -> Population:
    name, sign_, source = text.partition("=")
    if not sign_ or not name.strip() or not source.strip():
        raise ExplorerError("incidence.population_line", text=text[:80])
    data = read_file(Path(source))
    size = len(read_population(data, name=source))
    return Population(name.strip(), hashlib.sha256(data).hexdigest(), size, min(drawn, size))


def put_signature(args: argparse.Namespace, _: Settings) -> dict[str, Any]:
    """Adds one side's signature to the plan's file; one that was altered after a signature is not signed."""
    signed = _whole(args.plan)
    made = sign(signed, read_file(args.key), name=args.name, password=_password(args), clock=utc_now)
    out = args.out or args.plan
    out.write_bytes(write_plan(made))
    return {"plan": made.plan.sha256, "path": str(out), "signed_by": [s.name for s in made.signatures]}


def check(args: argparse.Namespace, settings: Settings) -> dict[str, Any]:
    """Whether the signatures hold and, with a case, which of its runs kept to the plan that it has on record."""
    signed = _whole(args.plan)
    print(say("note.plan.signed", sha=signed.plan.sha256, by=signers(signed)) if signed.signatures
          else say("plan_said.draft", sha=signed.plan.sha256))
    for model in signed.plan.models:
        if not model.fingerprint:
            print(say("plan_said.unknown", name=model.name))
    runs = []
    if args.case:
        case = CaseStore(settings.cases, actor="command line").open(args.case)
        found = judged(case)
        runs = [asdict(one) for one in found]
        print("\n".join([*map(run_line, found), *plan_notes(case, found)]))
    return {"plan": signed.plan.sha256, "signatures": [asdict(s) for s in signed.signatures], "runs": runs}


def load(args: argparse.Namespace, settings: Settings) -> dict[str, Any]:
    """Puts a signed plan on record in a case: what is run from then on is held against it."""
    case = CaseStore(settings.cases, actor="command line").open(args.case)
    return {"plan": put_plan(case, read_file(args.plan)).plan.sha256, "case": case.id}


def notice(args: argparse.Namespace, _: Settings) -> dict[str, Any]:
    """Writes the notice of experiments: the plan as a sheet to print, HTML or PDF by the file's ending."""
    signed = _whole(args.plan)
    args.out.write_bytes(write_notice(signed, kind="pdf" if args.out.suffix.lower() == ".pdf" else "html"))
    return {"plan": signed.plan.sha256, "path": str(args.out)}


def _whole(path: Path) -> SignedPlan:
    """A plan whose signatures, if it has any, hold."""
    signed = read_plan(read_file(path))
    broken = broken_signatures(signed)
    if broken:
        raise ExplorerError("plan.altered", names=", ".join(broken))
    return signed


def _password(args: argparse.Namespace) -> bytes | None:
    """The first line of the password's file, so that it stands in no shell's history."""
    return read_file(args.password_file).split(b"\n")[0].rstrip(b"\r") if args.password_file else None
