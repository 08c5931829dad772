"""The exhibits that a person had rendered: side by side, each with how it came about and its hashes on record."""

from __future__ import annotations

from explorer.cases import marks
from explorer.cases.view import CaseView
from explorer.findings.series import distinct, in_rank
from explorer.findings.wording import number
from explorer.images.decode import read_png
from explorer.records import Replay, Subject
from explorer.records.scores import SCORES, shown
from explorer.report import report_texts
from explorer.report.blocks import Block, Figure, Heading, PictureRow, Text
from explorer.report.pictures import SMALL_PX
from explorer.texts import inside, say


def exhibit_blocks(found: CaseView, subject: Subject, *, score: str, but: Replay, most: int) -> list[Block]:
    """Pictures of at most `most` of a subject's exhibits, the closest first, without `but`, which is shown already.

    A picture that two searches made alike stands once; numbers go on from `but` where that is an exhibit.
    """
    exhibits = distinct([r for r in found.made(subject.id) if r.exhibit and r.image_sha256 != but.image_sha256])
    if not exhibits:
        return []
    hidden = set(marks.marked(found, marks.HIDDEN))
    ordered = in_rank([r for r in exhibits if r.id not in hidden], score)
    blocks: list[Block] = [Heading(say("document.exhibits"), 3), PictureRow(tuple(
        _picture(found, subject, r, score, i) for i, r in enumerate(ordered[:most], 2 if but.exhibit else 1)))]
    left_out = len(exhibits) - len(ordered[:most])
    note = (say("document.each_rendered_second"))
    if left_out:
        note += say("document.not_pictured_here", left_out=number(left_out))
    return [*blocks, Text(note, "note")] if ordered else [blocks[0], Text(note, "note")]


def _picture(found: CaseView, subject: Subject, replay: Replay, score: str, place: int) -> Figure:
    recipe, png = replay.recipe, found.blob(replay.image_sha256)
    value = replay.closeness.get(score)
    close = "" if value is None else f", {inside(SCORES[score].label)} {shown(score, value)}"
    what = say("document.exhibit_seed", place=place, seed=recipe.seed, start=report_texts.began(recipe, subject))
    return Figure(png, what, f"{what}{close}.",
                   max(read_png(png).shape[:2]) <= SMALL_PX)
