"""A report's first page: the answer, pictures, dot plot and limits, for a reader who reads no further."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from explorer.cases.snapshot import Snapshot
from explorer.cases.view import CaseView
from explorer.errors import shortened
from explorer.findings import wording
from explorer.findings.case_tests import Ranked
from explorer.findings.finding import Finding
from explorer.findings.plane import is_adjusted
from explorer.findings.wording import number
from explorer.images.decode import read_png
from explorer.records import Subject
from explorer.report import report_texts
from explorer.report.blocks import Block, Bullets, PictureRow, Table, Text
from explorer.report.chosen import Exhibit
from explorer.report.likelihood_part import likelihood_answer
from explorer.report.pictures import side_by_side, subject_picture
from explorer.report.tested import among_controls, model_words
from explorer.texts import fields, say, texts_of
from explorer.texts.retell import retold

# What other tests say of a subject, below the measured test's answer: a function a test, in the order of the page.
MORE_ANSWERS: tuple[Callable[[CaseView, Subject, Exhibit], list[Block]], ...] = (likelihood_answer,)

MOST_IN_FOOT = 32  # letters of a title


def cover(found: Snapshot, *, question: str, number: str, prepared_by: str) -> list[Block]:
    """What was asked, by whom, of which model, when; and first of all a broken chain."""
    models = dict.fromkeys(report_texts.model_name(r.recipe.model, short=True) for s in found.subjects()
                           for r in found.made(s.id))
    values = (question, number, prepared_by, "; ".join(models), report_texts.day(found.time))
    rows = tuple((k, v) for k, v in zip(report_texts.head("cover"), values, strict=True) if v)
    blocks: list[Block] = [Table(("", ""), rows, wide=(1,))]
    if found.faults:
        faults = "; ".join(f.what for f in found.faults[:5])
        return [Text(say("document.broken", faults=faults), "finding"), *blocks]
    return blocks


def foot(found: Snapshot) -> str:
    """The line for every page: whose report this is, and of which state of the log."""
    entry, mark = found.head()
    return say("document.foot", title=shortened(found.title, MOST_IN_FOOT), entry=entry, hash=mark)


def answer_blocks(found: CaseView, subject: Subject, exhibit: Exhibit, *, score: str, rates: bool = True,
                  plot: bool = True) -> list[Block]:
    """A subject's answer: in words, in pictures, and among its controls.

    `rates` says how often the rule errs; without `plot` the controls are left to a plot of all works.
    """
    blocks = [b for f in exhibit.said for b in _answer(found, f, exhibit)]
    blocks += rates_blocks([exhibit]) if rates else []
    rgb = read_png(found.blob(subject.pixels_sha256))
    if exhibit.best is None:
        blocks.append(PictureRow((subject_picture(subject, rgb),)))
    else:
        blocks.append(side_by_side(found, subject, rgb, exhibit, score))
    blocks += [_dots(found, one, exhibit.ranked) for one in exhibit.ranked[-1:] if plot]
    for more in MORE_ANSWERS:
        blocks += more(found, subject, exhibit)
    return blocks


def rates_blocks(exhibits: Iterable[Exhibit]) -> list[Block]:
    """How often the rules behind these answers err, each rate once."""
    rates = dict.fromkeys(f.error_rate for e in exhibits for f in e.said if f.kind in report_texts.DECIDED)
    return [Text(retold(rate), "note") for rate in rates if rate]


def limits_blocks(exhibits: Iterable[Exhibit]) -> list[Block]:
    """What none of the answers can show, each limit once."""
    said = dict.fromkeys(retold(line) for e in exhibits for f in e.said for line in f.limits)
    every = tuple(said) or wording.limits("not_run")
    similar = say("limit.similar")
    return [Text(say("page_one.limits"), "lead"),
            Bullets(every if similar in every else (*every, similar), small=True)]


def _answer(found: CaseView, finding: Finding, exhibit: Exhibit) -> list[Block]:
    """One finding in plain words, with the model where several are told apart."""
    blocks: list[Block] = []
    if headline := texts_of("document.headline").get(finding.kind):
        blocks.append(Text(headline, "answer"))
    said, several = plain_answer(finding, exhibit.ranked), len(exhibit.said) > 1
    model = model_words(found, finding.replay_id) if several else ""
    return [*blocks, Text(say("document.model_said", model=model, statement=said) if model else said)]


def plain_answer(finding: Finding, ranked: Sequence[Ranked] = ()) -> str:
    """The finding as one short sentence; as it is on record where that needs a number that the record lacks."""
    text = texts_of("page_one.answer").get(finding.kind)
    if text is None or not fields(text) - {"allowing"} <= finding.numbers.keys():
        return retold(finding.statement)
    adjusted = any(is_adjusted(one.controls, one.test.features) for one in ranked if one.test.id == finding.id)
    values = {name: number(finding.numbers[name]) for name in fields(text) - {"allowing"}}
    if "allowing" in fields(text):
        values["allowing"] = say("page_one.allowing") if adjusted else ""
    return say(f"page_one.answer.{finding.kind}", **values)


def _dots(found: CaseView, one: Ranked, ranked: Sequence[Ranked]) -> Block:
    dots = among_controls(one)
    return replace(dots, caption=f"{model_before(found, one, ranked)}{dots.caption}")


def model_before(found: CaseView, one: Ranked, ranked: Sequence[Ranked]) -> str:
    """Names a test's model where the report has several tests to tell apart."""
    return say("document.model_before", model=model_words(found, one.test.replay_id)) if len(ranked) > 1 else ""
