"""The notice of experiments: an agreed plan as a sheet that is printed, served and signed; HTML or PDF."""

from __future__ import annotations

from explorer.evidence.agreed_plan import AgreedPlan, SignedPlan
from explorer.evidence.incidence_words import percent
from explorer.records.scores import SCORES
from explorer.report.blocks import Block, Document, Heading, Table, Text
from explorer.report.html import html_bytes
from explorer.texts import localised, say


def write_notice(signed: SignedPlan, *, kind: str = "html") -> bytes:
    """The sheet's bytes; `kind` is "html" or "pdf"."""
    document = notice_document(signed)
    if kind == "html":
        return html_bytes(document)
    from explorer.report.pdf import pdf_bytes
    return pdf_bytes(document)


def notice_document(signed: SignedPlan) -> Document:
    """The sheet as blocks: what is to be shown, on what, with what, how, and who agreed to it."""
    plan = signed.plan
    time = max((s.time for s in signed.signatures), default="")
    blocks: list[Block] = [Heading(say("notice.title"), 1), Text(plan.question, "lead"), *plan_blocks(signed),
                           Heading(say("notice.not_shown")), Text(say("notice.limits"))]
    return Document(say("notice.title"), say("notice.foot", sha=plan.sha256), time or "1970-01-01T00:00:00Z",
                    tuple(blocks))


def plan_blocks(signed: SignedPlan) -> list[Block]:
    """What a plan fixes, and by whom it is signed; also a part of the case's report."""
    plan = signed.plan
    blocks: list[Block] = [Heading(say("notice.tested"), 3)]
    if plan.works:
        blocks.append(Table(report_head("works"), tuple((str(i), sha) for i, sha in enumerate(plan.works, 1)),
                            wide=(1,)))
    if plan.populations:
        blocks.append(Table(report_head("populations"), tuple(
            (p.name, localised(f"{p.prompts:,}"), localised(f"{p.drawn:,}") if p.drawn else say("notice.left_open"),
             p.sha256) for p in plan.populations), wide=(3,)))
    blocks += [Heading(say("notice.models"), 3), *unknown_versions(plan),
               Table(report_head("models"), tuple(
                   (m.name, m.fingerprint or say("notice.unknown_cell")) for m in plan.models), wide=(1,)),
               Heading(say("notice.method"), 3), Table(("", ""), _method(plan), wide=(1,)),
               Heading(say("notice.signatures"), 3), Text(say("notice.hash", sha=plan.sha256))]
    rows = tuple((s.name, s.time, s.public_key) for s in signed.signatures)
    if not rows:
        return [*blocks, Text(say("notice.unsigned"), "finding")]
    return [*blocks, Table(report_head("signatures"), rows, wide=(2,)), Text(say("notice.names"), "note")]


def unknown_versions(plan: AgreedPlan) -> list[Block]:
    """Printed large, for each model whose version nobody knows: what comes of it can be said of no version."""
    unknown = [m.name for m in plan.models if not m.fingerprint]
    if not unknown:
        return []
    return [Heading(say("notice.unknown"), 1),
            Text(say("notice.unknown_text", names=", ".join(unknown)), "finding")]


def report_head(name: str) -> tuple[str, ...]:
    """The head of one of the sheet's tables."""
    return tuple(say(f"notice_head.{name}").split("|"))


def _method(plan: AgreedPlan) -> tuple[tuple[str, str], ...]:
    effort, score = plan.effort, SCORES[plan.score].label if plan.score in SCORES else plan.score
    values = (
        say("notice.effort", seeds=effort.seeds, steps=effort.steps, scheduler=effort.scheduler,
            guidance=", ".join(f"{g:g}" for g in effort.guidance), width=effort.width_px, height=effort.height_px),
        ", ".join(f"{s:g}" for s in effort.strengths),
        _rule(plan, score),
        percent(plan.level), _controls(plan),
        ", ".join(percent(x) for x in plan.looks), plan.notes)
    return tuple((k, v) for k, v in zip(report_head("method"), values, strict=True) if v)


def _rule(plan: AgreedPlan, score: str) -> str:
    rule = say("notice.rule", score=score, limit=f"{plan.near_copy:g}")
    return f"{rule}; {say('notice.margin', margin=f'{plan.margin:g}')}" if plan.margin else rule


def _controls(plan: AgreedPlan) -> str:
    if not plan.control_works and not plan.controls:
        return ""
    return say("notice.controls", n=plan.control_works, words=plan.controls, sha=plan.controls_sha256 or "–")
