"""A report's annexes: how it was done, the measurements, everything tried, recipes, and the record."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence

from explorer import records
from explorer.cases.snapshot import Snapshot
from explorer.cases.view import CaseView
from explorer.findings import wording
from explorer.findings.finding import ControlResults
from explorer.records import Environment, Replay, Subject
from explorer.records.race_records import RaceRound, RaceSetup, short_effort
from explorer.records.scores import SCORES, shown
from explorer.report import drawings, report_texts
from explorer.report.blocks import Annex, Block, Bullets, Code, Figure, Heading, Table, Text
from explorer.report.chosen import Exhibit
from explorer.report.claims_part import claims_blocks
from explorer.report.incidence_part import sheets_part
from explorer.report.tries import prompts_tried, tries_table
from explorer.texts import say
from explorer.texts.retell import retold


def annexes_of(found: Snapshot, subjects: Sequence[Subject], exhibits: Mapping[str, Exhibit], *, score: str,
               full: bool, brief: bool) -> tuple[Annex, ...]:
    """The annexes in order; every try only if `full`, the measurements of each work in short if `brief`."""
    measured = [b for s in subjects for b in _measured(found, s, exhibits[s.id], score=score, brief=brief)]
    tried = [b for s in subjects for b in (*prompts_tried(found, s), *(tries_table(found, s) if full else ()))]
    tried += sheets_part(found) if full else []
    parts = (("method", _method()), ("measured", [*measured, *_controls(found)]), ("tried", tried),
             ("recipes", _recipes(found, subjects, exhibits)), ("record", _record(found)))
    kept = [(name, blocks) for name, blocks in parts if blocks]
    return tuple(Annex(say("annex.title", letter=chr(ord("A") + place), what=say(f"annex.{name}")), tuple(blocks))
                 for place, (name, blocks) in enumerate(kept))


def _method() -> list[Block]:
    return [Text(say("document.intro")), Bullets(report_texts.listed("how")),
            Heading(say("document.read_words"), 3),
            Table(report_texts.head("words"), report_texts.reading(), wide=(1,)),
            Heading(say("document.sources"), 3), Bullets(report_texts.listed("source"))]


def _measured(found: Snapshot, subject: Subject, exhibit: Exhibit, *, score: str, brief: bool) -> list[Block]:
    """What was measured on one subject, and what its file says of itself."""
    blocks: list[Block] = [Heading(say("document.subject_heading", name=subject.name), 3), *_identity(subject),
                           *claims_blocks(found, subject)]
    if exhibit.best is None or brief:
        return blocks
    tries = found.tries(subject.id, score=score)
    return [*blocks, *_scores(exhibit.best), *_searches(found, subject), Heading(say("document.went"), 3),
            Figure(drawings.race(tries, score), say("document.closeness_in_order", n=len(tries)),
                   say("document.every_replay_order"))]


def _identity(subject: Subject) -> list[Block]:
    values = (subject.sha256, subject.format,
              say("document.pixels", width=subject.width_px, height=subject.height_px),
              report_texts.named("origin", subject.origin), "; ".join(map(retold, subject.notes)), subject.caption)
    rows = [(k, v) for k, v in zip(report_texts.head("identity"), values, strict=True) if v]
    return [Table(("", ""), tuple(rows), wide=(1,))]


def _scores(best: Replay) -> list[Block]:
    rows = []
    for name, info in SCORES.items():
        if name in best.closeness:
            span = say(f"document.range_{info.better}", low=info.low, high=info.high)
            rows.append((info.label, shown(name, best.closeness[name]), span, info.plain, info.blind_to))
    return [Heading(say("document.closeness_replay"), 3),
            Table(report_texts.head("scores"), tuple(rows), wide=(3, 4))]


def _searches(found: Snapshot, subject: Subject) -> list[Block]:
    """Every search with its plan, and whether that was logged before the first replay."""
    rows = []
    for plan in found.plans(subject.id):
        seq, time = found.began.get(plan.id, (0, ""))
        first = found.first_replay.get(plan.id)
        made = found.count_replays(search_id=plan.id)
        when = "document.planned_before" if first is None or seq < first else "document.planned_after"
        others = len(plan.settings.get("more_prompts", ()))
        more = say("document.more_see_appendix", others=others) if others else ""
        rows.append((plan.id, say(when, time=time[:16].replace("T", " ")), wording.number(plan.planned_tries),
                     wording.number(made), f"{plan.settings.get('prompt', '')}{more}",
                     report_texts.model_name(plan.model, short=True)))
    table = [Table(report_texts.head("plans"), tuple(rows), wide=(4,))] if rows else []
    return [Heading(say("document.searches_they_planned"), 3), *_raced(found, subject), *table]


def _raced(found: CaseView, subject: Subject) -> list[Block]:
    """What races dropped, and how likely that cost the closest."""
    dropped = short_effort(found.records(RaceRound, subject_id=subject.id)).tries
    limits = [s.loss_upper for s in found.records(RaceSetup, subject_id=subject.id)]
    if not dropped:
        return []
    risk = say("document.likely_dropped_closest")
    if None not in limits:
        risk = say("document.chance_dropped_closest", most=max(limits))
    return [Text(say("document.tries_fell_behind", dropped=wording.number(dropped), risk=risk))]


def _controls(found: Snapshot) -> list[Block]:
    blocks: list[Block] = [Heading(say("document.controls_heading"), 3)]
    results: list[ControlResults] = found.records(ControlResults)
    if not results:
        return [*blocks, Text(say("document.no_controls_run"))]
    rows = []
    for one in results:
        values = sorted(one.values)
        rows.append((retold(one.source), wording.number(len(values)), wording.number(one.effort_each.tries),
                     say("document.spread", least=values[0], most=values[-1], median=values[len(values) // 2]),
                     SCORES[one.score].label if one.score in SCORES else one.score, one.model_fingerprint[:12]))
    return [*blocks, Text(say("document.controls")), Table(report_texts.head("controls"), tuple(rows), wide=(0, 3))]


def _recipes(found: Snapshot, subjects: Sequence[Subject], exhibits: Mapping[str, Exhibit]) -> list[Block]:
    blocks: list[Block] = [Text(say("document.recipes"), "note")]
    for subject in subjects:
        best = exhibits[subject.id].best
        if best is not None:
            blocks += [Text(say("document.replay_environment", subject=subject.name, replay=best.id,
                                environment=best.environment_sha256 or say("document.not_recorded")), "note"),
                       Code(_json({"recipe": best.recipe, "image": best.image_sha256, **best.hashes}))]
    environments = found.records(Environment)
    if environments:
        blocks += [Heading(say("document.where_pictures_made"), 3)]
        blocks += [Code(_json({"environment": e.id, **e.facts})) for e in environments]
    return blocks


def _record(found: Snapshot) -> list[Block]:
    entry, mark = found.head()
    facts = tuple(zip(report_texts.head("record"), (found.id, say("document.entry", entry=entry, hash=mark)),
                      strict=True))
    counts = Counter({_words(kind): n for kind, n in found.kinds.items()})
    kinds = tuple((kind, wording.number(n)) for kind, n in sorted(counts.items()))
    return [Table(("", ""), facts, wide=(1,)), Text(say("document.unsealed")),
            Table(report_texts.head("kinds"), kinds, wide=(0,))]


def _words(kind: str) -> str:
    """A record's name in words: "search plan" for "SearchPlan"."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind).lower()


def _json(value: object) -> str:
    return json.dumps(records.to_json(value), indent=1, sort_keys=True, ensure_ascii=False)
