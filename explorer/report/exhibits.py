"""The exhibits that a person had rendered: side by side, each with how it came about and its hashes on record."""

from __future__ import annotations

from collections.abc import Callable

from explorer.closeness.catalogue import SCORES, shown
from explorer.findings.series import in_rank
from explorer.findings.wording import number
from explorer.images.decode import read_png
from explorer.records import Replay, Subject
from explorer.report.blocks import Block, Heading, Picture, Row, Text
from explorer.report.snapshot import Snapshot
from explorer.texts import inside, say

MOST = 12
SMALL_PX = 256


def exhibit_blocks(found: Snapshot, subject: Subject, blob: Callable[[str], bytes], *, score: str,
                   but: Replay) -> list[Block]:
    """Pictures of a subject's exhibits, the closest first, without the one that is shown already (`but`).

    A picture that two searches made alike stands once; numbers go on from `but` where that is an exhibit.
    """
    exhibits = [r for r in found.replays_of(subject.id) if r.exhibit and r.image_sha256 != but.image_sha256]
    exhibits = list({r.image_sha256: r for r in reversed(exhibits)}.values())[::-1]
    if not exhibits:
        return []
    hidden = set(found.choices.get("hidden", ()))
    ordered = in_rank([r for r in exhibits if r.id not in hidden], score)
    blocks: list[Block] = [Heading(say("document.exhibits"), 3), Row(tuple(
        _picture(r, blob, score, i) for i, r in enumerate(ordered[:MOST], 2 if but.exhibit else 1)))]
    left_out = len(exhibits) - len(ordered[:MOST])
    note = (say("document.each_rendered_second"))
    if left_out:
        note += say("document.not_pictured_here", left_out=number(left_out))
    return [*blocks, Text(note, "note")] if ordered else [blocks[0], Text(note, "note")]


def _picture(replay: Replay, blob: Callable[[str], bytes], score: str, place: int) -> Picture:
    recipe, png = replay.recipe, blob(replay.image_sha256)
    start = say("document.noise") if recipe.strength is None and recipe.noise_blob is None else (
        say("document.given_picture_strength",
            strength=recipe.strength) if recipe.strength is not None else say("document.optimised_noise"))
    value = replay.closeness.get(score)
    close = "" if value is None else f", {inside(SCORES[score].label)} {shown(score, value)}"
    what = say("document.exhibit_seed", place=place, seed=recipe.seed, start=start)
    return Picture(png, what, f"{what}{close}.",
                   max(read_png(png).shape[:2]) <= SMALL_PX)
