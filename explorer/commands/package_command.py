"""`export CASE`, `verify PACKAGE`, `import PACKAGE`, and `seal request|attach PACKAGE`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from explorer.cases.seals import attach_package, request_package
from explorer.commands.progress_bars import Bars
from explorer.errors import ExplorerError, shortened
from explorer.folders import read_file
from explorer.jobs import foreground
from explorer.jobs.tasks import ExportCase, ImportPackage, ReplayPackage, VerifyPackage
from explorer.settings import Settings
from explorer.texts import say

LINES = 40  # of checks, for a person to read


def export(args: argparse.Namespace, settings: Settings) -> Any:
    """Writes a case as a package."""
    with Bars() as bars:
        return foreground.run(settings, ExportCase(args.case, str(args.out.resolve()) if args.out else ""),
                              follow=bars.follow)


def verify(args: argparse.Namespace, settings: Settings) -> dict[str, Any]:
    """Checks a package; with --replay renders its exhibits again as well."""
    path = _package(args)
    with Bars() as bars:
        report = foreground.run(settings, VerifyPackage(path, args.expect, _roots(args)), follow=bars.follow)
        if args.replay:
            replayed = foreground.run(settings, ReplayPackage(path, args.model or settings.model),
                                      follow=bars.follow)
            report = {**report, "replay": replayed}
    print("\n".join(told(report)), file=sys.stderr)
    return report


def told(report: dict[str, Any]) -> list[str]:
    """What a check found, in lines for a person: each part, the exhibits, and what it comes to."""
    lines = [f"{check['name']}: {check['state']}. {check['what']}" for check in report["checks"][:LINES]]
    if (left := len(report["checks"]) - LINES) > 0:
        lines.append(say("note.commands.more_all_them", left=left))
    replayed = report.get("replay")
    if replayed:
        tried = [v for v in replayed["verdicts"] if v["state"] != "not replayed"]
        differs = say("note.commands.largest_difference", n=replayed["largest_difference"]) if tried else ""
        lines.append(say("note.commands.exhibits_replayed", tried=len(tried), of=replayed["exhibits"],
                         same=replayed["identical"], differs=differs))
        whys = dict.fromkeys(v["why"] for v in replayed["verdicts"] if v.get("why"))
        lines += [say("note.commands.exhibits_why", why=why) for why in whys]
    return [*lines, report["sentence"]]


def _package(args: argparse.Namespace) -> str:
    """The package's full path; said at once, before a worker starts, where there is none."""
    if not os.path.isfile(args.package):
        raise ExplorerError("commands.package_command_no_file", package=shortened(args.package))
    return str(args.package.resolve())


def _roots(args: argparse.Namespace) -> tuple[str, ...]:
    return tuple(str(p.resolve()) for p in args.root)


def take_in(args: argparse.Namespace, settings: Settings) -> Any:
    """Opens a package as a read-only case."""
    return foreground.run(settings, ImportPackage(_package(args), args.expect))


def seal_request(args: argparse.Namespace, _: Settings) -> dict[str, str]:
    """Writes an RFC 3161 request for the package; send it to a time-stamp authority of your choice."""
    _write(args.out, request_package(args.package))
    return {"request": str(args.out)}


def seal_attach(args: argparse.Namespace, _: Settings) -> dict[str, str]:
    """Writes a copy of the package with the authority's answer in it."""
    return {"package": str(args.out), "sha256": attach_package(args.package, read_file(args.answer), args.out)}


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise ExplorerError("commands.package_command_cannot_written", path=path,
                            strerror=error.strerror) from error
