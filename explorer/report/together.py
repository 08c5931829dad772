"""What the tested works of a case say as a set: in one sentence, among their controls, and as a table."""

from __future__ import annotations

from collections.abc import Mapping

from explorer.cases.view import CaseView
from explorer.findings import wording
from explorer.findings.portfolio import Portfolio, PortfolioRow
from explorer.findings.portfolio_words import headline
from explorer.records import Replay
from explorer.records.policy import Policy
from explorer.records.scores import SCORES
from explorer.report import report_texts
from explorer.report.blocks import Block, PictureRow, Table, Text
from explorer.report.chosen import Exhibit
from explorer.report.familiarity_part import body_of_work_blocks
from explorer.report.page_one import limits_blocks, rates_blocks
from explorer.report.pictures import closeness, pair
from explorer.report.tested import works_among_controls
from explorer.texts import localised, say
from explorer.texts.retell import retold

PICTURED = 3


def together_blocks(found: CaseView, ranking: Portfolio | None, exhibits: Mapping[str, Exhibit], *,
                    score: str) -> list[Block]:
    """The answer on all works, the first in pictures, all among the controls, its limits, and a table."""
    blocks: list[Block] = [Text(headline(ranking), "answer")]
    rows = [r for r in ranking.rows if r.work.subject_id in exhibits] if ranking else []
    if ranking is not None:
        fit = () if ranking.fit.shown or not any(r.p is not None for r in rows) else ranking.limits[:1]
        blocks += [Text(ranking.statement), *(Text(line, "note") for line in fit)]
    if rows and not any(r.p is not None for r in rows):
        blocks.append(Text(say("document.not_together")))
    blocks += [*body_of_work_blocks(found), *_pictures(found, rows, exhibits, score)]
    tests = [one for r in rows if r.p is not None for one in exhibits[r.work.subject_id].ranked
             if one.test.replay_id == r.work.replay_id]
    blocks += [figure] if (figure := works_among_controls(tests)) else []
    return [*blocks, *rates_blocks(exhibits.values()), *limits_blocks(exhibits.values()), *_table(rows)]


def _pictures(found: CaseView, rows: list[PortfolioRow], exhibits: Mapping[str, Exhibit],
              score: str) -> list[Block]:
    """The first works, each beside its closest replay; those of the table where there is one."""
    ids = [r.work.subject_id for r in rows] or list(exhibits)
    shown: list[tuple[str, Replay]] = [(i, best) for i in ids if (best := exhibits[i].best)]
    figures = []
    for subject_id, best in shown[:PICTURED]:
        subject = found.subject(subject_id)
        figures.append(pair(found, subject, best, say("page_one.pair", name=subject.name,
                                                      closeness=closeness(best, score))))
    return [PictureRow(tuple(figures))] if figures else []


def _table(rows: list[PortfolioRow]) -> list[Block]:
    if not rows:
        return []
    none = say("document.none_given")
    lines = tuple((r.work.name, localised(f"{r.work.value:.3f}"), wording.number(r.work.effort.tries),
                   *(none if value is None else localised(f"{value:.3g}") for value in (r.p, r.q)),
                   retold(r.why_no_p)) for r in rows)
    if len({line[-1] for line in lines}) == 1:  # said above for all of them, or nothing to say
        lines = tuple(line[:-1] for line in lines)
    head = report_texts.head("together", score=SCORES[Policy.score].label)[:len(lines[0])]
    return [Table(head, lines, say("page_one.works_caption"), wide=(0, *range(5, len(head))))]
