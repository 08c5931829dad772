"""From a bank's values to what is told of a finding: wrong flags by complexity, ratios, shopping, sets, derived.

Everything is judged by the app's own functions; controls are judged each by the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from explorer.evidence.finding_ratio import FlagCount, ReferenceRates, fit_and_judge
from explorer.evidence.likelihood import ratio_of_shares
from explorer.findings.control_fit import check_subject, control_distances
from explorer.findings.features import features, rivals
from explorer.findings.finding import ControlResults
from explorer.findings.looks import Looks, earlier
from explorer.findings.portfolio import WorkResult, rank_portfolio
from explorer.findings.ranking import COMPLEXITY, comparable, excesses, position
from explorer.records import Effort
from explorer.search.fit_size import fit
from explorer.statistics import flags_chance, rank_p_value
from tests.benchmarks import findings_measure as measure
from tests.benchmarks.findings_bank import Bank

MANY = ("64", "256", "64_captions", "64_images")
COPIES = ("1", "4", "16", "64", "256", "64_captions", "64_images")
CAPTIONS = 20
NO_P = 2.0


def left_out(controls: ControlResults) -> tuple[np.ndarray, np.ndarray]:
    """(n,) p-values and positions of the controls, each ranked among all the others; p is 2 where none is given."""
    spread = np.array(control_distances(controls.features))
    p, places = [], []
    for i, (value, found) in enumerate(zip(controls.values, controls.features, strict=True)):
        rest = without(controls, {i})
        mine, theirs = excesses(value, found, rest)
        places.append(position(mine, theirs))
        fits = check_subject(found, rest.features, distances=np.delete(spread, i).tolist()).fits
        p.append(rank_p_value(mine, theirs) if fits and comparable(found, rest) else NO_P)
    return np.array(p), np.array(places)


def without(controls: ControlResults, places: set[int]) -> ControlResults:
    """The controls but those at `places`."""
    keep = [i for i in range(len(controls.values)) if i not in places]

    def of(values: Sequence) -> tuple:
        return tuple(values[i] for i in keep) if values else ()

    return replace(controls, names=of(controls.names), values=of(controls.values), features=of(controls.features),
                   bits=of(controls.bits))


def by_fifth(controls: ControlResults, p: np.ndarray, level: float = 0.05) -> list[dict[str, float]]:
    """Wrong flags of the controls by fifths of complexity, the simplest first."""
    order = np.argsort([f[COMPLEXITY] for f in controls.features], kind="stable")
    return [measure.flagged(p[part], level) for part in np.array_split(order, 5)]


def spread_rules(values: np.ndarray, found: Sequence[dict[str, float]], controls: ControlResults, *,
                 splits: int = 30, seed: int = 0) -> dict[str, dict]:
    """Wrong flags of unseen works with controls brought to one spread, and as it was before, by fifths too.

    `controls_split`: shares at p <= .05 of a quarter of the controls ranked among the others, over random splits:
    what the rule does with works drawn as the controls were.
    """
    edges = np.quantile([f[COMPLEXITY] for f in controls.features], (0.2, 0.4, 0.6, 0.8))
    fifth = np.digitize([f[COMPLEXITY] for f in found], edges)
    told = {}
    for name, rule in (("one_spread", True), ("before", False)):
        p = measure.p_values(values, found, controls, one_spread=rule)
        told[name] = {f"flagged_at_{n}": measure.flagged(p, n / 100) for n in (1, 5)} | {
            "by_fifth": [measure.flagged(p[fifth == k], 0.05) for k in range(5)],
            "controls_split": _split(controls, edges, one_spread=rule, splits=splits, seed=seed)}
    return told


def _split(controls: ControlResults, edges: np.ndarray, *, one_spread: bool, splits: int, seed: int) -> dict:
    draw, every = np.random.default_rng(seed), len(controls.values)
    fifth = np.digitize([f[COMPLEXITY] for f in controls.features], edges)
    hits, works = np.zeros(5), np.zeros(5)
    for _ in range(splits):
        some = draw.permutation(every)[:every // 4]
        rest = without(controls, set(some.tolist()))
        for i in some:
            p = rank_p_value(*excesses(controls.values[i], controls.features[i], rest, one_spread=one_spread))
            hits[fifth[i]] += p <= 0.05
            works[fifth[i]] += 1
    return {"share": float(hits.sum() / works.sum()), "by_fifth": (hits / works).tolist(), "splits": splits}


def reference(subjects: measure.Subjects, p: np.ndarray, places: np.ndarray, controls: ControlResults,
              own: tuple[np.ndarray, np.ndarray], *, date: str, derived: dict[str, FlagCount]) -> ReferenceRates:
    """The rates that ratios rest on; `own` are the controls' p and positions, each ranked by the rest.

    The controls, exchangeable with other held-out works, are unseen works of the continuous ratio too. Counted,
    they give the level itself but for refusals, and so stand beside the others under a name of their own.
    """
    groups = subjects.groups
    unseen = {"held_out": _counted(p[groups["test"]]), "strangers": _counted(p[groups["stranger"]]),
              "controls": _counted(own[0])}
    every = np.concatenate([groups["test"], groups["stranger"]])
    at = np.concatenate([places[every][p[every] <= 1], own[1][own[0] <= 1]])
    seen = {name: groups[name] for name in COPIES if len(groups[name])}
    seen["64_or_more"] = np.concatenate([groups[name] for name in MANY])
    fitted = {name: fit_and_judge(places[rows][p[rows] <= 1], at) for name, rows in seen.items()}
    return ReferenceRates(controls.policy, controls.model_fingerprint, date,
                          {name: _counted(p[rows]) for name, rows in seen.items()},
                          {k: v for k, v in unseen.items() if v.works}, derived,
                          {name: one for name, one in fitted.items() if one is not None})


def _counted(p: np.ndarray) -> FlagCount:
    return FlagCount(len(p), int((p <= 0.05).sum()))


def ratio_table(rates: ReferenceRates) -> dict[str, dict[str, float]]:
    """The ratio of a flag at p <= .05 against held-out works and strangers, by copies in training."""
    others = [rates.unseen[kind] for kind in ("held_out", "strangers") if kind in rates.unseen]
    works, flagged = (sum(getattr(c, name) for c in others) for name in ("works", "flagged"))
    table = {}
    for name, seen in rates.seen.items():
        if seen.flagged or flagged:
            found = ratio_of_shares(seen.flagged, seen.works, flagged, works)
            table[name] = {"value": found.value, "low": found.low, "high": _finite(found.high), "works": seen.works,
                           "unseen_works": works, "bounded": found.bounded}
    return table


def _finite(limit: float) -> float | None:
    """None for a limit that JSON cannot hold: there is none."""
    return limit if np.isfinite(limit) else None


def calibration(p: np.ndarray, groups: dict[str, np.ndarray], *, controls: int) -> dict[str, dict[str, float]]:
    """For each level and unseen group the chance of so many wrong flags or more in one bank (beta-binomial)."""
    found = {}
    for level in (0.01, 0.05):
        for name, part in (("held_out", "test"), ("strangers", "stranger")):
            given = p[groups[part]][p[groups[part]] <= 1]
            hits = int((given <= level).sum())
            found[f"{name}_at_{round(100 * level)}"] = {
                "flagged": hits, "given": len(given),
                "chance": flags_chance(hits, len(given), controls=controls, level=level) if len(given) else 1.0}
    return found


def derived(subjects: measure.Subjects, bank: Bank, prompts: list[str], pictures: np.ndarray,
            controls: ControlResults, changes: dict[str, Callable]) -> tuple[dict, dict[str, FlagCount]]:
    """Works seen 64 and 256 times, changed, tested in place of themselves: flagged at p <= .05, by change."""
    told, counted = {}, {}
    for name in measure.STRONG:
        rows, every, told[name] = subjects.groups[name], [], {}
        for change, alter in changes.items():
            shown = {i: alter(subjects.shown[i]) for i in rows}
            small = np.stack([fit(shown[i], height_px=64, width_px=64) for i in rows])
            values = measure.closest(small, bank.of(rows))
            found = [features(shown[i], caption=prompts[i]) | rivals(shown[i], pictures) for i in rows]
            p = measure.p_values(values, found, controls)
            told[name][change] = measure.flagged(p, 0.05)
            every.append(p)
        counted[f"derived_{name}"] = _counted(np.concatenate(every))
    return told, counted


def caption_shopping(subjects: measure.Subjects, bank: Bank, captions: list[str], pictures: np.ndarray,
                     controls: ControlResults, likeness: np.ndarray) -> dict[str, float]:
    """Twenty captions are tried first, and the one that brings the picture closest to standing out is then given.

    The captions are those of the works that CLIP finds most alike to the picture, and its own; the replays are the
    bank's. `uncounted` is what would be flagged were the choice not seen; `share` is what is flagged as the app
    counts it: a caption that was written down after a replay gives no p-value. `likeness` (n, n) is of picture to
    caption.
    """
    unseen = np.concatenate([subjects.groups["test"], subjects.groups["stranger"]])
    counted, uncounted = [], []
    for i in unseen:
        order = [int(j) for j in np.argsort(-likeness[i]) if j != i][:CAPTIONS - 1]
        tried = [int(i), *order]
        values = measure.closest(np.stack([subjects.small[i]] * len(tried)), bank.of(np.array(tried)))
        found = [features(subjects.shown[i], caption=captions[j]) | rivals(subjects.shown[i], pictures)
                 for j in tried]
        p = measure.p_values(values, found, controls)
        best = int(p.argmin())
        looks = Looks(captions={captions[i]: "2026-01-01"}, first_replay="2026-01-02")
        late = earlier(looks, (controls.policy, controls.id, captions[tried[best]]), search_id="q",
                       model=controls.model_fingerprint).caption_late
        uncounted.append(p[best] <= 0.05)
        counted.append(p[best] <= 0.05 and not late)
    return {**measure.share(np.array(counted)), "captions": CAPTIONS,
            "uncounted": measure.share(np.array(uncounted))}


def one_artist_sets(controls: ControlResults, artists: Sequence[str], *, fewest: int = 5) -> dict:
    """Sets of control works by one artist, ranked among the controls by others as a portfolio is.

    `p_given`: to most works of how many sets p-values are given; `false_at_5`: of the works that have one.
    """
    given, p = [], []
    for artist in sorted(set(artists)):
        places = [i for i, a in enumerate(artists) if a == artist]
        if len(places) < fewest:
            continue
        works = [WorkResult(controls.names[i], controls.names[i], controls.values[i], "", Effort(),
                            controls.features[i]) for i in places]
        rows = rank_portfolio(works, without(controls, set(places))).rows
        mine = [r.p for r in rows if r.p is not None]
        given.append(2 * len(mine) > len(rows))
        p += mine
    return {"p_given": measure.share(np.array(given)), "false_at_5": measure.share(np.array(p) <= 0.05)}
