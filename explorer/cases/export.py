"""Writes a case as a package: an RO-Crate in a BagIt bag (RFC 8493) in a canonical ZIP."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import bagit

from explorer.cases import contents, exports
from explorer.cases.archive import write_archive
from explorer.cases.blobs import sha256
from explorer.cases.case import Case
from explorer.cases.crate import crate_metadata
from explorer.cases.faults import plain_faults
from explorer.cases.snapshot import Snapshot
from explorer.errors import ExplorerError

Step = Callable[[int, int], None]


@dataclass(frozen=True)
class Exported:
    """A package that was written. `head_hash` is what a report prints and `verify --expect` checks."""

    path: str
    sha256: str
    size_bytes: int
    head_entry: int
    head_hash: str
    exhibits: int


def export_case(case: Case, target: Path, *, reports: Mapping[str, bytes] | None = None,
                step: Step = lambda done, total: None, job_id: str = "") -> Exported:
    """Writes the case's log (with an entry for this export), blobs and derived files to `target`.

    `reports` are further files (name → bytes) for the folder `report/`; `step` is told how many files of
    how many are done. The file appears only when it is whole. ExplorerError for a missing blob or full disk.
    """
    if case.read_only:
        raise ExplorerError("cases.export_case_imported_read")
    case.note(contents.EXPORT, {"reports": {n: sha256(d) for n, d in (reports or {}).items()}}, job_id=job_id)
    with plain_faults(target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
        _sweep(target.parent)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".export-") as folder:
            bag = Path(folder) / case.id
            head, shown = _fill(case, bag, reports or {}, step)
            _make_bag(bag, case, head)
            exports.note(case.folder, head[1])
            members = [(p.relative_to(folder).as_posix(), p) for p in bag.rglob("*") if p.is_file()]
            mark = write_archive(target, members)
    return Exported(str(target), mark, target.stat().st_size, head[0], head[1], shown)


def _sweep(folder: Path) -> None:
    """Removes what exports that were killed an hour ago or earlier left behind."""
    for left in (*folder.glob(".export-*"), *folder.glob(".draft-*")):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > 3600:
                shutil.rmtree(left) if left.is_dir() else left.unlink()


def _fill(case: Case, bag: Path, reports: Mapping[str, bytes], step: Step) -> tuple[tuple[int, str], int]:
    """Puts the payload into the folder; returns the log's head and the number of exhibits."""
    entries = case.log()
    now = Snapshot(case.id, entries, case.blob)
    names = sorted(contents.blob_names(entries))
    sizes: dict[str, int] = {}
    for number, name in enumerate(names):
        sizes[f"blobs/{name[:2]}/{name}"] = _copy(case, bag, name)
        step(number + 1, len(names))
    extra = [(f"report/{name}", data) for name, data in reports.items()]
    for name, data in [*contents.derived(now), *extra]:
        sizes[name] = _put(bag / name, data)
    _put(bag / contents.METADATA, crate_metadata(now, sizes))
    found = now.head(), now.count_replays(exhibits=True)
    now.close()
    return found


def _copy(case: Case, bag: Path, name: str) -> int:
    case.blob(name)  # checked against its name before it goes out
    path = bag / "blobs" / name[:2] / name
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(case.blob_path(name), path)
    return path.stat().st_size


def _put(path: Path, data: bytes) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return len(data)


def _make_bag(bag: Path, case: Case, head: tuple[int, str]) -> None:
    """Turns the folder into a bag with fixed facts: the same case and head give the same bytes."""
    made = case.log(after=head[0] - 1, limit=1)[0].time
    bagit.make_bag(str(bag), bag_info={
        "Bagging-Date": made[:10], "Bag-Software-Agent": "Afterimage provenance explorer",
        "External-Identifier": case.id, "External-Description": "Evidence package",
        "Log-Head": f"{head[0]} {head[1]}"}, checksums=["sha256"])
