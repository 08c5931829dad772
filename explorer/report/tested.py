"""A subject's measured tests in a report: the table of all, and each that has a p-value among its controls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from explorer.cases.view import CaseView
from explorer.errors import ExplorerError
from explorer.findings.among import among
from explorer.findings.case_tests import Ranked
from explorer.findings.finding import ControlResults, Finding, Measured
from explorer.findings.plane import is_adjusted
from explorer.findings.wording import number
from explorer.records import Subject
from explorer.records.scores import SCORES
from explorer.report import drawings, report_texts
from explorer.report.blocks import Block, Figure, Heading, Table, Text
from explorer.texts import localised, say


@dataclass(frozen=True)
class Dots:
    """What a rank compares, to be drawn: to the right of `mine` (left where `turned`) a control came closer."""

    mine: float
    theirs: tuple[float, ...]
    axis: str
    turned: bool = False  # the smaller is the closer


def model_words(found: CaseView, replay_id: str) -> str:
    """The model that made a replay, in words; empty where the case has no such replay."""
    try:
        return report_texts.model_name(found.replay(replay_id).recipe.model, short=True)
    except ExplorerError:
        return ""


def tests_blocks(found: CaseView, subject: Subject, *, decided: bool) -> list[Block]:
    """Every measured test of the subject, with what was fixed before it began."""
    tests = found.records(Measured, subject_id=subject.id)
    if not tests:
        return []
    controls = {c.id: c for c in found.records(ControlResults)}
    said = {f.id: f for f in found.records(Finding, subject_id=subject.id)}
    no_p, no_model = say("document.none_given"), say("document.not_recorded")
    rows = tuple((t.prompt, str(t.effort.tries), localised(f"{t.value:.3f}"), _against(controls.get(t.controls_id)),
                  localised(f"{said[t.id].numbers['p']:.3g}") if decided and "p" in said[t.id].numbers else no_p,
                  f"{t.earlier_tests} + {t.earlier_searches}", model_words(found, t.replay_id) or no_model)
                 for t in tests if t.id in said)
    return [Heading(say("document.measured_tests"), 3), Table(report_texts.head("tests"), rows, wide=(0, 3, 6)),
            Text(say("document.tests"), "note")]


def several_tests(found: CaseView, subject: Subject) -> list[Block]:
    """That nothing corrects the p-values of several tests, with how many models; nothing after one test."""
    tests = found.records(Measured, subject_id=subject.id)
    models = {model_words(found, t.replay_id) for t in tests}
    if len(tests) < 2:
        return []
    return [Text(say("document.several_tests", tests=number(len(tests)),
                     models=say("document.models", n=len(models))))]


def _against(controls: ControlResults | None) -> str:
    return f"{len(controls.values)}: {controls.source}" if controls else say("document.none")


def dots(one: Ranked) -> Dots:
    """What the p-value ranks, with the axis in words."""
    found, score = among(one.test, one.controls, one.p), one.controls.score
    axis = {"times": say("document.times_axis"), "score": drawings.axis_label(score),
            "difference": say("document.closer_axis", label=SCORES[score].label)}[found.unit]
    return Dots(found.mine, found.theirs, axis, found.turned)


def among_controls(one: Ranked) -> Figure:
    """The subject among its controls as the p-value ranks them, with the count before anything is taken off."""
    drawn, values = dots(one), one.controls.values
    words = {"controls": number(len(values)), "at_least": number(among(one.test, one.controls, one.p).at_least),
             "raw": number(one.controls.as_close(one.test.value))}
    png = drawings.controls((drawn.mine,), drawn.theirs, label=drawn.axis, turned=drawn.turned)
    if not is_adjusted(one.controls, one.test.features):
        return Figure(png, say("document.among_plain_alt"), say("document.among_plain", **words))
    return Figure(png, say("document.among_alt"), say("document.among", scale=_scale(one), **words))


def works_among_controls(tests: Sequence[Ranked]) -> Figure | None:
    """Several works among the controls that they share; None where they share none, or are not ranked alike."""
    if not tests or len({(t.controls.id, is_adjusted(t.controls, t.test.features)) for t in tests}) > 1:
        return None
    drawn, first = [dots(one) for one in tests], tests[0]
    png = drawings.controls([d.mine for d in drawn], drawn[0].theirs, label=drawn[0].axis, turned=drawn[0].turned)
    scale = _scale(first) if is_adjusted(first.controls, first.test.features) else ""
    return Figure(png, say("page_one.works_among_alt"), say("page_one.works_among", scale=scale))


def _scale(one: Ranked) -> str:
    """Where the scale of an adjusted rank has its zero."""
    return say("document.scale_times" if one.controls.expectation.log else "document.scale_difference")
