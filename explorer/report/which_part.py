"""Which of several models made a subject, in a report: the answer, every source with its rank, and the limits."""

from __future__ import annotations

from explorer.cases.view import CaseView
from explorer.evidence.which_records import WhichModel
from explorer.evidence.which_words import head, how, rows
from explorer.records import Subject
from explorer.report.blocks import Block, Heading, Table, Text
from explorer.texts import say
from explorer.texts.retell import retold


def which_blocks(found: CaseView, subject: Subject) -> list[Block]:
    """Each answer that was given, oldest first; nothing where none was asked for."""
    blocks: list[Block] = []
    for one in found.records(WhichModel, subject_id=subject.id):
        rate = [Text(retold(one.finding.error_rate), "note")] if one.finding.error_rate else []
        blocks += [Text(retold(one.finding.statement), "finding"), Table(head(), tuple(rows(one)), wide=(0,)),
                   Text(how(one), "note"), *rate, Text(" ".join(map(retold, one.finding.limits)), "note")]
    return [Heading(say("which.title"), 3), *blocks] if blocks else []
