"""Opens a package as a read-only case for the other side's expert."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from explorer.cases import contents
from explorer.cases.case import Case
from explorer.cases.log import LogEntry
from explorer.cases.package import Package
from explorer.cases.store import CaseStore
from explorer.cases.verify import CHANGED, UNCHECKABLE, verify_package
from explorer.errors import ExplorerError


def import_package(store: CaseStore, path: Path, *, expect: str = "", roots: Sequence[bytes] = (),
                   check: Callable[[Sequence[LogEntry]], None] = lambda entries: None) -> Case:
    """Writes the package's log and blobs to a new read-only case, entry by entry as they stand.

    `check` may refuse the log's contents (see report/readable.py). ExplorerError, with the reason, for a
    package that was changed, cannot be checked, or is refused.
    """
    report = verify_package(path, expect=expect, roots=roots)
    if report.state in (CHANGED, UNCHECKABLE):
        raise ExplorerError("cases.importing_package_not_imported", sentence=report.sentence)
    with Package(path) as package:
        check(package.entries)
        def fill(case: Case) -> None:
            case.blobs.put_all(package.blob(name) for name in sorted(contents.blob_names(package.entries)))
            case.take_over(package.entries, facts)
        facts = {"read_only": "1", "archived": "0", "imported_from": package.archive.path.name,
                 "imported_state": report.state}
        return store.create_from(facts, fill=fill)
