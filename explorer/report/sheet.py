"""An exhibit sheet: one replay beside its subject on one A4 page, with everything that made it and its hashes."""

from __future__ import annotations

from explorer.cases.snapshot import Snapshot
from explorer.closeness.ledger import supplied_by_you, total_bits
from explorer.findings import wording
from explorer.findings.case_ledger import ledger_of
from explorer.findings.wording import number, percent
from explorer.images.decode import read_png
from explorer.records import Replay, Start, Subject
from explorer.records.samplers import sampler_label
from explorer.report import report_texts
from explorer.report.blocks import Block, Bullets, Document, Figure, Heading, PictureRow, Table, Text
from explorer.report.options import ReportOptions
from explorer.report.page_one import foot
from explorer.report.pictures import SMALL_PX, closeness, subject_picture
from explorer.texts import say

MOST_LETTERS = 400  # of a text, so that the sheet stays one page


def sheet_of(found: Snapshot, replay: Replay, options: ReportOptions) -> Document:
    """The sheet for one replay of a snapshot; the same snapshot, replay and options give the same sheet."""
    subject = found.subject(replay.subject_id)
    title = say("sheet.title", name=_short(subject.name, 80))
    from_noise = replay.recipe.start(subject) is Start.NOISE
    limits = wording.limits("no_controls" if from_noise else "supplied_by_you")
    blocks: list[Block] = [
        Heading(title, 1), Table(("", ""), _facts(found, options), wide=(1,)),
        _pictures(found, subject, replay, options.score),
        Text(say("sheet.rendered_again" if replay.exhibit else "sheet.rendered_once"), "note"),
        Table(("", ""), _settings(found, subject, replay), wide=(1,)),
        Table(("", ""), _hashes(subject, replay), wide=(1,)), Bullets(limits, small=True)]
    return Document(title, foot(found), found.time,
                    tuple(blocks), options.logo_png)


def _facts(found: Snapshot, options: ReportOptions) -> tuple[tuple[str, str], ...]:
    facts = found.facts()
    values = (found.title, options.case_number or facts.get("case_number", ""), options.prepared_by)
    return tuple((k, _short(v, 120)) for k, v in zip(report_texts.head("sheet_facts"), values, strict=True) if v)


def _pictures(found: Snapshot, subject: Subject, replay: Replay, score: str) -> PictureRow:
    made = found.blob(replay.image_sha256)
    start = report_texts.began(replay.recipe, subject)
    close = closeness(replay, score) if score in replay.closeness else say("document.none")
    caption = say("sheet.replay_caption", start=start, seed=replay.recipe.seed, closeness=close)
    return PictureRow((subject_picture(subject, read_png(found.blob(subject.pixels_sha256))), Figure(
        made, say("sheet.replay_alt"), caption, max(read_png(made).shape[:2]) <= SMALL_PX)), large=True)


def _settings(found: Snapshot, subject: Subject, replay: Replay) -> tuple[tuple[str, str], ...]:
    recipe, ledger = replay.recipe, ledger_of(found, replay)
    model = report_texts.model_name(recipe.model)
    values = (model, recipe.prompt or say("document.none"), recipe.negative_prompt,
              say("sheet.settings", seed=recipe.seed, sampler=sampler_label(recipe.scheduler), steps=recipe.steps,
                  guidance=f"{recipe.guidance:g}", width=recipe.width_px, height=recipe.height_px),
              report_texts.began(recipe, subject),
              say("sheet.supplied", bits=number(total_bits(ledger), 4), share=percent(supplied_by_you(ledger))))
    return tuple((k, _short(v)) for k, v in zip(report_texts.head("sheet_settings"), values, strict=True) if v)


def _hashes(subject: Subject, replay: Replay) -> tuple[tuple[str, str], ...]:
    fixed = zip(report_texts.head("sheet_hashes"), (subject.sha256, replay.image_sha256, replay.environment_sha256,
                                                    replay.id), strict=True)
    stages = ((say("sheet.stage", stage=name), value) for name, value in sorted(replay.hashes.items())
              if value != replay.image_sha256)
    return tuple((name, value) for name, value in (*fixed, *stages) if value)


def _short(text: str, most: int = MOST_LETTERS) -> str:
    return text if len(text) <= most else say("document.cut_short", value=text[:most], n=len(text))
