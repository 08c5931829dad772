"""A report's part on one subject: its exhibit, scores, ledger, neighbours, plots and finding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from explorer.cases.case import SearchPlan
from explorer.closeness.catalogue import SCORES, is_better, shown
from explorer.closeness.codecs import codec_curve
from explorer.closeness.heatmap import agreement, overlay
from explorer.closeness.ledger import supplied_by_you, total_bits
from explorer.findings.finding import Finding
from explorer.findings.judge import MOST_SUPPLIED, judge
from explorer.findings.plane import Plane, control_band, standing
from explorer.findings.wording import above, number, percent, statement
from explorer.images.decode import png_bytes, read_png
from explorer.records import (
    Effort,
    LedgerEntry,
    Neighbour,
    Replay,
    SearchSummary,
    Subject,
)
from explorer.records.race_records import RaceRound, RaceSetup, short_effort
from explorer.report import drawings, report_texts
from explorer.report.blocks import Block, Heading, Picture, Row, Table, Text
from explorer.report.claims import claims_blocks
from explorer.report.exhibits import exhibit_blocks
from explorer.report.ledgers import Blob, ledger_of, points_of
from explorer.report.snapshot import Snapshot
from explorer.report.tested import Ranked, among_controls, model_words, ranked_tests, tests_blocks
from explorer.search.fit_size import fit
from explorer.texts import inside, say

LARGEST_SHOWN_PX = 1600
NEIGHBOURS = 8


@dataclass(frozen=True)
class Exhibit:
    """The replay that a report shows for a subject: the closest from noise, else the closest of all."""

    best: Replay | None
    given: Replay | None  # the closest that was given the subject's picture
    effort: Effort  # of all replays
    judged: Effort  # of the replays that the exhibit was picked from
    ledger: tuple[LedgerEntry, ...]
    findings: tuple[Finding, ...]  # the case's that are not exploratory, oldest first, each said once


def exhibit_of(found: Snapshot, subject: Subject, blob: Blob, *, score: str) -> Exhibit:
    """Picks the exhibit, with every finding of the case that is not exploratory, else one without controls."""
    replays = [r for r in found.replays_of(subject.id) if score in r.closeness]
    noise = [r for r in replays if r.recipe.start_sha256 is None and r.recipe.noise_blob is None]
    best, given = _closest(noise, score), _closest([r for r in replays if r not in noise], score)
    dropped = short_effort(found.of(RaceRound, subject.id))  # lanes of races: tries without a replay
    effort, judged = _spent(replays).plus(dropped), _spent(noise or replays).plus(dropped)
    shown_replay = best or given
    ledger = ledger_of(found, shown_replay, blob) if shown_replay else ()
    findings = _findings(found, subject) or (judge(subject.id, shown_replay, judged, score=score, ledger=ledger),)
    return Exhibit(shown_replay, given if best else None, effort, judged, ledger, findings)


def _findings(found: Snapshot, subject: Subject) -> tuple[Finding, ...]:
    """All that are not exploratory (else the newest), each model's once where two tests of it say the same."""
    stored = found.of(Finding, subject.id)
    planned = [f for f in stored if f.kind != "exploratory"] or stored[-1:]
    return tuple({(model_words(found, f.replay_id), f.statement): f for f in planned}.values())


def _spent(replays: list[Replay]) -> Effort:
    spent = Effort()
    for replay in replays:
        spent = spent.plus(Effort(1, replay.unet_evaluations, replay.elapsed_s))
    return spent


def _closest(replays: list[Replay], score: str) -> Replay | None:
    best = None
    for replay in replays:
        if best is None or is_better(score, replay.closeness[score], best.closeness[score]):
            best = replay
    return best


def subject_blocks(found: Snapshot, subject: Subject, exhibit: Exhibit, blob: Blob, *,
                   score: str, decided: bool, brief: bool = False) -> list[Block]:
    """Everything on one subject; without p-values where it is not `decided`, for the set of works allows none.

    `brief` leaves out what a reader of many works does not look at one by one: other scores, plots, neighbours.
    """
    rgb = read_png(blob(subject.pixels_sha256))
    blocks: list[Block] = [Heading(say("document.subject_heading", name=subject.name)), *_identity(subject),
                           *claims_blocks(subject, blob)]
    if exhibit.best is None:
        said = [Text(f.statement) for f in exhibit.findings if decided or f.kind not in report_texts.DECIDED]
        return [*blocks, Row((_subject_picture(subject, rgb),)), *said]
    blocks += _side_by_side(subject, rgb, exhibit, blob, score)
    if brief:
        return [*blocks, *tests_blocks(found, subject, decided=decided), *_ledger(exhibit)]
    blocks += exhibit_blocks(found, subject, blob, score=score, but=exhibit.best)
    blocks += _effort(found, subject, exhibit) + tests_blocks(found, subject, decided=decided)
    blocks += _scores(exhibit.best) + _ledger(exhibit)
    ranked = ranked_tests(found, subject, score=score) if decided else []
    blocks += _plots(found, subject, rgb, exhibit, blob, score=score, ranked=ranked)
    return blocks + _neighbours(found, subject)


def _identity(subject: Subject) -> list[Block]:
    values = (subject.sha256, subject.format,
              say("document.pixels", width=subject.width_px, height=subject.height_px),
              report_texts.named("origin", subject.origin), "; ".join(subject.notes), subject.caption)
    rows = [(k, v) for k, v in zip(report_texts.head("identity"), values, strict=True) if v]
    return [Table(("", ""), tuple(rows), wide=(1,))]


def _subject_picture(subject: Subject, rgb: np.ndarray) -> Picture:
    h, w = rgb.shape[:2]
    note = ""
    if max(h, w) > LARGEST_SHOWN_PX:
        scale = LARGEST_SHOWN_PX / max(h, w)
        image = Image.fromarray(rgb, "RGB").resize((round(w * scale), round(h * scale)), Image.Resampling.LANCZOS)
        rgb = np.asarray(image)
        note = say("document.shown_pixels", width=image.width, height=image.height, w=w, h=h)
    return Picture(png_bytes(rgb), say("document.subject_alt", name=subject.name),
                   say("document.subject_caption", name=subject.name, note=note),
                   pixelated=max(h, w) <= 256)


def _side_by_side(subject: Subject, rgb: np.ndarray, exhibit: Exhibit, blob: Blob, score: str) -> list[Block]:
    best = exhibit.best
    made = blob(best.image_sha256)
    made_rgb = read_png(made)
    target = fit(rgb, height_px=made_rgb.shape[0], width_px=made_rgb.shape[1])
    small = max(made_rgb.shape[:2]) <= 256
    heat = png_bytes(overlay(target, agreement(target, made_rgb)))
    value = shown(score, best.closeness[score])
    lead = say("document.exhibit_1_closest" if best.exhibit else "document.closest_replay")
    row = Row((
        _subject_picture(subject, rgb),
        Picture(made, lead, say("document.closest_noise" if best.recipe.start_sha256 is None
                                else "document.closest_given", lead=lead, tries=number(exhibit.judged.tries),
                                seed=best.recipe.seed, score=inside(SCORES[score].label), value=value), small),
        Picture(heat, say("document.map_agreement"), say("document.where_they_agree"), small)))
    prompt = best.recipe.prompt or say("document.none")
    blocks: list[Block] = [row, Text(say("document.prompt_words_model", prompt=prompt))]
    if exhibit.given is not None:
        given = exhibit.given
        blocks += [Row((Picture(blob(given.image_sha256), say("document.closest_replay_given"),
                                say("document.for_comparison", strength=given.recipe.strength or 0,
                                    score=inside(SCORES[score].label), value=shown(score, given.closeness[score])),
                                small),))]
    return blocks


def _effort(found: Snapshot, subject: Subject, exhibit: Exhibit) -> list[Block]:
    effort = exhibit.effort
    blocks: list[Block] = [Heading(say("document.tried"), 3), Text(
        say("document.replays_network_evaluations", tries=number(effort.tries),
            evaluations=number(effort.unet_evaluations), seconds=number(effort.elapsed_s)))]
    blocks += _raced(found, subject)
    rows = []
    for plan in found.of(SearchPlan, subject.id):
        seq, time = found.began.get(plan.id, (0, ""))
        first = found.first_replay.get(plan.id)
        made = sum(r.search_id == plan.id for r in found.replays)
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


def _raced(found: Snapshot, subject: Subject) -> list[Block]:
    """What races dropped, and how likely that cost the closest."""
    dropped = short_effort(found.of(RaceRound, subject.id)).tries
    limits = [s.loss_upper for s in found.of(RaceSetup, subject.id)]
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
    rows = tuple((e.source, number(e.bits, 4), e.code) for e in exhibit.ledger)
    total = total_bits(exhibit.ledger)
    blocks: list[Block] = [Heading(say("document.supplied"), 3),
                           Table(report_texts.head("ledger"),
                                 (*rows, (say("document.all"), number(total, 4), "")), wide=(2,))]
    share = supplied_by_you(exhibit.ledger)
    if share > MOST_SUPPLIED:
        blocks.append(Text(say("document.bits_came_picture", share=percent(share)), "finding"))
    return blocks


def _plots(found: Snapshot, subject: Subject, rgb: np.ndarray, exhibit: Exhibit, blob: Blob, *, score: str,
           ranked: Sequence[Ranked]) -> list[Block]:
    """How the search went; with the controls only of the `ranked` tests, those whose p-value stands."""
    replays = found.replays_of(subject.id)
    blocks: list[Block] = [Heading(say("document.went"), 3)]
    blocks.append(Picture(drawings.race(replays, score), say("document.closeness_in_order", n=len(replays)),
                          say("document.every_replay_order")))
    size = exhibit.best.recipe
    target = fit(rgb, height_px=size.height_px, width_px=size.width_px)
    plane = plane_of(found, subject, target, blob, score=score, ranked=ranked)
    blocks.append(Picture(drawings.plane(plane), say("document.bits_supplied_against"),
                          say("document.supplied_against_came")))
    if (stands := standing(plane)) is not None:
        blocks.append(Text(f"{_model(ranked[-1], ranked)}{stands.statement}"))
    for one in ranked:
        dots = among_controls(one)
        blocks.append(replace(dots, caption=f"{_model(one, ranked)}{dots.caption}"))
    return blocks


def plane_of(found: Snapshot, subject: Subject, target: np.ndarray, blob: Blob, *, score: str,
             ranked: Sequence[Ranked]) -> Plane:
    """Bits against closeness, `target` the subject at the replays' size; the band is the last ranked test's."""
    points = points_of(found, subject, blob, score)
    codecs = codec_curve(target, score=score) if score in ("tiled_l2", "ssim", "psnr", "l2") else ()
    floors = [s.floor[score] for s in found.of(SearchSummary, subject.id) if score in s.floor]
    band = tested = None
    if ranked:
        last = ranked[-1]
        band = control_band(last.controls, last.test.features)
        tested = next((p for p in points if p.replay_id == last.test.replay_id), None)
    return Plane(score, tuple(points), band, tested, tuple(codecs), floors[-1] if floors else None)


def _model(one: Ranked, ranked: Sequence[Ranked]) -> str:
    """Names a test's model where the report has several tests to tell apart."""
    return say("document.model_before", model=one.model) if len(ranked) > 1 and one.model else ""


def _neighbours(found: Snapshot, subject: Subject) -> list[Block]:
    neighbours = sorted(found.of(Neighbour, subject.id), key=lambda n: (n.collection, n.rank))
    if not neighbours:
        return []
    first = neighbours[0]
    words = {"collection": first.collection, "title": first.title or say("document.untitled"),
             "similarity": f"{first.similarity:.3f}", "creator": first.creator or say("document.unnamed_creator")}
    lead = "" if first.percentile is None else statement(
        "neighbour", **words, percentile=above(first.percentile))
    rows = tuple((str(n.rank), f"{n.similarity:.3f}", n.title or say("document.untitled"), n.creator, n.licence,
                  "" if n.multiplicity is None else str(n.multiplicity)) for n in neighbours[:NEIGHBOURS])
    blocks: list[Block] = [Heading(say("document.nearest_works_collection"), 3)]
    if lead:
        blocks.append(Text(lead))
    return [*blocks, Table(report_texts.head("neighbours"), rows,
                           say("document.collection", collection=first.collection), wide=(2,)),
            Text(say("limit.similar"), "note")]

