"""`export CASE` and `verify PACKAGE`."""

from __future__ import annotations

import argparse
from typing import Any

from explorer.commands.bars import Bars
from explorer.jobs import foreground
from explorer.jobs.tasks import ExportCase, ReplayPackage, VerifyPackage
from explorer.settings import Settings


def export(args: argparse.Namespace, settings: Settings) -> Any:
    """Writes a case as a package."""
    with Bars() as bars:
        return foreground.run(settings, ExportCase(args.case, str(args.out.resolve()) if args.out else ""),
                              follow=bars.follow)


def verify(args: argparse.Namespace, settings: Settings) -> dict[str, Any]:
    """Checks a package; with --replay renders its exhibits again as well."""
    path = str(args.package.resolve())
    with Bars() as bars:
        report = foreground.run(settings, VerifyPackage(path, args.expect), follow=bars.follow)
        if args.replay:
            replayed = foreground.run(settings, ReplayPackage(path, args.model or settings.model),
                                      follow=bars.follow)
            report = {**report, "replay": replayed}
    return report
