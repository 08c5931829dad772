"""From a snapshot to a document: for a lay reader first, everything that was tried at the end."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass

from explorer import records
from explorer.cases.snapshot import Snapshot
from explorer.findings import wording
from explorer.findings.case_tests import portfolio_of, without_p
from explorer.findings.finding import ControlResults, Finding
from explorer.records import Environment
from explorer.records.policy import Policy
from explorer.records.scores import SCORES, shown
from explorer.report import report_texts
from explorer.report.blocks import Block, Bullets, Code, Document, Heading, PageBreak, Table, Text
from explorer.report.incidence_part import incidence_part, plan_part
from explorer.report.subject_part import Exhibit, exhibit_of, subject_blocks
from explorer.report.tested import model_words, several_tests
from explorer.texts import localised, say, texts_of
from explorer.texts.retell import retold

MOST_WHOLE = 3  # works that a short report still treats at length


@dataclass(frozen=True)
class ReportOptions:
    """What a person may choose; none of it changes a number."""

    detail: str = "full"  # "short": no appendix of every try, and many works in brief
    prepared_by: str = ""
    case_number: str = ""  # the case's own if empty
    question: str = ""  # the case's own if empty
    logo_png: bytes = b""
    score: str = "tiled_l2"
    subject_ids: tuple[str, ...] = ()  # all if empty


def compose(found: Snapshot, options: ReportOptions) -> Document:
    """The document for a snapshot. Depends on nothing else."""
    subjects = [s for s in found.subjects() if not options.subject_ids or s.id in options.subject_ids]
    exhibits = {s.id: exhibit_of(found, s, score=options.score) for s in subjects}
    title = found.title or say("document.untitled_case")
    blocks: list[Block] = [Heading(title, 1), *_cover(found, options)]
    together, undecided = _together(found)
    blocks += _summary(found, subjects, exhibits, together, undecided)
    brief = options.detail == "short" and len(subjects) > MOST_WHOLE
    for subject in subjects:
        blocks += subject_blocks(found, subject, exhibits[subject.id], score=options.score,
                                 decided=subject.id not in undecided, brief=brief)
    blocks += [Text(say("document.brief"), "note")] if brief else []
    blocks += plan_part(found) + incidence_part(found, full=options.detail == "full")
    blocks += _controls(found) + _limits(exhibits) + _methods()
    blocks += _appendix(found, subjects, exhibits, full=options.detail == "full")
    entry, mark = found.head()
    foot = say("document.foot", title=title, entry=entry, hash=mark)
    return Document(title, foot, found.time, tuple(blocks), options.logo_png)


def _cover(found: Snapshot, options: ReportOptions) -> list[Block]:
    facts, (entry, mark) = found.facts(), found.head()
    question = options.question or facts.get("question", "")
    number = options.case_number or facts.get("case_number", "")
    models = dict.fromkeys(report_texts.model_name(r.recipe.model) for s in found.subjects()
                           for r in found.made(s.id))
    values = (question, number, options.prepared_by, "; ".join(models), _day(found.time), found.id,
              say("document.entry", entry=entry, hash=mark))
    rows = [(k, v) for k, v in zip(report_texts.head("cover"), values, strict=True) if v]
    blocks: list[Block] = [Text(say("document.intro"), "lead"), Table(("", ""), tuple(rows), wide=(1,))]
    if found.faults:
        faults = "; ".join(f.what for f in found.faults[:5])
        return [*blocks, Text(say("document.broken", faults=faults), "finding")]
    return blocks


def _day(time: str) -> str:
    return say("document.day", day=time[:10], time=time[11:16])


def _summary(found: Snapshot, subjects: list[records.Subject], exhibits: dict[str, Exhibit],
             together: list[Block], undecided: frozenset[str]) -> list[Block]:
    blocks: list[Block] = [Heading(say("document.found"))]
    if not subjects:
        return [*blocks, Text(say("document.no_subject"))]
    blocks += together
    for subject in subjects:
        left_out = report_texts.DECIDED if subject.id in undecided else ()
        said = [f for f in exhibits[subject.id].findings if f.kind not in left_out]
        if not said:
            continue  # its own p-values are not to be relied on; the table above has how near the model came
        if len(subjects) > 1:
            blocks.append(Heading(subject.name, 3))
        for finding in said:
            blocks += _said(found, finding)
        blocks += several_tests(found, subject) if any(f.kind in report_texts.DECIDED for f in said) else []
    return [*blocks, Text(say("document.shows")), Text(say("document.cannot"))]


def _said(found: Snapshot, finding: Finding) -> list[Block]:
    """One finding with the model that it speaks of."""
    model = model_words(found, finding.replay_id)
    blocks: list[Block] = []
    headline = texts_of("document.headline").get(finding.kind)
    if headline:
        blocks.append(Text(headline, "lead"))
    said = retold(finding.statement)
    said = say("document.model_said", model=model, statement=said) if model else said
    return [*blocks, Text(said, "finding"), Text(retold(finding.error_rate), "note")]


def _together(found: Snapshot) -> tuple[list[Block], frozenset[str]]:
    """What the case's tested works say as a set, and the subjects to which that leaves no p-value."""
    ranking = portfolio_of(found)
    if ranking is None or len(ranking.rows) < 2:
        return [], frozenset()
    blocks: list[Block] = [Heading(say("document.all_works_together"), 3), Text(ranking.statement, "finding"),
                           Text(" ".join(ranking.limits), "note")]
    without = [r.work for r in ranking.rows if r.p is None]
    if without:
        rows = tuple((w.name, localised(f"{w.value:.3f}"), wording.number(w.effort.tries)) for w in without)
        head = report_texts.head("together", score=SCORES[Policy.score].label)
        blocks += [Text(say("document.not_together")), Table(head, rows, wide=(0,))]
    return blocks, without_p(ranking)


def _controls(found: Snapshot) -> list[Block]:
    blocks: list[Block] = [Heading(say("document.controls_heading"))]
    results: list[ControlResults] = found.records(ControlResults)
    if not results:
        return [*blocks, Text(say("document.no_controls_run"))]
    rows = []
    for one in results:
        values = sorted(one.values)
        rows.append((one.source, wording.number(len(values)), wording.number(one.effort_each.tries),
                     say("document.spread", least=values[0], most=values[-1], median=values[len(values) // 2]),
                     SCORES[one.score].label if one.score in SCORES else one.score, one.model_fingerprint[:12]))
    return [*blocks, Text(say("document.controls")), Table(report_texts.head("controls"), tuple(rows), wide=(0, 3))]


def _limits(exhibits: dict[str, Exhibit]) -> list[Block]:
    said = dict.fromkeys(retold(line) for e in exhibits.values() for f in e.findings for line in f.limits)
    every = tuple(said) or wording.limits("not_run")
    similar = say("limit.similar")
    return [Heading(say("document.limits")), Bullets(every if similar in every else (*every, similar))]


def _methods() -> list[Block]:
    return [Heading(say("document.done")), Bullets(report_texts.listed("how")),
            Heading(say("document.read_words"), 3),
            Table(report_texts.head("words"), report_texts.reading(), wide=(1,)),
            Heading(say("document.sources"), 3), Bullets(report_texts.listed("source"))]


def _appendix(found: Snapshot, subjects: list[records.Subject], exhibits: dict[str, Exhibit], *,
              full: bool) -> list[Block]:
    blocks: list[Block] = [PageBreak(), Heading(say("document.appendix")), Heading(say("document.record"), 3),
                           Text(say("document.unsealed"))]
    kinds = tuple((_words(kind), wording.number(n)) for kind, n in sorted(found.kinds.items()))
    blocks.append(Table(report_texts.head("kinds"), kinds, wide=(0,)))
    blocks += [Heading(say("document.recipes_hashes_closest"), 3), Text(say("document.recipes"), "note")]
    for subject in subjects:
        best = exhibits[subject.id].best
        if best is not None:
            blocks += [Text(say("document.replay_environment", subject=subject.name, replay=best.id,
                                environment=best.environment_sha256 or say("document.not_recorded")), "note"),
                       Code(_json(best.recipe))]
            blocks.append(Code(_json({"image": best.image_sha256, **best.hashes})))
    environments = found.records(Environment)
    if environments:
        blocks += [Heading(say("document.where_pictures_made"), 3)]
        blocks += [Code(_json({"environment": e.id, **e.facts})) for e in environments]
    for subject in subjects:
        blocks += _prompts(found, subject)
        blocks += _every_try(found, subject) if full else []
    return blocks


def _numbered(found: Snapshot, subject: records.Subject) -> dict[str, int]:
    """Every prompt of a subject's replays with its number, in order of first use; then those only planned."""
    planned = [str(text) for plan in found.plans(subject.id) if "prompt" in plan.settings
               for text in (plan.settings["prompt"], *plan.settings.get("more_prompts", ()))]
    used = [r.recipe.prompt for r in found.made(subject.id)]
    return {text: i for i, text in enumerate(dict.fromkeys((*used, *planned)), 1)}


def _prompts(found: Snapshot, subject: records.Subject) -> list[Block]:
    """Every prompt that was tried, by its number."""
    replays = Counter(r.recipe.prompt for r in found.made(subject.id))
    rows = tuple((str(i), text or say("document.none"), wording.number(replays[text]))
                 for text, i in _numbered(found, subject).items())
    if not rows:
        return []
    return [Heading(say("document.prompts_tried", subject=subject.name), 3),
            Text(say("document.prompts"), "note"), Table(report_texts.head("prompts"), rows, wide=(1,))]


def _words(kind: str) -> str:
    """A record's name in words: "search plan" for "SearchPlan"."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind).lower()


def _json(value: object) -> str:
    return json.dumps(records.to_json(value), indent=1, sort_keys=True, ensure_ascii=False)


def _every_try(found: Snapshot, subject: records.Subject, most: int = 400) -> list[Block]:
    """A table of every replay of a subject, in the order of trying; the closest `most` if there are more."""
    replays = found.made(subject.id)
    if not replays:
        return []
    names = [n for n in ("tiled_l2", "ssim", "psnr", "clip_cosine") if any(n in r.closeness for r in replays)]
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

