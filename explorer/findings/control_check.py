"""Are these controls enough, of the same kind as the works, and newer than the model? Told before hours are spent.

No model is used: what is looked at are the pictures' simple features and the dates in their own metadata.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from explorer.collections.works import PICTURES
from explorer.errors import ExplorerError, shortened
from explorer.findings.control_fit import check_set, check_subject, control_distances
from explorer.findings.controls import LEAST_TUNING, TUNING_SHARE
from explorer.findings.features import FEATURES, features
from explorer.folders import is_plain, read_file, typed_path
from explorer.images.decode import open_image
from explorer.images.metadata import read_metadata
from explorer.statistics import smallest_p

SEEN = tuple(name for name in FEATURES if name != "words")  # of the words nothing is known beforehand
USUAL, MATCHED = 100, 39  # pictures: from the first on likeness is allowed for; 1/(39 + 1) is half of .05
DATES = ("EXIF DateTimeOriginal", "EXIF DateTimeDigitized", "DateTimeOriginal", "DateTimeDigitized")


@dataclass(frozen=True)
class WorkFit:
    """Whether the controls fit one work; `why` says what they differ in."""

    name: str
    fits: bool
    why: str


@dataclass(frozen=True)
class ControlCheck:
    """What a folder of controls is good for. `older` were made before the model's training had ended, by their own
    metadata; `dated` have a date at all. `set_fits` and `set_why` are of the works taken together.
    """

    pictures: int
    refused: int
    dated: int = 0
    older: tuple[str, ...] = ()
    works: tuple[WorkFit, ...] = ()
    set_fits: bool = True
    set_why: str = ""
    measured: bool = False  # they were run before: all of them are ranked

    @property
    def ranked(self) -> int:
        """How many a work is ranked among: from a hundred on, every fifth is kept for what is allowed for."""
        if self.measured:
            return self.pictures
        tuning = -(-self.pictures // TUNING_SHARE)
        return self.pictures - (tuning if tuning >= LEAST_TUNING else 0)

    @property
    def smallest_p(self) -> float:
        """The smallest p-value that they can give."""
        return smallest_p(self.ranked)

    @property
    def fitting(self) -> int:
        """How many of the works they fit."""
        return sum(w.fits for w in self.works) if self.set_fits else 0

    @property
    def enough(self) -> bool:
        """At least a hundred, or 39 that are like the works: two tests share the level of .05."""
        return self.pictures >= USUAL or (self.pictures >= MATCHED and bool(self.works) and self.set_fits)


def controls_in(folder: str) -> list[Path]:
    """The pictures right in a folder, by name; ExplorerError where there is no such folder."""
    path = typed_path(folder)
    if not path.is_dir():
        raise ExplorerError("worker.measured_no_folder", folder=shortened(folder))
    return sorted(f for f in path.iterdir() if f.suffix.lower() in PICTURES and is_plain(f))


def check_controls(files: Sequence[Path], works: Mapping[str, np.ndarray], *, made_after: str = "",
                   told: Callable[[int], None] = lambda done: None) -> ControlCheck:
    """The check of control `files` for `works`, (h, w, 3) uint8 by name; `told` hears how many were read."""
    found, dates, refused = [], {}, 0
    for number, file in enumerate(files):
        told(number)
        try:
            data = read_file(file)
            found.append(features(open_image(data, name=file.name).rgb))
            dates[file.name] = made_on(data)
        except ExplorerError:
            refused += 1
    dated = {name: date for name, date in dates.items() if date}
    older = tuple(name for name, date in dated.items() if made_after and date[:len(made_after)] < made_after)
    return ControlCheck(len(found), refused, len(dated), older, *_fits(works, found))


def check_measured(controls: Sequence[Mapping[str, float]], works: Mapping[str, np.ndarray]) -> ControlCheck:
    """The same for controls that were run before, by their FEATURES."""
    return ControlCheck(len(controls), 0, 0, (), *_fits(works, controls), measured=True)


def _fits(works: Mapping[str, np.ndarray],
          controls: Sequence[Mapping[str, float]]) -> tuple[tuple[WorkFit, ...], bool, str]:
    """Whether the controls fit each work, and all of them together with the reason."""
    mine = {name: features(rgb) for name, rgb in works.items()}
    spread = control_distances(controls, names=SEEN) if len(controls) >= 20 else ()
    fits = []
    for name, one in mine.items():
        fit = check_subject(one, controls, names=SEEN, distances=spread)
        fits.append(WorkFit(name, fit.fits, fit.why))
    together = check_set(list(mine.values()), controls, names=SEEN) if len(mine) > 1 and controls else None
    return tuple(fits), together.fits if together else True, together.why if together else ""


def made_on(data: bytes) -> str:
    """The day on which a picture says that it was taken, ISO 8601; "" where it says nothing."""
    exif = read_metadata(data).exif
    told = next((exif[name] for name in DATES if exif.get(name)), "")
    day = re.match(r"(\d{4})[:-](\d{2})[:-](\d{2})", told)
    return "-".join(day.groups()) if day else ""
