"""`report CASE`: a case's report, or the exhibit sheet of one replay, as a file."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import Any

from explorer.commands.progress_bars import Bars
from explorer.jobs import foreground
from explorer.jobs.tasks import WriteReport
from explorer.settings import Settings


def write(args: argparse.Namespace, settings: Settings) -> Any:
    """Writes it to the workspace's folder `reports`, and a copy to --out, its data beside it."""
    task = WriteReport(args.case, args.format, args.detail, args.prepared_by, replay_id=args.sheet,
                       language=settings.language)
    with Bars() as bars:
        result = foreground.run(settings, task, follow=bars.follow)
    if args.out is None:
        return result
    kept = {"path": str(shutil.copyfile(result["path"], args.out))}
    if result["data_path"]:
        beside = Path(args.out).with_suffix(".json")
        kept["data_path"] = str(shutil.copyfile(result["data_path"], beside))
    return result | kept
