"""A report's part on one subject: its exhibit, scores, ledger, neighbours, plots and finding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from explorer.cases.snapshot import Snapshot
from explorer.cases.view import CaseView
from explorer.closeness.codecs import QUALITIES
from explorer.closeness.heatmap import agreement, overlay
from explorer.closeness.ledger import supplied_by_you, total_bits
from explorer.findings.case_ledger import ledger_of
from explorer.findings.case_plane import case_plane
from explorer.findings.case_tests import Ranked, ranked_tests
from explorer.findings.finding import Finding
from explorer.findings.judge import judge
from explorer.findings.plane import standing
from explorer.findings.series import case_effort, closest
from explorer.findings.wording import above, number, percent, statement
from explorer.images.decode import png_bytes, read_png
from explorer.records import Effort, LedgerEntry, Replay, Start, Subject
from explorer.records.race_records import RaceRound, RaceSetup, short_effort
from explorer.records.scores import SCORES, shown
from explorer.report import drawings, report_texts
from explorer.report.blocks import Block, Figure, Heading, PictureRow, Table, Text
from explorer.report.claims import claims_blocks
from explorer.report.exhibits import exhibit_blocks
from explorer.report.tested import among_controls, model_words, tests_blocks
from explorer.search.fit_size import fit
from explorer.texts import inside, localised, say, texts_of
from explorer.texts.retell import retold

LARGEST_SHOWN_PX = 1600
NEIGHBOURS = 8
WHOLE_PLANE = {"most": 1_000_000, "codecs_px": 8192, "qualities": QUALITIES}


@dataclass(frozen=True)
class Exhibit:
    """The replay that a report shows for a subject: the closest from noise, else the closest of all."""

    best: Replay | None
    given: Replay | None  # the closest of the others
    effort: Effort  # of all replays
    judged: Effort  # of the replays that the exhibit was picked from
    ledger: tuple[LedgerEntry, ...]
    findings: tuple[Finding, ...]  # the case's that are not exploratory, oldest first, each said once


def exhibit_of(found: CaseView, subject: Subject, *, score: str) -> Exhibit:
    """Picks the exhibit, with every finding of the case that is not exploratory, else one without controls."""
    close, effort = closest(found, subject, score), case_effort(found, subject)
    best, judged = (close.noise, case_effort(found, subject, start=Start.NOISE)) if close.noise else (
        close.given, effort)
    ledger = ledger_of(found, best) if best else ()
    findings = _findings(found, subject) or (judge(subject.id, best, judged, score=score, ledger=ledger),)
    return Exhibit(best, close.given if close.noise else None, effort, judged, ledger, findings)


def _findings(found: CaseView, subject: Subject) -> tuple[Finding, ...]:
    """All that are not exploratory (else the newest), each model's once where two tests of it say the same."""
    stored = found.records(Finding, subject_id=subject.id)
    planned = [f for f in stored if f.kind != "exploratory"] or stored[-1:]
    return tuple({(model_words(found, f.replay_id), f.statement): f for f in planned}.values())


def subject_blocks(found: Snapshot, subject: Subject, exhibit: Exhibit, *, score: str, decided: bool,
                   brief: bool = False) -> list[Block]:
    """Everything on one subject; without p-values where it is not `decided`, for the set of works allows none.

    `brief` leaves out what a reader of many works does not look at one by one: other scores, plots, neighbours.
    """
    rgb = read_png(found.blob(subject.pixels_sha256))
    blocks: list[Block] = [Heading(say("document.subject_heading", name=subject.name)), *_identity(subject),
                           *claims_blocks(found, subject)]
    if exhibit.best is None:
        said = [Text(retold(f.statement)) for f in exhibit.findings
                if decided or f.kind not in report_texts.DECIDED]
        return [*blocks, PictureRow((_subject_picture(subject, rgb),)), *said]
    blocks += _side_by_side(found, subject, rgb, exhibit, score)
    if brief:
        return [*blocks, *tests_blocks(found, subject, decided=decided), *_ledger(exhibit)]
    blocks += exhibit_blocks(found, subject, score=score, but=exhibit.best)
    blocks += _effort(found, subject, exhibit) + tests_blocks(found, subject, decided=decided)
    blocks += _scores(exhibit.best) + _ledger(exhibit)
    ranked = ranked_tests(found, subject.id, score=score) if decided else []
    blocks += _plots(found, subject, score=score, ranked=ranked)
    return blocks + _neighbours(found, subject)


def _identity(subject: Subject) -> list[Block]:
    values = (subject.sha256, subject.format,
              say("document.pixels", width=subject.width_px, height=subject.height_px),
              report_texts.named("origin", subject.origin), "; ".join(map(retold, subject.notes)), subject.caption)
    rows = [(k, v) for k, v in zip(report_texts.head("identity"), values, strict=True) if v]
    return [Table(("", ""), tuple(rows), wide=(1,))]


def _subject_picture(subject: Subject, rgb: np.ndarray) -> Figure:
    h, w = rgb.shape[:2]
    note = ""
    if max(h, w) > LARGEST_SHOWN_PX:
        scale = LARGEST_SHOWN_PX / max(h, w)
        image = Image.fromarray(rgb, "RGB").resize((round(w * scale), round(h * scale)), Image.Resampling.LANCZOS)
        rgb = np.asarray(image)
        note = say("document.shown_pixels", width=image.width, height=image.height, w=w, h=h)
    return Figure(png_bytes(rgb), say("document.subject_alt", name=subject.name),
                   say("document.subject_caption", name=subject.name, note=note),
                   pixelated=max(h, w) <= 256)


def _side_by_side(found: CaseView, subject: Subject, rgb: np.ndarray, exhibit: Exhibit, score: str) -> list[Block]:
    best, given = exhibit.best, exhibit.given
    made = found.blob(best.image_sha256)
    made_rgb = read_png(made)
    target = fit(rgb, height_px=made_rgb.shape[0], width_px=made_rgb.shape[1])
    small = max(made_rgb.shape[:2]) <= 256
    heat = png_bytes(overlay(target, agreement(target, made_rgb)))
    start = report_texts.began(best.recipe, subject)
    group = start if best.recipe.start(subject) is Start.NOISE else say("document.none_from_noise", start=start)
    lead = say("document.exhibit_1_closest" if best.exhibit else "document.closest_replay")
    row = PictureRow((
        _subject_picture(subject, rgb),
        Figure(made, lead, say("document.closest_of", lead=lead, tries=number(exhibit.judged.tries), group=group,
                                seed=best.recipe.seed, closeness=_closeness(best, score)), small),
        Figure(heat, say("document.map_agreement"), say("document.where_they_agree"), small)))
    prompt = best.recipe.prompt or say("document.none")
    blocks: list[Block] = [row, Text(say("document.prompt_words_model", prompt=prompt))]
    if given is not None:
        start = report_texts.began(given.recipe, subject)
        why = say(f"document.comes_back.{given.recipe.start(subject)}")
        blocks.append(PictureRow((Figure(
            found.blob(given.image_sha256), say("document.closest_replay_given", start=start),
            say("document.for_comparison", start=start, closeness=_closeness(given, score), why=why), small),)))
    return blocks


def _closeness(replay: Replay, score: str) -> str:
    return f"{inside(SCORES[score].label)} {shown(score, replay.closeness[score])}"


def _effort(found: Snapshot, subject: Subject, exhibit: Exhibit) -> list[Block]:
    effort = exhibit.effort
    blocks: list[Block] = [Heading(say("document.tried"), 3), Text(
        say("document.replays_network_evaluations", tries=number(effort.tries),
            evaluations=number(effort.unet_evaluations), seconds=number(effort.elapsed_s)))]
    blocks += _raced(found, subject)
    rows = []
    for plan in found.plans(subject.id):
        seq, time = found.began.get(plan.id, (0, ""))
        first = found.first_replay.get(plan.id)
        made = found.count_replays(search_id=plan.id)
        when = "document.planned_before" if first is None or seq < first else "document.planned_after"
        others = len(plan.settings.get("more_prompts", ()))
        more = say("document.more_see_appendix", others=others) if others else ""
        rows.append((plan.id, say(when, time=time[:16].replace("T", " ")), number(plan.planned_tries),
                     number(made), f"{plan.settings.get('prompt', '')}{more}",
                     report_texts.model_name(plan.model, short=True)))
    if rows:
        blocks.append(Table(report_texts.head("plans"), tuple(rows),
                            say("document.searches_they_planned"), wide=(4,)))
    return blocks


def _raced(found: CaseView, subject: Subject) -> list[Block]:
    """What races dropped, and how likely that cost the closest."""
    dropped = short_effort(found.records(RaceRound, subject_id=subject.id)).tries
    limits = [s.loss_upper for s in found.records(RaceSetup, subject_id=subject.id)]
    if not dropped:
        return []
    risk = say("document.likely_dropped_closest")
    if None not in limits:
        risk = say("document.chance_dropped_closest", most=max(limits))
    return [Text(say("document.tries_fell_behind", dropped=number(dropped), risk=risk))]


def _scores(best: Replay) -> list[Block]:
    rows = []
    for name, info in SCORES.items():
        if name in best.closeness:
            span = say(f"document.range_{info.better}", low=info.low, high=info.high)
            rows.append((info.label, shown(name, best.closeness[name]), span, info.plain, info.blind_to))
    return [Heading(say("document.closeness_replay"), 3),
            Table(report_texts.head("scores"), tuple(rows), wide=(3, 4))]


def _ledger(exhibit: Exhibit) -> list[Block]:
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


def _plots(found: CaseView, subject: Subject, *, score: str, ranked: Sequence[Ranked]) -> list[Block]:
    """How the search went; with the controls only of the `ranked` tests, those whose p-value stands."""
    tries = found.tries(subject.id, score=score)
    blocks: list[Block] = [Heading(say("document.went"), 3)]
    blocks.append(Figure(drawings.race(tries, score), say("document.closeness_in_order", n=len(tries)),
                          say("document.every_replay_order")))
    plane = case_plane(found, subject.id, score=score, ranked=ranked, **WHOLE_PLANE)
    blocks.append(Figure(drawings.plane(plane), say("document.bits_supplied_against"),
                          say("document.supplied_against_came")))
    if (stands := standing(plane)) is not None:
        blocks.append(Text(f"{_model(found, ranked[-1], ranked)}{stands.statement}"))
    for one in ranked:
        dots = among_controls(one)
        blocks.append(replace(dots, caption=f"{_model(found, one, ranked)}{dots.caption}"))
    return blocks


def _model(found: CaseView, one: Ranked, ranked: Sequence[Ranked]) -> str:
    """Names a test's model where the report has several tests to tell apart."""
    return say("document.model_before", model=model_words(found, one.test.replay_id)) if len(ranked) > 1 else ""


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
