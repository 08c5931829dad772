"""The likelihood ratios of a subject's newest test with a p-value, as a section of a report."""

from __future__ import annotations

from explorer.cases.view import CaseView
from explorer.evidence import ratio_words
from explorer.evidence.finding_ratio import FindingRatios, finding_ratios
from explorer.findings.finding import ControlResults, Finding, Measured
from explorer.records import Subject
from explorer.report.blocks import Block, Heading, Table, Text
from explorer.report.chosen import Exhibit
from explorer.settings import WORLD
from explorer.texts import say


def likelihood_answer(found: CaseView, subject: Subject, exhibit: Exhibit) -> list[Block]:
    """The verbal line with both propositions, for the first page; nothing where no ratio can be given."""
    ratios = _ratios(found, subject) if exhibit.decided else None
    if ratios is None or not ratios.ratios:
        return []
    return [Text(ratio_words.verbal_words(ratios)),
            Text(f"{say('likelihood.propositions')} {ratio_words.unseen_in_short(ratios)}", "note")]


def likelihood_blocks(found: CaseView, subject: Subject, *, decided: bool) -> list[Block]:
    """Propositions, rates, ratios with limits, the verbal line, costs; nothing where no p-value was given."""
    if not decided or not _tests(found, subject):
        return []
    ratios = _ratios(found, subject)
    heading = Heading(say("likelihood.title"), 3)
    if ratios is None:
        return [heading, Text(say("likelihood.none"))]
    return [heading, *ratio_blocks(ratios)]


def ratio_blocks(ratios: FindingRatios) -> list[Block]:
    """What is compared, the table, what it means, and what each continuous ratio cost."""
    costs = [Text(ratio_words.cost_words(one, copies), "note") for copies, one in ratios.scores.items()]
    first, *others = ratio_words.sentences(ratios)
    table = Table(ratio_words.head(ratios), tuple(ratio_words.rows(ratios)))
    return [Text(first), table, *map(Text, others), *costs]


def _tests(found: CaseView, subject: Subject) -> list[Measured]:
    """The subject's tests that were given a p-value, oldest first."""
    return [t for t in found.records(Measured, subject_id=subject.id) if (f := found.record(Finding, t.id))
            and "p" in f.numbers]


def _ratios(found: CaseView, subject: Subject) -> FindingRatios | None:
    """Those of the newest such test; None where no rates were measured for it."""
    tests = _tests(found, subject)
    return finding_ratios(WORLD, tests[-1], found.record(Finding, tests[-1].id),
                          found.record(ControlResults, tests[-1].controls_id)) if tests else None
