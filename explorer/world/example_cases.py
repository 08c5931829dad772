"""Finished cases of a world, one story each, as the screens read them: figures, packages, read-only cases.

A package is opened as a read-only case, so the screens show it at once; running it again live gives the
same recipes. `cases.json` beside the packages quotes the world's fingerprint and each case's figures.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from explorer.cases.case import Case
from explorer.cases.importing import import_package
from explorer.cases.store import CaseStore
from explorer.errors import ExplorerError
from explorer.settings import ASSETS, WORLD
from explorer.texts import say

FOLDER = ASSETS / "examples"
FILE_NAME = "cases.json"


@dataclass(frozen=True)
class Told:
    """One finished case: its package beside `cases.json`, and the figures that its story quotes.

    `noise` and `given` are the closest tiled distances (0 to 1, lower is closer) from plain noise and when
    given the subject at `strength`, None where it was not given; `neighbour_*` is the nearest other work of
    the collection. `figures` are those that this story alone quotes. A picture that the model made for the
    story has no `work_id`; it lies beside its package.
    """

    story: str
    title: str
    file: str
    sha256: str
    head: str
    work_id: str
    work_title: str
    creator: str
    multiplicity: int
    replays: int
    noise: float
    noise_replay: str
    noise_seed: int
    given: float | None
    given_replay: str
    strength: float
    neighbour_title: str
    neighbour_creator: str
    neighbour_multiplicity: int
    similarity: float
    computing_s: float
    figures: dict[str, float | str] = field(default_factory=dict)

    def package(self, folder: Path = FOLDER) -> Path:
        """The package's place."""
        return folder / self.file

    def picture(self, folder: Path = FOLDER, *, world: Path = WORLD) -> bytes:
        """The subject as an image file; ExplorerError where it is missing."""
        path = world / "works" / f"{self.work_id}.webp" if self.work_id else folder / f"{self.story}.png"
        try:
            return path.read_bytes()
        except OSError as error:
            raise ExplorerError("world.example_cases_no_picture", title=self.title, path_name=path.name,
                                again=say("note.world.again_examples")) from error


def read(folder: Path = FOLDER, *, world: str = "") -> list[Told]:
    """The finished cases in `folder`; none where there are none, or where they quote another world."""
    path = folder / FILE_NAME
    if not path.is_file():
        return []
    try:
        value = json.loads(path.read_text("utf-8"))
        found = [Told(**t) for t in value["cases"]]
        return found if world in ("", value["world"]) else []
    except (ValueError, TypeError, KeyError) as error:
        raise ExplorerError("world.example_cases_damaged", path_name=path.name, error=error,
                            again=say("note.world.again_examples")) from error


def evaluation_s(told: Sequence[Told], *, steps: int) -> float | None:
    """Seconds of computing for one evaluation of the network when these were made; None without any.

    The median over the cases of what a replay of `steps` guided steps took, decoding and scoring included.
    """
    each_s = [t.computing_s / t.replays for t in told if t.replays]
    return statistics.median(each_s) / (2 * steps) if each_s else None


def open_told(store: CaseStore, told: Told, *, folder: Path = FOLDER) -> Case:
    """The story as a read-only case of this workspace, taken in from its package the first time."""
    for row in store.list(archived=None):
        if row.read_only and row.title == told.title:
            case = store.open(row.id)
            if case.meta().get("imported_from") == told.file and case.log()[-1].hash == told.head:
                return case
            case.close()
    return import_package(store, told.package(folder), expect=told.head)
