"""Packages: export, verify, import; runs in the desk worker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from explorer.cases.export import export_case
from explorer.cases.importing import import_package
from explorer.cases.store import CaseStore
from explorer.cases.verify import verify_package
from explorer.errors import ExplorerError
from explorer.evidence.counsel import check_disclosed, count_looks
from explorer.evidence.incidence_results import plans, sheet_csv
from explorer.evidence.plan_on_record import checks
from explorer.jobs.tasks import ExportCase, ImportPackage, VerifyPackage
from explorer.records import to_json
from explorer.report.readable import check_readable
from explorer.report.write_report import FORMATS, make_report
from explorer.texts import say
from explorer.worker.context import Context


def export(task: ExportCase, context: Context) -> Any:
    """Writes a case as a package; without a target it goes to the workspace's folder `packages`."""
    context.report(0, 1, say("progress.writing_package"))
    case = context.case(task.case_id)
    store = CaseStore(context.settings.cases, person=context.job.owner)
    check_disclosed(store, case)
    if not case.read_only:
        count_looks(store, case, job_id=context.job.id)
    target = Path(task.out) if task.out else context.settings.home / "packages" / f"{case.id}.zip"
    reports = {}
    for kind in FORMATS:
        reports[f"report.{kind}"] = make_report(case, kind=kind)
        context.report(0, 1, say("progress.writing_package"))
    reports |= {f"incidence-{plan.id}.csv": sheet_csv(case, plan) for plan in plans(case)}
    done = export_case(case, target, reports=reports, step=lambda *_: context.run.tick(), job_id=context.job.id)
    context.report(1, 1, say("progress.written"))
    return to_json(done)


def verify(task: VerifyPackage, context: Context) -> Any:
    """Checks a package against itself, an expected head and its seals."""
    context.report(0, 1, say("progress.checking_package"))
    roots = _certificates(task.roots)
    return to_json(verify_package(Path(task.path), expect=task.expect, roots=roots, more=checks))


def take_in(task: ImportPackage, context: Context) -> Any:
    """Opens a package as a read-only case."""
    context.report(0, 1, say("progress.checking_package"))
    store = CaseStore(context.settings.cases, person=context.job.owner)
    case = import_package(store, Path(task.path), expect=task.expect, check=check_readable)
    case.close()
    return {"case_id": case.id}


def _certificates(paths: tuple[str, ...]) -> list[bytes]:
    try:
        return [Path(p).read_bytes() for p in paths]
    except OSError as error:
        raise ExplorerError("worker.packages_certificate_cannot_read", filename=error.filename) from error
