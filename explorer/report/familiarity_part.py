"""Whether the model knows a subject, in a report; and what a case's works say together."""

from __future__ import annotations

from explorer.cases.view import CaseView
from explorer.evidence.known_ratio import known_ratios, one_like_it
from explorer.familiarity.judge import both
from explorer.familiarity.records import BodyTest, FamiliarityTest, KnownControls
from explorer.findings.finding import Finding, Measured
from explorer.findings.wording import number
from explorer.records import Subject
from explorer.report.blocks import Block, Heading, Text
from explorer.report.likelihood_part import ratio_blocks
from explorer.settings import WORLD
from explorer.texts import say
from explorer.texts.retell import retold


def familiarity_blocks(found: CaseView, subject: Subject) -> list[Block]:
    """Each test of familiarity of the subject, with its words and limits; nothing where there was none."""
    blocks: list[Block] = []
    for test in found.records(FamiliarityTest, subject_id=subject.id):
        controls = found.record(KnownControls, test.controls_id) if test.controls_id else None
        blocks += [Text(retold(test.finding.statement), "finding"),
                   Text(say("familiar_report.how", words=test.prompt or say("document.none"),
                            evaluations=number(test.evaluations),
                            controls=controls.source if controls else say("document.none"),
                            looks=number(test.earlier_tests), searches=number(test.earlier_searches)), "note"),
                   Text(" ".join(map(retold, test.finding.limits)), "note"), *_both(found, subject, test)]
        if like := one_like_it(WORLD, test, controls, found.neighbours(subject.id)):
            blocks.append(Text(like))
    return [Heading(say("familiar_report.title"), 3), *blocks, *_ratios(found, subject)] if blocks else []


def _ratios(found: CaseView, subject: Subject) -> list[Block]:
    """The likelihood ratios of the newest test with a p-value."""
    given = [t for t in found.records(FamiliarityTest, subject_id=subject.id) if "p" in t.finding.numbers]
    if not given:
        return []
    ratios = known_ratios(WORLD, given[-1], found.record(KnownControls, given[-1].controls_id))
    told = ratio_blocks(ratios) if ratios and ratios.ratios else [Text(say("likelihood.none"))]
    return [Heading(say("likelihood.title_known"), 3), *told]


def _both(found: CaseView, subject: Subject, test: FamiliarityTest) -> list[Block]:
    tests = found.records(Measured, subject_id=subject.id)
    back = found.record(Finding, tests[-1].id) if tests else None
    if back is None or "p" not in back.numbers or "p" not in test.finding.numbers:
        return []
    p = both(back.numbers["p"], test.finding.numbers["p"])
    return [Text(say("familiar_report.both", p=number(p)), "finding")]


def body_of_work_blocks(found: CaseView) -> list[Block]:
    """What the works say together; nothing where that was not tested."""
    tests = [one for one in found.records(BodyTest) if one.of in ("familiarity", "reproduction")]
    blocks: list[Block] = [Heading(say("familiar_report.body"), 3)] if tests else []
    for one in tests:
        blocks += [Text(say(f"familiar_report.of_{one.of}", statement=retold(one.finding.statement)), "finding"),
                   *([Text(retold(one.power), "note")] if one.power else []),
                   Text(" ".join(map(retold, one.finding.limits)), "note")]
    return blocks
