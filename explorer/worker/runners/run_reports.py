"""Reports; runs in the desk worker."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

from explorer.cases.store import CaseStore
from explorer.evidence.counsel import check_disclosed
from explorer.images.decode import read_png
from explorer.jobs.tasks import WriteReport
from explorer.report.options import ReportOptions
from explorer.report.write_report import make_report, make_sheet
from explorer.texts import say, speaking
from explorer.worker.context import Context


def write(task: WriteReport, context: Context) -> Any:
    """Writes a report, or a sheet, to the workspace's folder `reports`; the case is not changed."""
    context.report(0, 1, say("progress.writing_report"))
    case = context.case(task.case_id)
    head = task.head or case.head()[0]
    logo = case.blob(task.logo_blob) if task.logo_blob else b""
    check_disclosed(CaseStore(context.settings.cases, person=context.job.owner), case, texts=[task.prepared_by],
                    pictures=[read_png(logo)] if logo else [])
    options = ReportOptions(detail=task.detail, prepared_by=task.prepared_by, logo_png=logo)
    with speaking(task.language):
        data = (make_sheet(case, task.replay_id, kind=task.kind, head=head, options=options) if task.replay_id
                else make_report(case, kind=task.kind, head=head, options=options))
    name = hashlib.sha256(data).hexdigest()
    path = context.settings.home / "reports" / f"{case.id}-entry{head}-{name[:12]}.{task.kind}"
    _write(path, data)
    beside = path.with_suffix(".json")
    if not task.replay_id:
        _write(beside, make_report(case, kind="json", head=head, options=options))
    context.report(1, 1, say("progress.written"))
    return {"path": str(path), "sha256": name, "head_entry": head,
            "data_path": "" if task.replay_id else str(beside)}


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.part")
    draft.write_bytes(data)
    os.replace(draft, path)
