"""`setup`: the guided test of a real model without a screen; says what is missing, and with `--yes` does it all."""

from __future__ import annotations

import argparse
import hashlib
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from explorer.cases.case import Case
from explorer.cases.store import CaseStore
from explorer.collections.works import PICTURES
from explorer.commands.progress_bars import Bars
from explorer.diffusion.describe import describe_model
from explorer.errors import ExplorerError, shortened
from explorer.familiarity.records import FamiliarityTest
from explorer.findings.calibration import Calibration, words
from explorer.findings.control_check import ControlCheck, check_controls, controls_in
from explorer.findings.finding import Finding, Measured
from explorer.folders import is_plain, read_file
from explorer.images.decode import open_image
from explorer.jobs import foreground
from explorer.jobs.queue import Queue
from explorer.records import ModelInfo, to_json
from explorer.settings import Settings, load_settings
from explorer.setup import choices as chosen
from explorer.setup import start
from explorer.setup.choices import Choices, Needed, needed
from explorer.setup.setup_plan import SetupPlan, plan
from explorer.texts import say


def run(args: argparse.Namespace, settings: Settings) -> dict[str, Any]:
    """Prints the plan and what is missing; with `--yes` fetches, times, tests and returns what was found."""
    found, files = _choices(args, settings), _works(args.works)
    need, check = needed(found, settings), _check(found, files)
    if args.yes and not need.why and files and check and check.enough:  # else gigabytes would come for nothing
        found = _fetched(found, need, settings, quiet=args.json)
        need = needed(found, settings)
    info = describe_model(found.model, home=settings.home) if need.model_here else None
    told = plan(found, need, info, check, works=len(files), settings=settings)
    _say(told, need, check)
    if not args.yes:
        return {"plan": asdict(told) | {"total_s": told.total_s}, "missing": list(told.missing)}
    if told.missing or info is None:
        raise ExplorerError("commands.setup_missing", missing=" ".join(told.missing))
    return _tested(found, told, files, info, need, settings, quiet=args.json)


def _choices(args: argparse.Namespace, settings: Settings) -> Choices:
    """What was decided before in this workspace, with what is asked for now, as if nothing had been begun."""
    given = {"model": args.model, "clip": args.clip, "collection": args.collection, "seeds": args.seeds,
             "controls": str(args.controls.resolve()) if args.controls else None}
    asked = {name: value for name, value in given.items() if value is not None}
    return replace(chosen.load(settings), **asked, fetch=(), check="", jobs=(), after=())


def _works(paths: list[Path]) -> list[Path]:
    """The pictures that are to be tested: files, and those right in folders."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(p for p in path.iterdir() if p.suffix.lower() in PICTURES and is_plain(p))
        elif path.is_file():
            found.append(path)
        else:
            raise ExplorerError("commands.setup_no_picture", path=shortened(path))
    return found


def _fetched(found: Choices, need: Needed, settings: Settings, *, quiet: bool) -> Choices:
    """Writes what is missing into the workspace and times one replay there."""
    with Queue(settings.database) as queue, Bars(quiet=quiet) as bars:
        found = start.fetch_and_time(found, need, queue)
        jobs = foreground.follow_jobs(settings, found.fetch, follow=bars.follow)
    return replace(found, model=jobs[-1].result["source"])


def _check(found: Choices, files: list[Path]) -> ControlCheck | None:
    if not found.controls:
        return None
    works = {}
    for file in files:
        works[file.name] = open_image(read_file(file), name=file.name).rgb
    return check_controls(controls_in(found.controls), works, made_after=start.newer_than(found))


def _say(told: SetupPlan, need: Needed, check: ControlCheck | None) -> None:
    """The plan and what is missing, on stderr, where a person reads it."""
    lines = [say("command.setup_plan", controls=told.controls, works=told.works, seeds=told.policy.seeds,
                 steps=told.policy.steps, guidance=told.policy.guidance, clip=need.clip_name)]
    if told.work_s:
        lines.append(say("command.setup_time", work=told.work_s / 60, total=told.total_s / 3600))
    if told.ranked:
        lines.append(say("command.setup_smallest", n=told.ranked, p=told.smallest_p))
    if told.fetch_bytes:
        lines.append(say("command.setup_fetch", size=told.fetch_bytes / 1e9, free=told.free_bytes / 1e9))
    if check is not None and check.works:
        lines.append(say("command.setup_fit", fits=check.fitting, n=len(check.works)))
    lines += [say("command.setup_missing_line", what=sentence) for sentence in told.missing]
    print("\n".join(lines), file=sys.stderr)


def _tested(found: Choices, told: SetupPlan, files: list[Path], info: ModelInfo, need: Needed, settings: Settings,
            *, quiet: bool) -> dict[str, Any]:
    """Controls, then every work that was not tested so, or not asked about; goes on with what was stopped."""
    case = _case(found, files, settings)
    tested = {t.subject_id for t in case.records(Measured) if t.policy == told.policy.id}
    asked = {t.subject_id for t in case.records(FamiliarityTest) if t.words == told.policy.words}
    waiting, known = (tuple(s.id for s in case.subjects() if s.id not in done) for done in (tested, asked))
    with Queue(settings.database) as queue, Bars(quiet=quiet) as bars:
        found = start.begin(replace(found, case=case.id), told.policy, waiting, queue, settings, model=info.source,
                            clip=need.clip, known=known if told.asks_known else ())
        chosen.save(settings, found)
        foreground.follow_jobs(load_settings(settings.home), (*found.jobs, *found.asked, *found.after),
                               follow=bars.follow)
    calibration = next(reversed(case.records(Calibration)), None)
    return {"case": case.id, "model": info.source, "calibration": words(calibration) if calibration else None,
            "findings": [to_json(f) for f in case.records(Finding)],
            "known": [to_json(t.finding) for t in case.records(FamiliarityTest)]}


def _case(found: Choices, files: list[Path], settings: Settings) -> Case:
    """The case that was begun with the same pictures, else a new one with them."""
    store, data = CaseStore(settings.cases, actor="command line"), {f: read_file(f) for f in files}
    wanted = {hashlib.sha256(one).hexdigest() for one in data.values()}
    if any(row.id == found.case for row in store.list()):
        before = store.open(found.case)
        if {s.sha256 for s in before.subjects()} == wanted:
            return before
        before.close()
    case = store.create(say("setup.title"))
    for file, one in data.items():
        case.add_subject(one, file.name)
    return case
