"""Results of controls: those that come with the world, and those measured here, kept one line a work.

Files only, no model. A work's line is written as soon as the work is done, so a stopped run goes on from it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from explorer.errors import ExplorerError
from explorer.findings.features import PREDICTORS, fit_expectation, rivals
from explorer.findings.finding import ControlResults
from explorer.jobs.policy import Policy
from explorer.records import from_json

WORLD_FILE = "controls.json"  # beside the world's manifest, written by the findings benchmark
TUNING_SHARE = 5  # every fifth work of a folder fits the expectation and is no control
LEAST_TUNING = 20


@dataclass(frozen=True)
class Line:
    """One work put through a policy: its best closeness, and its picture at 64 pixels by name."""

    name: str
    value: float
    prompt: str
    features: dict[str, float]


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
    """Writes one work's result, and has it on the disk before it returns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"name": line.name, "value": line.value, "prompt": line.prompt,
                               "features": line.features}, sort_keys=True) + "\n")
        file.flush()
        os.fsync(file.fileno())


def gather(lines: Sequence[Line], pictures: np.ndarray, policy: Policy, *, source: str, name: str,
           model_fingerprint: str) -> ControlResults:
    """Controls from works that are done; `pictures` (n, 64, 64, 3) uint8 are theirs, in order.

    From a hundred works on, every fifth fits the expectation and is left out of the controls; below that
    there is none, and closeness itself is ranked. ExplorerError for fewer than ten works.
    """
    if len(lines) < 10:
        raise ExplorerError(f"There are {len(lines)} control works; at least 10 are needed, and 19 before a "
                            "p-value of 0.05 is possible. Add more images that the model cannot have seen.")
    tuning = [i for i in range(len(lines)) if i % TUNING_SHARE == 0]
    if len(tuning) < LEAST_TUNING:
        tuning = []
    kept = [i for i in range(len(lines)) if i not in set(tuning)]
    among = pictures[kept]
    place = {i: k for k, i in enumerate(kept)}
    full = {i: lines[i].features | rivals(pictures[i], among, leave_out=place.get(i, -1))
            for i in range(len(lines))}
    expectation = fit_expectation([full[i] for i in tuning], [lines[i].value for i in tuning],
                                  names=PREDICTORS, log=policy.score == "tiled_l2") if tuning else None
    return ControlResults(
        id=name, source=source, model_fingerprint=model_fingerprint, score=policy.score,
        effort_each=policy.effort, names=tuple(lines[i].name for i in kept),
        values=tuple(lines[i].value for i in kept), features=tuple(full[i] for i in kept),
        expectation=expectation, policy=policy.id)


