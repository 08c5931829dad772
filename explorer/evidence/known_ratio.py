"""The likelihood ratios of a test of familiarity, from the stored benchmark of works whose truth is known."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from explorer.evidence.finding_ratio import FindingRatios, FlagCount, ReferenceRates, ratios_of
from explorer.familiarity.familiarity_plan import PLANS
from explorer.familiarity.records import FamiliarityTest, KnownControls
from explorer.familiarity.stored import stored
from explorer.findings.finding import WORLD_SOURCE
from explorer.findings.wording import number
from explorer.records import Neighbour
from explorer.texts import say

BENCHMARK = Path("results") / "bench_familiarity.json"  # below the world's folder
NAMED = 3  # nearest works
MADE_AFTER = ("derived", "doubles")  # kinds of work that were not seen, though something near them was


def known_ratios(root: Path, test: FamiliarityTest, controls: KnownControls | None) -> FindingRatios | None:
    """The ratios of a test with a p-value among the world's controls; None where no rates were measured for it."""
    if controls is None or controls.source != WORLD_SOURCE or "p" not in test.finding.numbers:
        return None
    rates = known_rates(root, test.words, plan=test.plan, model_fingerprint=controls.model_fingerprint)
    return ratios_of(rates, p=test.finding.numbers["p"], position=0.0) if rates else None


def known_rates(root: Path, words: str, *, plan: str, model_fingerprint: str) -> ReferenceRates | None:
    """How often works of each kind were flagged at p <= .05 with these words, of those that were given a p-value.

    None for another model, plan or world than the benchmark ran on.
    """
    derived = stored(root)
    if words not in PLANS or PLANS[words].id != plan or derived.get("model_fingerprint") != model_fingerprint:
        return None
    try:
        found = json.loads((root / BENCHMARK).read_text("utf-8"))
        unseen = {kind: _count(one) for kind, one in found["by_source"][words]["flagged_at_5"].items()}
        seen = {copies: _count(one["flagged_at_5"]) for copies, one in found["by_multiplicity"][words].items()}
        made = found["made"][words]
        if made["world"] != derived["world"]:
            return None
        date, by_copies = str(made["date"]), dict(sorted(seen.items(), key=lambda one: int(one[0])))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return ReferenceRates(plan, model_fingerprint, date, by_copies,
                          {k: c for k, c in unseen.items() if k not in MADE_AFTER},
                          {k: c for k, c in unseen.items() if k in MADE_AFTER})


def one_like_it(root: Path, test: FamiliarityTest, controls: KnownControls | None,
                nearest: Sequence[Neighbour]) -> str:
    """What a familiar picture may be taken for: its nearest works by name, and how often pictures made after
    well-known works were said to be known too, where that was measured. "" for any other finding.
    """
    if test.finding.kind != "familiarity_known":
        return ""
    first = sorted(nearest, key=lambda work: -work.similarity)[:NAMED]
    named = "; ".join(say("aside.familiarity.work", title=work.title or say("document.untitled"),
                          creator=work.creator or say("document.unnamed_creator"),
                          similarity=f"{work.similarity:.2f}") for work in first)
    told = [say("aside.familiarity.nearest", works=named) if named else say("aside.familiarity.no_nearest")]
    found = known_ratios(root, test, controls)
    if found is not None and "derived" in found.rates.derived:
        after = found.rates.derived["derived"]
        told.append(say("aside.familiarity.made_after", works=number(after.works), flagged=number(after.flagged),
                        date=found.rates.date))
    return " ".join(told)


def _count(rate: dict[str, Any]) -> FlagCount:
    return FlagCount(int(rate["works"]), round(rate["share"] * rate["works"]))
