"""What an incidence plan and its populations are called in sentences, alike on screens and in reports."""

from __future__ import annotations

import math

from explorer.evidence.draws import agreed_seed
from explorer.evidence.incidence import Estimate, zero_limit
from explorer.evidence.incidence_records import NO_MARGIN, Declared, IncidencePlan
from explorer.evidence.incidence_results import IncidenceResult, PopulationResult, no_hit_limit
from explorer.texts import localised, say


def percent(share: float, way: str = "") -> str:
    """A share as per cent with two figures that count; a limit is rounded outwards ("down" or "up")."""
    if share in (0.0, 1.0):
        return localised(f"{share:.0%}")
    digits = max(0, min(4, 1 - math.floor(math.log10(100 * share))))
    scaled = 100 * share * 10 ** digits
    whole = {"up": math.ceil(scaled - 1e-9), "down": math.floor(scaled + 1e-9)}.get(way, round(scaled))
    return localised(f"{whole / 10 ** digits:.{digits}f}%")


def population_name(declared: Declared) -> str:
    """Its name, with who named it."""
    if not declared.side:
        return declared.name
    return say("incidence_said.named_by", name=declared.name, side=declared.side)


def estimate_words(estimate: Estimate) -> str:
    """The share with its limits, or the one-sided limit where there was no hit."""
    level = percent(estimate.confidence)
    if estimate.one_sided:
        return say("incidence_said.none", high=percent(estimate.high, "up"), level=level, prompts=estimate.prompts)
    return say("incidence_said.share", share=percent(estimate.share), low=percent(estimate.low, "down"),
               high=percent(estimate.high, "up"), level=level)


def population_line(part: PopulationResult) -> str:
    """One population's result as one sentence or two; how far it is where no look is due yet."""
    name = population_name(part.declared)
    if part.estimate is None:
        return say("incidence_said.not_due", name=name, done=part.done, planned=part.declared.planned)
    told = say("incidence_said.line", name=name, hits=part.hits, replays=part.replays, size=part.declared.prompts,
               prompts=part.estimate.prompts, estimate=estimate_words(part.estimate))
    return " ".join([told, *notes(part)])


def notes(part: PopulationResult) -> list[str]:
    """What belongs beside a population's share: what was withheld, and what the rule's second part left out."""
    said = [refusals(part)] if part.refused else []
    return [*said, say("incidence_said.second_part", n=part.second_part)] if part.second_part else said


def refusals(part: PopulationResult) -> str:
    """How many replays the model's own checker withheld, and the share without them."""
    share = part.without_refusals
    without = say("incidence_said.no_share") if share is None else percent(share)
    return say("incidence_said.refused", refused=part.refused, hits=part.refused_hits, without=without)


def works_line(found: IncidenceResult, part: PopulationResult) -> str:
    """How many protected works came back, and the limit for each of the others, alone and for all together."""
    return say("incidence_said.works", hit=len(part.works), works=found.plan.works.works,
               high=percent(no_hit_limit(part, found.look.confidence), "up"),
               joint=percent(no_hit_limit(part, found.per_work_limit), "up")) if found.look else ""


def summary_lines(found: IncidenceResult) -> list[str]:
    """What was fixed beforehand, in sentences."""
    plan = found.plan
    lines = [say("incidence_said.plan", id=plan.id, seeds=plan.seeds, steps=plan.steps, scheduler=plan.scheduler,
                 guidance=f"{plan.guidance:g}", width=plan.width_px, height=plan.height_px,
                 print=plan.model.fingerprint[:16]),
             rule_line(plan), say(f"incidence_design.{plan.design}"), *_draw_line(found)]
    if len(plan.looks) > 1:
        lines.append(say("incidence_said.looks", looks=", ".join(percent(x) for x in plan.looks),
                         reached=found.look.number + 1 if found.look else 0))
    if plan.earlier:
        lines.append(say("incidence_said.earlier", n=plan.earlier))
    if plan.elsewhere:
        lines.append(say("incidence_said.elsewhere", n=plan.elsewhere))
    return lines


def _draw_line(found: IncidenceResult) -> list[str]:
    """Who could have drawn again; nothing before anything is drawn."""
    agreed, parts = found.plan.agreed_sha256, [p for p in found.populations if p.drawn]
    bound = agreed and all(p.drawn.seed == agreed_seed(agreed, p.declared.sha256) for p in parts)
    return [say("incidence_said.draw_agreed" if bound else "incidence_said.draw_alone")] if parts else []


def rule_line(plan: IncidencePlan) -> str:
    """Of what a near copy is one, and when."""
    words = {"works": plan.works.works, "others": plan.works.others, "absolute": f"{plan.rule.absolute:g}"}
    if plan.rule.margin == NO_MARGIN:
        return say("incidence_said.rule", **words)
    return say("incidence_said.rule_margin", margin=f"{plan.rule.margin:g}", **words)


def planned_words(prompts: int, confidence: float = 0.95) -> str:
    """What a number of prompts can show if none of them gives a near copy."""
    return say("incidence_said.can_show", prompts=prompts, high=percent(zero_limit(prompts, confidence=confidence),
                                                                        "up"), level=percent(confidence))
