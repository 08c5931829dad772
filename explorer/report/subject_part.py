"""A report's body on one subject, behind its answer: what was supplied, tried and found beside it."""

from __future__ import annotations

from collections.abc import Sequence

from explorer.cases.snapshot import Snapshot
from explorer.cases.view import CaseView
from explorer.closeness.codecs import QUALITIES
from explorer.closeness.ledger import supplied_by_you, total_bits
from explorer.findings.case_plane import case_plane
from explorer.findings.case_tests import Ranked
from explorer.findings.plane import standing
from explorer.findings.wording import above, number, percent, statement
from explorer.records import Subject
from explorer.report import drawings, report_texts
from explorer.report.blocks import Block, Figure, Heading, Table, Text
from explorer.report.chosen import Exhibit
from explorer.report.exhibits import exhibit_blocks
from explorer.report.familiarity_part import familiarity_blocks
from explorer.report.likelihood_part import likelihood_blocks
from explorer.report.page_one import model_before
from explorer.report.pictures import other_pictures
from explorer.report.scan_part import scan_blocks
from explorer.report.tested import among_controls, model_words, several_tests, tests_blocks
from explorer.report.which_part import which_blocks
from explorer.texts import localised, say, texts_of
from explorer.texts.retell import retold

NEIGHBOURS = 5
MOST_EXHIBITS, FEWER_EXHIBITS = 6, 3
WHOLE_PLANE = {"most": 1_000_000, "codecs_px": 8192, "qualities": QUALITIES}


def body_blocks(found: Snapshot, subject: Subject, exhibit: Exhibit, *, score: str) -> list[Block]:
    """Everything that the answer on one subject rests on; its tables stand in the annexes."""
    blocks: list[Block] = [Heading(say("page_one.in_full")), *_in_full(found, exhibit),
                           *_several(found, subject, exhibit),
                           Text(say("document.shows")), Text(say("document.cannot"))]
    if exhibit.best is None:
        return blocks + which_blocks(found, subject) + scan_blocks(found, subject)
    blocks += [*supplied_blocks(exhibit), prompt_line(exhibit), *other_pictures(found, subject, exhibit, score)]
    blocks += [Heading(say("document.tried"), 3), effort_line(exhibit)]
    blocks += [*tests_blocks(found, subject, decided=exhibit.decided), *familiarity_blocks(found, subject)]
    blocks += [*likelihood_blocks(found, subject, decided=exhibit.decided), *which_blocks(found, subject),
               *scan_blocks(found, subject)]
    blocks += exhibit_blocks(found, subject, score=score, but=exhibit.best, most=MOST_EXHIBITS)
    return blocks + _plane(found, subject, score, exhibit.ranked) + _neighbours(found, subject)


def work_blocks(found: Snapshot, subject: Subject, exhibit: Exhibit, *, score: str, brief: bool) -> list[Block]:
    """The same of one work among several: at most two pages with its answer, less than one if `brief`."""
    if exhibit.best is None:
        return which_blocks(found, subject) + scan_blocks(found, subject)
    if brief:
        return [Text(say("page_one.supplied_line", bits=number(total_bits(exhibit.ledger), 4),
                         prompt=exhibit.best.recipe.prompt or say("document.none")))]
    return [prompt_line(exhibit), effort_line(exhibit), *_several(found, subject, exhibit),
            *tests_blocks(found, subject, decided=exhibit.decided), *familiarity_blocks(found, subject),
            *which_blocks(found, subject), *scan_blocks(found, subject), *supplied_blocks(exhibit),
            *exhibit_blocks(found, subject, score=score, but=exhibit.best, most=FEWER_EXHIBITS)]


def prompt_line(exhibit: Exhibit) -> Text:
    """The words that the model was given for the exhibit."""
    assert exhibit.best is not None
    return Text(say("document.prompt_words_model", prompt=exhibit.best.recipe.prompt or say("document.none")))


def effort_line(exhibit: Exhibit) -> Text:
    """All that was spent on the subject."""
    effort = exhibit.effort
    return Text(say("document.replays_network_evaluations", tries=number(effort.tries),
                    evaluations=number(effort.unet_evaluations), seconds=number(effort.elapsed_s)))


def supplied_blocks(exhibit: Exhibit) -> list[Block]:
    """The bits that the person supplied, by source."""
    sources = texts_of("supplied")
    rows = tuple((sources.get(e.source, e.source), number(e.bits, 4), retold(e.code)) for e in exhibit.ledger)
    total = total_bits(exhibit.ledger)
    blocks: list[Block] = [Heading(say("document.supplied"), 3),
                           Table(report_texts.head("ledger"),
                                 (*rows, (say("document.all"), number(total, 4), "")), wide=(2,))]
    share = supplied_by_you(exhibit.ledger)
    if share > 0:
        blocks.append(Text(say("document.bits_came_picture", share=percent(share)), "finding"))
    return blocks


def _in_full(found: CaseView, exhibit: Exhibit) -> list[Block]:
    """Each finding word for word as it is on record, with the model that it speaks of."""
    blocks: list[Block] = []
    for finding in exhibit.said:
        model, said = model_words(found, finding.replay_id), retold(finding.statement)
        blocks.append(Text(say("document.model_said", model=model, statement=said) if model else said, "finding"))
    return blocks


def _several(found: CaseView, subject: Subject, exhibit: Exhibit) -> list[Block]:
    return several_tests(found, subject) if any(f.kind in report_texts.DECIDED for f in exhibit.said) else []


def _plane(found: CaseView, subject: Subject, score: str, ranked: Sequence[Ranked]) -> list[Block]:
    """What was supplied against what came back, with the controls only of tests whose p-value stands."""
    plane = case_plane(found, subject.id, score=score, ranked=ranked, **WHOLE_PLANE)
    if plane is None:
        return []
    blocks: list[Block] = [Heading(say("page_one.plane"), 3), Figure(
        drawings.plane(plane), say("document.bits_supplied_against"), say("document.supplied_against_came"))]
    if (stands := standing(plane)) is not None:
        blocks.append(Text(f"{model_before(found, ranked[-1], ranked)}{stands.statement}"))
    for one in ranked[:-1]:  # the newest stands on the first page
        dots = among_controls(one)
        blocks.append(Figure(dots.png, dots.alt, f"{model_before(found, one, ranked)}{dots.caption}"))
    return blocks


def _neighbours(found: CaseView, subject: Subject) -> list[Block]:
    neighbours = found.neighbours(subject.id, limit=NEIGHBOURS)
    if not neighbours:
        return []
    first = neighbours[0]
    words = {"collection": first.collection, "title": first.title or say("document.untitled"),
             "similarity": f"{first.similarity:.3f}", "creator": first.creator or say("document.unnamed_creator")}
    lead = "" if first.percentile is None else statement(
        "neighbour", **words, percentile=above(first.percentile))
    rows = tuple((str(n.rank), localised(f"{n.similarity:.3f}"), n.title or say("document.untitled"), n.creator,
                  n.licence, "" if n.multiplicity is None else str(n.multiplicity)) for n in neighbours)
    blocks: list[Block] = [Heading(say("document.nearest_works_collection"), 3)]
    if lead:
        blocks.append(Text(lead))
    return [*blocks, Table(report_texts.head("neighbours"), rows,
                           say("document.collection", collection=first.collection), wide=(2,)),
            Text(say("limit.similar"), "note")]
