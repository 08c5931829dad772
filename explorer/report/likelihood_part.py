"""The likelihood ratios of a subject's newest test with a p-value, as a section of a report."""

from __future__ import annotations

from explorer.cases.view import CaseView
from explorer.evidence import ratio_words
from explorer.evidence.finding_ratio import finding_ratios
from explorer.findings.finding import ControlResults, Finding, Measured
from explorer.records import Subject
from explorer.report.blocks import Block, Heading, Table, Text
from explorer.settings import WORLD
from explorer.texts import say


def likelihood_blocks(found: CaseView, subject: Subject, *, decided: bool) -> list[Block]:
    """Propositions, rates, ratios with limits, the verbal line, costs; nothing where no p-value was given."""
    tests = [t for t in found.records(Measured, subject_id=subject.id) if (f := found.record(Finding, t.id))
             and "p" in f.numbers]
    if not tests or not decided:
        return []
    test = tests[-1]
    ratios = finding_ratios(WORLD, test, found.record(Finding, test.id),
                            found.record(ControlResults, test.controls_id))
    heading = Heading(say("likelihood.title"), 3)
    if ratios is None:
        return [heading, Text(say("likelihood.none"))]
    costs = [Text(ratio_words.cost_words(one, copies), "note") for copies, one in ratios.scores.items()]
    first, *others = ratio_words.sentences(ratios)
    return [heading, Text(first), Table(ratio_words.head(ratios), tuple(ratio_words.rows(ratios))),
            *map(Text, others), *costs]
