"""Everything that was tried on a subject, as tables: its prompts by number, and every replay."""

from __future__ import annotations

from collections import Counter

from explorer.cases.snapshot import Snapshot
from explorer.findings import wording
from explorer.records import Subject
from explorer.records.scores import SCORES, shown
from explorer.report import report_texts
from explorer.report.blocks import Block, Heading, Table, Text
from explorer.texts import say

_COLUMNS = ("tiled_l2", "ssim", "psnr", "clip_cosine")


def prompts_tried(found: Snapshot, subject: Subject) -> list[Block]:
    """Every prompt that was tried, by its number."""
    replays = Counter(r.recipe.prompt for r in found.made(subject.id))
    rows = tuple((str(i), text or say("document.none"), wording.number(replays[text]))
                 for text, i in _numbered(found, subject).items())
    if not rows:
        return []
    return [Heading(say("document.prompts_tried", subject=subject.name), 3),
            Text(say("document.prompts"), "note"), Table(report_texts.head("prompts"), rows, wide=(1,))]


def tries_table(found: Snapshot, subject: Subject, most: int = 400) -> list[Block]:
    """A table of every replay of a subject, in the order of trying; the closest `most` if there are more."""
    replays = found.made(subject.id)
    if not replays:
        return []
    names = [n for n in _COLUMNS if any(n in r.closeness for r in replays)]
    prompts = _numbered(found, subject)
    rows = [(str(i), str(prompts[r.recipe.prompt]), str(r.recipe.seed), r.recipe.scheduler, str(r.recipe.steps),
             f"{r.recipe.guidance:g}", report_texts.began(r.recipe, subject, "started"),
             *(shown(n, r.closeness[n]) if n in r.closeness else "" for n in names), r.image_sha256[:12])
            for i, r in enumerate(replays, 1)]
    first, (last,) = report_texts.head("tries"), report_texts.head("tries_end")
    head = (*first, *(SCORES[n].label for n in names), last)
    blocks: list[Block] = [Heading(say("document.everything_tried", subject=subject.name), 3)]
    if len(rows) > most:
        order = sorted(range(len(rows)), key=lambda i: replays[i].closeness.get("tiled_l2", 9.0))[:most]
        rows = [rows[i] for i in sorted(order)]
        blocks.append(Text(say("document.not_all", shown=most, all=len(replays)), "note"))
    return [*blocks, Table(head, tuple(rows))]


def _numbered(found: Snapshot, subject: Subject) -> dict[str, int]:
    """Every prompt of a subject's replays with its number, in order of first use; then those only planned."""
    planned = [str(text) for plan in found.plans(subject.id) if "prompt" in plan.settings
               for text in (plan.settings["prompt"], *plan.settings.get("more_prompts", ()))]
    used = [r.recipe.prompt for r in found.made(subject.id)]
    return {text: i for i, text in enumerate(dict.fromkeys((*used, *planned)), 1)}
