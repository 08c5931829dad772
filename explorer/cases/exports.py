"""Which packages this workspace wrote: a line for each beside its cases, which stays when a case is deleted.

A package says of itself whatever its writer likes. A log's hash at the moment of an export, kept here, is known
again in a package that comes back, and no other package can have it without being that log, or that log gone on.
"""

from __future__ import annotations

import os
from pathlib import Path

from explorer.cases.log import HASH, LogEntry

FILE = "exported.txt"
PERSON = "person.txt"  # in a case's folder: who may open it, where login is on
COUNSEL = "counsel-only.txt"  # in a case's folder, never in its log: what is tried there stays there


def owner(case_folder: Path) -> str:
    """Whose a case is; "" where it was made without a login."""
    try:
        return (case_folder / PERSON).read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def is_counsel_only(case_folder: Path) -> bool:
    """Whether a case is for counsel only."""
    return (case_folder / COUNSEL).exists()


def note(case_folder: Path, head_hash: str) -> None:
    """Writes down that the case was exported up to the entry of this hash."""
    with open(case_folder.parent / FILE, "a", encoding="utf-8") as file:
        file.write(f"{head_hash} {' '.join(owner(case_folder).split())}\n")
        file.flush()
        os.fsync(file.fileno())


def exported(root: Path, person: str = "") -> frozenset[str]:
    """Hashes of the logs' ends that this person, or anybody on a workspace without login, exported here."""
    try:
        lines = (root / FILE).read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return frozenset()
    told = [line.partition(" ") for line in lines]
    wanted = " ".join(person.split())
    return frozenset(mark for mark, _, who in told if HASH.fullmatch(mark) and (not person or who == wanted))


def own_part(entries: list[LogEntry], heads: frozenset[str]) -> list[LogEntry]:
    """What of an imported log is this workspace's own doing: all up to the last entry that it exported."""
    last = next((at for at in range(len(entries), 0, -1) if entries[at - 1].hash in heads), 0)
    return entries[:last]
