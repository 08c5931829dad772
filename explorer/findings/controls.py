"""Results of controls: those that come with the world, and those measured here, kept one line a work.

Files only, no model. A work's line is written as soon as the work is done, so a stopped run goes on from it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from explorer.cases.given_caption import beside
from explorer.collections.works import PICTURES
from explorer.errors import ExplorerError, shortened
from explorer.findings.control_fit import check_subject, control_distances
from explorer.findings.features import PREDICTORS, SIZE_PX, fit_expectation, rivals
from explorer.findings.finding import ControlResults
from explorer.findings.ranking import FEWEST_MATCHED, MANY, comparable, excesses
from explorer.folders import is_plain
from explorer.images.decode import open_image
from explorer.images.prepare import fit_square
from explorer.records import ModelRef, from_json
from explorer.records.policy import Policy
from explorer.statistics import rank_p_value, share_interval

WORLD_FILE = "controls.json"  # beside the world's manifest, written by the findings benchmark
TUNING_SHARE = 5  # every fifth work of a folder fits the expectation and is no control
LEAST_TUNING = 20
LEAST_CALIBRATED = 38  # two halves of 19: with fewer no p-value of 0.05 would be possible


@dataclass(frozen=True)
class Line:
    """One work put through a policy: its file's name, its best closeness, and what needs no model."""

    name: str
    value: float
    prompt: str
    features: dict[str, float]
    bits: float = 0.0  # supplied for it: the prompt, and the choice among the seeds


def pictures_of(folder: Path) -> list[Path]:
    """The picture files that lie in a folder of controls, by name; ExplorerError where there is no folder."""
    if not folder.is_dir():
        raise ExplorerError("worker.measured_no_folder", folder=shortened(str(folder)))
    return sorted(f for f in folder.iterdir() if f.suffix.lower() in PICTURES and is_plain(f))


def folder_sha256(folder: Path, *, words: bool = True) -> str:
    """Names a folder of controls by each picture's name and bytes and, with `words`, the text beside it."""
    told = []
    for file in pictures_of(folder):
        said = beside(file) if words else ""
        told.append(f"{file.name} {hashlib.sha256(file.read_bytes()).hexdigest()}"
                    + (f" {hashlib.sha256(said.encode()).hexdigest()}" if said else ""))
    return hashlib.sha256("\n".join(told).encode()).hexdigest()


def world_controls(root: Path, policy: Policy, *, model_fingerprint: str) -> ControlResults | None:
    """The stored results for the world at `root`; None for another model or policy, or a damaged file."""
    try:
        stored = json.loads((root / WORLD_FILE).read_text("utf-8"))
        found = from_json(ControlResults, stored["results"][policy.id])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if found.model_fingerprint == model_fingerprint else None


def read_lines(path: Path) -> list[Line]:
    """The works that are done; a last line cut off by a sudden end is left out."""
    if not path.exists():
        return []
    found = []
    for text in path.read_text("utf-8").splitlines():
        try:
            found.append(from_json(Line, json.loads(text)))
        except (ValueError, KeyError, TypeError):
            continue
    return found


def append_line(path: Path, line: Line) -> None:
    """Writes one work's result, and has it on the disk before it returns; closes a line that was cut off."""
    path.parent.mkdir(parents=True, exist_ok=True)
    cut = path.exists() and not path.read_bytes().endswith(b"\n")
    with path.open("a", encoding="utf-8") as file:
        text = json.dumps({"name": line.name, "value": line.value, "prompt": line.prompt,
                           "features": line.features, "bits": line.bits}, sort_keys=True)
        file.write(("\n" if cut else "") + text + "\n")
        file.flush()
        os.fsync(file.fileno())


def gather(lines: Sequence[Line], pictures: Mapping[str, np.ndarray], policy: Policy, *, source: str, name: str,
           model: ModelRef) -> ControlResults:
    """Controls from works that are done; `pictures` (64, 64, 3) uint8 are theirs, by name.

    From a hundred works on, every fifth fits the expectation and is left out of the controls; below that
    there is none, and closeness itself is ranked. ExplorerError for fewer than ten works.
    """
    if len(lines) < 10:
        raise ExplorerError("findings.controls_works", lines_count=len(lines))
    tuning = [i for i in range(len(lines)) if i % TUNING_SHARE == 0]
    if len(tuning) < LEAST_TUNING:
        tuning = []
    kept = sorted(set(range(len(lines))) - set(tuning))
    among = np.array([pictures[lines[i].name] for i in kept])
    place = {i: k for k, i in enumerate(kept)}
    full = {i: line.features | rivals(pictures[line.name], among, leave_out=place.get(i, -1))
            for i, line in enumerate(lines)}
    expectation = fit_expectation([full[i] for i in tuning], [lines[i].value for i in tuning],
                                  names=PREDICTORS, log=policy.score == "tiled_l2") if tuning else None
    return ControlResults(
        id=name, source=source, model_fingerprint=model.fingerprint, score=policy.score,
        effort_each=policy.effort(model.family), names=tuple(lines[i].name for i in kept),
        values=tuple(lines[i].value for i in kept), features=tuple(full[i] for i in kept),
        expectation=expectation, policy=policy.id,
        bits=tuple(lines[i].bits for i in kept) if all(line.bits for line in lines) else ())


def world_features(root: Path, policy: Policy) -> tuple[dict[str, float], ...]:
    """The model-free features of the controls that come with the world at `root`; () without any."""
    try:
        stored = json.loads((root / WORLD_FILE).read_text("utf-8"))
        return tuple(stored["results"][policy.id]["features"])
    except (OSError, ValueError, KeyError, TypeError):
        return ()


def world_policies(root: Path) -> dict[str, int]:
    """Policies whose controls come with the world at `root`, with the number of controls; {} without a file."""
    try:
        stored = json.loads((root / WORLD_FILE).read_text("utf-8"))
        return {name: len(found["values"]) for name, found in stored["results"].items()}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def measured_rates(lines: Path, folder: Path, policy: Policy) -> dict[str, Any]:
    """How often works of a folder, none of them seen in training, are flagged when ranked among the others.

    Two halves by turns: odd works are controls for even ones and the other way round. Shares at p <= 0.01
    and 0.05 with exact intervals. ExplorerError for fewer than 38 works, and where none has controls that fit it:
    no p-value of 0.05 would be possible.
    """
    found = read_lines(lines)
    if len(found) < LEAST_CALIBRATED:
        raise ExplorerError("findings.controls_works_measured", found_count=len(found))
    pictures = {line.name: thumbnail(folder / line.name) for line in found}
    p_values: list[float] = []
    for half in (0, 1):
        controls = gather(found[half::2], pictures, policy, source="half", name="half", model=ModelRef("", "", ""))
        among = np.array([pictures[name] for name in controls.names])
        spread = control_distances(controls.features)
        for line in found[1 - half::2]:
            told = line.features | rivals(pictures[line.name], among)
            fits = check_subject(told, controls.features, distances=spread).fits
            given = fits and comparable(told, controls)
            p_values += [rank_p_value(*excesses(line.value, told, controls))] if given else []
    if not p_values:
        raise ExplorerError("findings.controls_none_fit", half=len(found) // 2, needed=FEWEST_MATCHED, many=MANY)
    tested = len(found)  # a work that the controls do not fit gets no p-value and is not flagged
    rates = {level: share_interval(sum(p <= level for p in p_values), tested) for level in (0.01, 0.05)}
    return {"works": tested, "controls_fit": len(p_values), "seeds": policy.seeds} | {
        f"flagged_at_{round(level * 100)}": {"count": round(r.value * tested), "share": r.value, "low": r.low,
                                             "high": r.high}
        for level, r in rates.items()}


def thumbnail(file: Path) -> np.ndarray:
    """(64, 64, 3) uint8 of an image file, through the door."""
    return fit_square(open_image(file.read_bytes(), name=file.name).rgb, SIZE_PX)
