"""Which subjects are pictures that the program itself offers to try: their truth is known, and nobody's case hangs
on them."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from explorer.records import Subject
from explorer.settings import WORLD
from explorer.world.example_cases import FOLDER, read
from explorer.world.example_picks import read_examples

_WORK_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,80}")


def is_demonstration(subject: Subject, *, world: Path = WORLD, folder: Path = FOLDER) -> bool:
    """Whether a subject is a bundled picture taken from the examples, to the byte.

    What a case says of its subject's origin is its writer's word: unless the bytes are the program's own, it
    is an ordinary subject.
    """
    if subject.origin != "example":
        return False
    if subject.work_id:
        files = [world / "works" / f"{subject.work_id}.webp"] if _WORK_ID.fullmatch(subject.work_id) else []
    else:
        files = sorted(folder.glob("*.png"))  # pictures that the model made for a story
    return any(_sha256(file) == subject.sha256 for file in files)


def times_in_training(subject: Subject, *, world: Path = WORLD, folder: Path = FOLDER) -> int | None:
    """How often the bundled model saw a demonstration in training; None for any other subject."""
    if not subject.work_id or not is_demonstration(subject, world=world, folder=folder):
        return None
    known = {e.id: e.multiplicity for e in read_examples(world)} | {
        t.work_id: t.multiplicity for t in read(folder)}
    return known.get(subject.work_id)


def _sha256(file: Path) -> str:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError:
        return ""
