"""A person's own calibration: how often the measured test flags control pictures of theirs, with one model.

It is measured on the controls themselves, each half ranked among the other, so it costs no replay of its own.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

from explorer.findings.controls import LEAST_CALIBRATED, measured_rates, read_lines
from explorer.findings.finding import Finding
from explorer.findings.wording import number, percent
from explorer.records import ModelRef, from_json, to_json
from explorer.records.policy import Policy
from explorer.statistics import share_interval
from explorer.texts import on_record, say


@dataclass(frozen=True)
class Calibration:
    """What `works` control pictures, tested alike, say of the rule at .01 and .05: how many of them it flagged.

    `fits` of them could be ranked at all: the others' kind was another, and a work without a p-value is not
    flagged. `id` is that of the controls, which names model, policy, CLIP and the pictures' bytes.
    """

    id: str
    source: str  # the folder's name
    model: ModelRef
    policy: Policy
    works: int
    fits: int
    flagged_at_1: int
    flagged_at_5: int
    date: str  # ISO 8601


def calibrate(lines: Path, folder: Path, policy: Policy, *, model: ModelRef, date: str) -> Calibration | None:
    """What the control pictures of `folder` say of the rule; None for fewer than 38 of them.

    `lines` is the file with one result a picture, whose name is that of the controls.
    """
    if len(read_lines(lines)) < LEAST_CALIBRATED:
        return None
    found = measured_rates(lines, folder, policy)
    return Calibration(lines.stem, folder.name, model, policy, found["works"], found["controls_fit"],
                       found["flagged_at_1"]["count"], found["flagged_at_5"]["count"], date)


def keep(calibration: Calibration, lines: Path) -> None:
    """Writes a calibration beside the results that it was made from."""
    _file(lines).write_text(json.dumps(to_json(calibration), sort_keys=True, indent=1), "utf-8")


def kept(lines: Path) -> Calibration | None:
    """The calibration beside these results; None where there is none, or one that cannot be read."""
    try:
        return from_json(Calibration, json.loads(_file(lines).read_text("utf-8")))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _file(lines: Path) -> Path:
    return lines.with_suffix(".calibration.json")


@on_record
def quoted(finding: Finding, calibration: Calibration | None) -> Finding:
    """The finding with the person's own calibration as its error rate, or with the sentence that there is none.

    A finding that decided nothing stays as it is.
    """
    if finding.kind not in ("stands_out", "does_not_stand_out"):
        return finding
    if calibration is None:
        return replace(finding, error_rate=say("error_rate.own.none", needed=number(LEAST_CALIBRATED)))
    return replace(finding, error_rate=words(calibration))


def words(calibration: Calibration) -> str:
    """A calibration as a sentence, with its counts."""
    share = share_interval(calibration.flagged_at_5, calibration.works)
    return say("error_rate.own.measured", cases=number(calibration.works), source=calibration.source,
               flagged=number(calibration.flagged_at_5), rule=say("aside.rule_flagged_at_5"),
               share=percent(share.value), low=percent(share.low), high=percent(share.high),
               fits=number(calibration.fits), seeds=number(calibration.policy.seeds),
               steps=number(calibration.policy.steps), date=calibration.date,
               fingerprint=calibration.model.fingerprint[:12])


def in_short(calibration: Calibration) -> str:
    """The same for a screen that shows the model and the settings beside it."""
    share = share_interval(calibration.flagged_at_5, calibration.works)
    return say("error_rate.own.short", cases=number(calibration.works), flagged=number(calibration.flagged_at_5),
               share=percent(share.value), low=percent(share.low), high=percent(share.high))
