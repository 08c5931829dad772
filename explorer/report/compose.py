"""From a snapshot to a document: one page for every reader, then what it rests on, and the rest as annexes."""

from __future__ import annotations

from explorer import records
from explorer.cases.snapshot import Snapshot
from explorer.findings.case_tests import portfolio_of, without_p
from explorer.report import page_one
from explorer.report.annexes import annexes_of
from explorer.report.blocks import Block, Document, Heading, PageBreak, Text
from explorer.report.chosen import Exhibit, exhibit_of, subjects_of
from explorer.report.incidence_part import incidence_part, looks_part, plan_part
from explorer.report.options import ReportOptions
from explorer.report.subject_part import body_blocks, work_blocks
from explorer.report.together import together_blocks
from explorer.texts import say

MOST_WHOLE = 3  # works that a short report still treats at length


def compose(found: Snapshot, options: ReportOptions) -> Document:
    """The document for a snapshot. Depends on nothing else."""
    subjects = subjects_of(found, options)
    together = portfolio_of(found)
    undecided = without_p(together)
    exhibits = {s.id: exhibit_of(found, s, score=options.score, decided=s.id not in undecided) for s in subjects}
    brief = options.detail == "short" and len(subjects) > MOST_WHOLE
    facts, title = found.facts(), found.title or say("document.untitled_case")
    blocks: list[Block] = [Heading(title, 1), *page_one.cover(
        found, question=options.question or facts.get("question", ""), prepared_by=options.prepared_by,
        number=options.case_number or facts.get("case_number", ""))]
    incidences = incidence_part(found)
    if not subjects:
        blocks += [] if incidences else [Text(say("document.no_subject"))]
    elif len(subjects) == 1:
        blocks += _one(found, subjects[0], exhibits[subjects[0].id], options)
    else:
        blocks += [*together_blocks(found, together, exhibits, score=options.score)]
        blocks += [] if brief else [PageBreak()]
        blocks += _works(found, subjects, exhibits, options, brief=brief)
    blocks += plan_part(found) + incidences + looks_part(found)
    annexes = annexes_of(found, subjects, exhibits, score=options.score, full=options.detail == "full", brief=brief)
    return Document(title, page_one.foot(found), found.time, tuple(blocks), options.logo_png, annexes)


def _one(found: Snapshot, subject: records.Subject, exhibit: Exhibit, options: ReportOptions) -> list[Block]:
    return [*page_one.answer_blocks(found, subject, exhibit, score=options.score),
            *page_one.limits_blocks([exhibit]), PageBreak(),
            *body_blocks(found, subject, exhibit, score=options.score)]


def _works(found: Snapshot, subjects: list[records.Subject], exhibits: dict[str, Exhibit],
           options: ReportOptions, *, brief: bool) -> list[Block]:
    """Each work with its answer; in brief two fill a page, else each begins one."""
    blocks: list[Block] = [Text(say("document.brief"), "note")] if brief else []
    for place, subject in enumerate(subjects):
        blocks += [PageBreak()] if place and not brief else []
        blocks += [Heading(subject.name),
                   *page_one.answer_blocks(found, subject, exhibits[subject.id], score=options.score, rates=False,
                                           plot=not brief),
                   *work_blocks(found, subject, exhibits[subject.id], score=options.score, brief=brief)]
    return [*blocks, Text(say("document.shows")), Text(say("document.cannot"))]
