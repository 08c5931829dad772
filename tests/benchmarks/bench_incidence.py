"""Incidence: do the limits hold, does stratifying pay, is an altered plan found, does anything for counsel leak?

The truth is a table of every prompt with every seed of three populations (`incidence_table.py`; its numbers lie
beside the results). Plans are drawn from it with the program's own draws and estimated with its own estimates; no
replay is made anew.

    python -m tests.benchmarks.bench_incidence --table FOLDER   # a folder that incidence_table.py has filled
    python -m tests.benchmarks.bench_incidence                  # from the stored table
    python -m tests.benchmarks.bench_incidence --stored         # prints the last result
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from explorer.evidence.draws import (
    LIKELY,
    LIKELY_SAMPLE,
    OTHER,
    Draw,
    likely_strata,
    simple_draw,
    stratified_draw,
    weighted_draw,
    weights_by_rank,
)
from explorer.evidence.incidence import Estimate, spending, zero_limit
from explorer.evidence.incidence_records import Drawn
from explorer.evidence.incidence_results import due, estimated
from explorer.evidence.near_works import Near, nearness
from explorer.statistics import share_interval
from explorer.world.files import open_world
from explorer.world.near_copy import NearCopyRule
from tests.benchmarks import incidence_table, stored
from tests.benchmarks.incidence_leaks import leaked
from tests.benchmarks.incidence_plans import altered_plans

NAME = "bench_incidence"
TABLE = stored.RESULTS / "incidence_table.npz"
PLANS = 2_000
SHARE_DRAWN = 0.3  # of a population, a plan
ZERO_SAMPLES = (10, 20, 40)  # prompts a plan, where limits without a hit are asked
RARE = 0.005
LOOKS = (0.5, 1.0)
DESIGNS = ("simple", "stratified", "weighted", "sequential")
ENOUGH = 0.08  # width of limits at which a sequential plan ends early
Tables = dict[str, dict[str, np.ndarray]]


def tables(folder: Path | None) -> Tables:
    """Population to its table; a folder's is kept beside the results."""
    if folder is not None:
        found = incidence_table.gathered(folder)
        np.savez_compressed(TABLE, **{f"{name}/{key}": value for name, one in found.items()
                                      for key, value in one.items()})
    with np.load(TABLE) as kept:
        names = {key.split("/")[0] for key in kept.files}
        return {name: {key.split("/")[1]: kept[key] for key in kept.files if key.startswith(f"{name}/")}
                for name in sorted(names)}


def rule() -> NearCopyRule:
    """The world's own near-copy rule."""
    value = json.loads(open_world().near_copy.read_text("utf-8"))
    return NearCopyRule(value["absolute"], value["margin"])


def hits_of(table: dict[str, np.ndarray], works: np.ndarray | None = None) -> np.ndarray:
    """(prompts,) near copies of each prompt by the world's rule; only of the works (by number) if given."""
    held = rule().holds(table["near"], table["next"])
    if works is not None:
        held &= np.isin(table["work"], works)
    return held.sum(axis=1)


def scores_of(table: dict[str, np.ndarray], works: np.ndarray | None = None) -> list[float]:
    """The first look's score of each prompt, as the program makes it of one short replay."""
    held, found = rule(), []
    for row in table["look"].astype(np.float64):  # (works,)
        mine = row if works is None else np.where(np.isin(np.arange(len(row)), works), row, np.inf)
        best = int(mine.argmin())
        found.append(nearness(Near("", float(mine[best]), float(np.delete(row, best).min())), held))
    return found


def rare_works(table: dict[str, np.ndarray]) -> np.ndarray:
    """Works, by number, whose near copies are together at most RARE of all replays: those with fewest first."""
    replays = table["work"].size
    numbers, counts = np.unique(table["work"][rule().holds(table["near"], table["next"])], return_counts=True)
    order = np.argsort(counts, kind="stable")
    return numbers[order][np.cumsum(counts[order]) <= RARE * replays]


@dataclass(frozen=True)
class Frame:
    """A population with its truth: `hits` (prompts,) of each prompt, and the first look's `scores`."""

    hits: np.ndarray
    scores: list[float]

    @property
    def share(self) -> float:
        return float(self.hits.mean() / incidence_table.SEEDS)


def made(design: str, frame: Frame, sample: int, seed: str) -> Draw:
    """One drawn plan."""
    if design == "stratified":
        return stratified_draw(likely_strata(frame.scores), sample, seed,
                               shares={LIKELY: LIKELY_SAMPLE, OTHER: 1 - LIKELY_SAMPLE})
    if design == "weighted":
        return weighted_draw(weights_by_rank(frame.scores), sample, seed)
    return simple_draw(len(frame.hits), sample, seed)


def estimate(draw: Draw, hits: np.ndarray, *, share: float = 1.0, confidence: float = 0.95) -> Estimate:
    """What the program says of a drawn plan when `share` of it is through."""
    drawn = Drawn("", "", 0, "", **vars(draw))
    return estimated(drawn, hits[list(due(drawn, share))], incidence_table.SEEDS, size=len(hits),
                     confidence=confidence)


def sequential(draw: Draw, hits: np.ndarray) -> Estimate:
    """A plan that ends at the first look whose limits are close enough."""
    for share, confidence in zip(LOOKS, spending(LOOKS), strict=True):
        found = estimate(draw, hits, share=share, confidence=confidence)
        if (found.high if found.one_sided else found.high - found.low) <= ENOUGH:
            break
    return found


def coverage(frame: Frame, design: str, label: str) -> dict[str, float]:
    """How often limits hold the truth over PLANS drawn plans."""
    sample = round(SHARE_DRAWN * len(frame.hits))
    ask: Callable[[Draw, np.ndarray], Estimate] = sequential if design == "sequential" else estimate
    found = [ask(made(design, frame, sample, f"{label} {n}"), frame.hits) for n in range(PLANS)]
    return _share(sum(e.low <= frame.share <= e.high for e in found), PLANS)


def without_hits(frame: Frame, label: str) -> dict[str, float]:
    """How often a plan does not end without a hit and with a limit below the truth, over plans of several sizes."""
    wrong = none = plans = 0
    for sample in (s for s in ZERO_SAMPLES if s < len(frame.hits)):
        for n in range(PLANS):
            empty = not frame.hits[list(simple_draw(len(frame.hits), sample, f"{label} {sample} {n}").order)].any()
            none += empty
            wrong += empty and zero_limit(sample) < frame.share
            plans += 1
    return _share(plans - wrong, plans) | {"plans_without_hit": none}


def variance(frame: Frame, label: str, *, look_share: float) -> dict[str, float | int | bool | None]:
    """Variance of simple against stratified plans at equal effort: the simple ones get the first look's replays.

    `look_share` is what one replay of the first look takes of a whole one.
    """
    size, seeds = len(frame.hits), incidence_table.SEEDS
    sample = round(SHARE_DRAWN * size)
    look = round(size * look_share / seeds)
    plain = [estimate(made("simple", frame, sample + look, f"{label} s {n}"), frame.hits).share
             for n in range(PLANS)]
    split = [estimate(made("stratified", frame, sample, f"{label} t {n}"), frame.hits).share for n in range(PLANS)]
    spread = float(np.std(split))
    return {"ratio": float(np.var(plain)) / spread ** 2 if spread > 1e-12 else None, "truth": frame.share,
            "mean": float(np.mean(split)), "exact": spread <= 1e-12, "prompts_simple": sample + look,
            "standard_errors_away": abs(float(np.mean(split)) - frame.share) * PLANS ** 0.5 / max(spread, 1e-12),
            "prompts_stratified": sample}


def _share(count: int, of: int) -> dict[str, float]:
    limits = share_interval(count, of)
    return {"value": limits.value, "low": limits.low, "high": limits.high}


def limits(folder: Path | None) -> dict[str, Any]:
    """What is asked of the table."""
    result: dict[str, Any] = {"plans": PLANS, "coverage": {}, "zero_hit_coverage": {}, "rare": {}, "frames": {}}
    for name, table in tables(folder).items():
        some = rare_works(table)
        frames = {name: Frame(hits_of(table), scores_of(table))}
        if len(some):
            frames[f"{name}, rare"] = Frame(hits_of(table, some), scores_of(table, some))
            look_share = float(table.get("look_share", 1.0))  # in the table of 2026-11-30 a look was a whole replay
            result["rare"][name] = variance(frames[f"{name}, rare"], name, look_share=look_share)
        for label, frame in frames.items():
            result["frames"][label] = {
                "prompts": len(frame.hits), "seeds": incidence_table.SEEDS, "hits": int(frame.hits.sum()),
                "prompts_with_hits": int((frame.hits > 0).sum()), "share": frame.share}
            for design in DESIGNS:
                key = label if design == "simple" else f"{label}, {design}"
                result["coverage"][key] = coverage(frame, design, key)
            result["zero_hit_coverage"][label] = without_hits(frame, f"{label} none")
    result["variance_ratio"] = min((r["ratio"] for r in result["rare"].values() if not r["exact"]), default=None)
    return result


def records(_: Path | None) -> dict[str, Any]:
    """What is asked of plans that were altered, and of exports."""
    with tempfile.TemporaryDirectory() as home:
        return altered_plans(Path(home), 100) | leaked(Path(home), 200)


PARTS = {"limits": limits, "records": records}


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--table", type=Path)
    given.add_argument("--part", choices=PARTS, help="only this part; the other keeps its last result")
    given.add_argument("--stored", action="store_true")
    asked = given.parse_args()
    for name, measure in PARTS.items():
        if not asked.stored and asked.part in (None, name):
            stored.store(NAME, measure(asked.table), parts=(name,))
    print(stored.stored(NAME))


if __name__ == "__main__":
    main()
