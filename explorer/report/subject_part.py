"""A report's part on one subject: its exhibit, scores, ledger, neighbours, plots and finding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from explorer.cases.snapshot import Snapshot
from explorer.cases.view import CaseView
from explorer.closeness.catalogue import SCORES, shown
from explorer.closeness.codecs import QUALITIES
from explorer.closeness.heatmap import agreement, overlay
from explorer.closeness.ledger import supplied_by_you, total_bits
from explorer.findings.case_ledger import ledger_of
from explorer.findings.case_plane import case_plane
from explorer.findings.case_tests import Ranked, ranked_tests
from explorer.findings.finding import Finding
from explorer.findings.judge import MOST_SUPPLIED, judge
from explorer.findings.plane import standing
from explorer.findings.series import case_effort, closest
from explorer.findings.wording import above, number, percent, say
from explorer.images.decode import png_bytes, read_png
from explorer.records import Effort, LedgerEntry, Replay, Start, Subject
from explorer.records.race_records import RaceRound, RaceSetup, short_effort
from explorer.report import drawings, report_texts
from explorer.report.blocks import Block, Figure, Heading, PictureRow, Table, Text
from explorer.report.claims import claims_blocks
from explorer.report.exhibits import exhibit_blocks
from explorer.report.tested import among_controls, model_words, tests_blocks
from explorer.search.fit_size import fit

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
    blocks: list[Block] = [Heading(f"Subject: {subject.name}"), *_identity(subject), *claims_blocks(found, subject)]
    if exhibit.best is None:
        said = [Text(f.statement) for f in exhibit.findings if decided or f.kind not in report_texts.DECIDED]
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
    rows = [("SHA-256 of the original bytes", subject.sha256), ("Format", subject.format),
            ("Size", f"{subject.width_px} × {subject.height_px} pixels"),
            ("Where from", report_texts.ORIGINS.get(subject.origin, subject.origin))]
    rows += [("Decoding", "; ".join(subject.notes))] if subject.notes else []
    rows += [("Caption given", subject.caption)] if subject.caption else []
    return [Table(("", ""), tuple(rows), wide=(1,))]


def _subject_picture(subject: Subject, rgb: np.ndarray) -> Figure:
    h, w = rgb.shape[:2]
    note = ""
    if max(h, w) > LARGEST_SHOWN_PX:
        scale = LARGEST_SHOWN_PX / max(h, w)
        image = Image.fromarray(rgb, "RGB").resize((round(w * scale), round(h * scale)), Image.Resampling.LANCZOS)
        rgb, note = np.asarray(image), f" Shown at {image.width} × {image.height} of {w} × {h} pixels."
    return Figure(png_bytes(rgb), f"The subject, {subject.name}", f"The subject: {subject.name}.{note}",
                   pixelated=max(h, w) <= 256)


def _side_by_side(found: CaseView, subject: Subject, rgb: np.ndarray, exhibit: Exhibit, score: str) -> list[Block]:
    best, given = exhibit.best, exhibit.given
    made = found.blob(best.image_sha256)
    made_rgb = read_png(made)
    target = fit(rgb, height_px=made_rgb.shape[0], width_px=made_rgb.shape[1])
    small = max(made_rgb.shape[:2]) <= 256
    heat = png_bytes(overlay(target, agreement(target, made_rgb)))
    start = report_texts.began(best.recipe, subject)
    group = start if best.recipe.start(subject) is Start.NOISE else f"none from plain noise: {start}"
    lead = "Exhibit 1, the closest replay" if best.exhibit else "The closest replay"
    row = PictureRow((
        _subject_picture(subject, rgb),
        Figure(made, lead, f"{lead} of {number(exhibit.judged.tries)} {group}: seed {best.recipe.seed}, "
                            f"{_closeness(best, score)}.", small),
        Figure(heat, "Map of agreement", "Where they agree (orange) and where not (blue). Empty background that "
                "both share counts as agreement.", small)))
    prompt = best.recipe.prompt or "none"
    blocks: list[Block] = [row, Text(f"Prompt (the words that the model was given): {prompt}")]
    if given is not None:
        start = report_texts.began(given.recipe, subject)
        blocks.append(PictureRow((Figure(
            found.blob(given.image_sha256), f"The closest replay that did not start from plain noise: {start}",
            f"For comparison: {start}, {_closeness(given, score)}. "
            f"{report_texts.COMES_BACK[given.recipe.start(subject)]}", small),)))
    return blocks


def _closeness(replay: Replay, score: str) -> str:
    return f"{SCORES[score].label.lower()} {shown(score, replay.closeness[score])}"


def _effort(found: Snapshot, subject: Subject, exhibit: Exhibit) -> list[Block]:
    effort = exhibit.effort
    blocks: list[Block] = [Heading("What was tried", 3), Text(
        f"{number(effort.tries)} replays, {number(effort.unet_evaluations)} network evaluations, "
        f"{number(effort.elapsed_s)} seconds of computing. All of them are counted here, also those of "
        "other prompts and settings.")]
    blocks += _raced(found, subject)
    rows = []
    for plan in found.plans(subject.id):
        seq, time = found.began.get(plan.id, (0, ""))
        first = found.first_replay.get(plan.id)
        made = found.count_replays(search_id=plan.id)
        before = "before the first replay" if first is None or seq < first else "AFTER the first replay"
        others = len(plan.settings.get("more_prompts", ()))
        more = f" (and {others} more, see the appendix)" if others else ""
        rows.append((plan.id, f"{time[:16].replace('T', ' ')} UTC, {before}", number(plan.planned_tries),
                     number(made), f"{plan.settings.get('prompt', '')}{more}",
                     report_texts.model_name(plan.model, short=True)))
    if rows:
        blocks.append(Table(("Search", "Plan logged", "Planned", "Made", "Prompt", "Model"), tuple(rows),
                            "Searches as they were planned", wide=(4,)))
    return blocks


def _raced(found: CaseView, subject: Subject) -> list[Block]:
    """What races dropped, and how likely that cost the closest."""
    dropped = short_effort(found.records(RaceRound, subject_id=subject.id)).tries
    limits = [s.loss_upper for s in found.records(RaceSetup, subject_id=subject.id)]
    if not dropped:
        return []
    risk = "how likely that dropped the closest one was not measured for this model and these settings"
    if None not in limits:
        risk = f"the chance that this dropped the closest one is at most {max(limits):.0%} (95% limit)"
    return [Text(f"{number(dropped)} of these tries fell behind in a race and were not run to their end; {risk}.")]


def _scores(best: Replay) -> list[Block]:
    rows = []
    for name, info in SCORES.items():
        if name in best.closeness:
            span = f"{info.low:g} to {info.high:g}, {info.better} is closer"
            rows.append((info.label, shown(name, best.closeness[name]), span, info.plain, info.blind_to))
    return [Heading("Closeness of this replay", 3),
            Table(("Score", "Value", "Range", "What it means", "What it cannot see"), tuple(rows), wide=(3, 4))]


def _ledger(exhibit: Exhibit) -> list[Block]:
    rows = tuple((e.source, number(e.bits, 4), e.code) for e in exhibit.ledger)
    total = total_bits(exhibit.ledger)
    blocks: list[Block] = [Heading("What was supplied", 3),
                           Table(("Source", "Bits", "How it was counted"),
                                 (*rows, ("all", number(total, 4), "")), wide=(2,))]
    share = supplied_by_you(exhibit.ledger)
    if share > MOST_SUPPLIED:
        blocks.append(Text(f"{percent(share)} of these bits came with a picture or noise that was put in: what "
                           "comes back was supplied by you.", "finding"))
    return blocks


def _plots(found: CaseView, subject: Subject, *, score: str, ranked: Sequence[Ranked]) -> list[Block]:
    """How the search went; with the controls only of the `ranked` tests, those whose p-value stands."""
    tries = found.tries(subject.id, score=score)
    blocks: list[Block] = [Heading("How it went", 3)]
    blocks.append(Figure(drawings.race(tries, score), f"Closeness of {len(tries)} replays in order of trying",
                          "Every replay in the order of trying. The scale shows only where replays "
                          "lie: it does not begin at 0."))
    plane = case_plane(found, subject.id, score=score, ranked=ranked, **WHOLE_PLANE)
    blocks.append(Figure(drawings.plane(plane), "Bits supplied against closeness",
                          "What was supplied against what came back. The lines show what picture files of as "
                          "many bits give without any model; replays that were handed the picture lie among them."))
    if (stands := standing(plane)) is not None:
        blocks.append(Text(f"{_model(found, ranked[-1], ranked)}{stands.statement}"))
    for one in ranked:
        dots = among_controls(one)
        blocks.append(replace(dots, caption=f"{_model(found, one, ranked)}{dots.caption}"))
    return blocks


def _model(found: CaseView, one: Ranked, ranked: Sequence[Ranked]) -> str:
    """Names a test's model where the report has several tests to tell apart."""
    return f"Model: {model_words(found, one.test.replay_id)}. " if len(ranked) > 1 else ""


def _neighbours(found: CaseView, subject: Subject) -> list[Block]:
    neighbours = found.neighbours(subject.id, limit=NEIGHBOURS)
    if not neighbours:
        return []
    first = neighbours[0]
    words = {"collection": first.collection, "title": first.title or "untitled",
             "similarity": f"{first.similarity:.3f}", "creator": first.creator or "an unnamed creator"}
    lead = say("neighbour", **words, percentile=above(first.percentile)) if first.percentile is not None else ""
    rows = tuple((str(n.rank), f"{n.similarity:.3f}", n.title or "untitled", n.creator, n.licence,
                  "" if n.multiplicity is None else str(n.multiplicity)) for n in neighbours)
    head = ("Rank", "Similarity", "Title", "Creator", "Licence", "Near copies held")
    blocks: list[Block] = [Heading("Nearest works of the collection", 3)]
    if lead:
        blocks.append(Text(lead))
    return [*blocks, Table(head, rows, f"Collection: {first.collection}", wide=(2,)),
            Text("Similar is not derived: a neighbour shows likeness, not that the model learnt from it.", "note")]
