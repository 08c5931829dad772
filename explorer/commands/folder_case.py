"""A folder of pictures as a case: what `portfolio` and `familiarity` begin with."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from explorer.cases.case import Case
from explorer.cases.given_caption import beside
from explorer.collections.works import PICTURES
from explorer.errors import ExplorerError, shortened
from explorer.folders import is_plain, read_file


def folder_of(path: Path) -> Path:
    """The folder itself, absolute; ExplorerError where there is none."""
    if not os.path.isdir(path):
        raise ExplorerError("commands.findings_command_no_folder", path=shortened(path))
    return path.resolve()


def take_in(case: Case, folder: Path) -> list[str]:
    """Adds the folder's images that the case does not have, each with the words in the text file of its name;
    returns why others were refused."""
    known, refused = {s.sha256: s.caption for s in case.subjects()}, []
    files = sorted(p for p in folder.rglob("*") if is_plain(p) and not p.name.startswith("."))
    pictures = {p.with_suffix("") for p in files if p.suffix.lower() in PICTURES}
    for file in files:
        if file.suffix == ".txt" and file.with_suffix("") in pictures:
            continue  # a picture's words
        try:
            data, words = read_file(file), beside(file)
            mine = known.get(hashlib.sha256(data).hexdigest())
            if mine is None or words not in ("", mine):
                case.add_subject(data, file.name, caption=words)
        except ExplorerError as error:
            refused.append(str(error))
    if not case.subjects():
        raise ExplorerError("commands.findings_command_holds_no_image", folder=folder)
    return refused
