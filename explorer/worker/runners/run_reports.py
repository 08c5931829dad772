"""Reports; runs in the desk worker."""

from __future__ import annotations

import hashlib
import os
from typing import Any

from explorer.jobs.tasks import WriteReport
from explorer.report.compose import ReportOptions
from explorer.report.write_report import make_report
from explorer.texts import say, speaking
from explorer.worker.context import Context


def write(task: WriteReport, context: Context) -> Any:
    """Writes a report to the workspace's folder `reports`; the case is not changed."""
    context.report(0, 1, say("progress.writing_report"))
    case = context.case(task.case_id)
    head = task.head or case.head()[0]
    logo = case.blob(task.logo_blob) if task.logo_blob else b""
    options = ReportOptions(detail=task.detail, prepared_by=task.prepared_by, logo_png=logo)
    with speaking(task.language):
        data = make_report(case, kind=task.kind, head=head, options=options)
    folder = context.settings.home / "reports"
    folder.mkdir(parents=True, exist_ok=True)
    name = hashlib.sha256(data).hexdigest()
    path = folder / f"{case.id}-entry{head}-{name[:12]}.{task.kind}"
    draft = path.with_suffix(".part")
    draft.write_bytes(data)
    os.replace(draft, path)
    context.report(1, 1, say("progress.written"))
    return {"path": str(path), "sha256": name, "head_entry": head}
