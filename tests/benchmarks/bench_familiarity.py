"""Whether the model knows a picture, and a body of work: what the test of familiarity is worth on the world.

    python -m tests.benchmarks.bench_familiarity [--sources caption,recovered] [--share 1] [--draw WORLD]
                                                [--harder FOLDER] [--store | --stored]

`WORLD` is a second draw's folder, from `python -m explorer world build --draw 2 --out WORLD`; with `--sources ""`
the crossover alone is measured. `FOLDER` is the world by several hands (`familiarity_harder`). Controls are those
of the world's familiarity.json (`python -m explorer world familiarity`). Lines are kept in the world's cache, so a
stopped run goes on. The last line is the result as JSON.
"""

from __future__ import annotations

import argparse
import json
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from explorer.diffusion.denoising import latents_of
from explorer.diffusion.models import Model, load_model
from explorer.familiarity.body_of_work import judge_set, kinship, power
from explorer.familiarity.familiarity_plan import PLANS, Plan
from explorer.familiarity.judge import excesses
from explorer.familiarity.records import KnownControls
from explorer.familiarity.stored import least_first_loss, seen_excesses, world_controls
from explorer.findings.control_fit import check_subject, control_distances
from explorer.findings.features import features
from explorer.statistics import auc_interval, rank_p_value, share_interval, tpr_at_fpr
from explorer.world.files import World, open_world
from explorer.world.manifest import read_manifest
from explorer.world_build.familiarity_scores import NamedPicture, familiarity_lines, sign_lines
from explorer.world_build.familiarity_world import WorkWords, shown, works_of
from tests.benchmarks import familiarity_baselines as others
from tests.benchmarks.familiarity_crossover import crossover
from tests.benchmarks.familiarity_groups import HARD, chosen, hard, made_by_another, made_by_model
from tests.benchmarks.familiarity_harder import harder
from tests.benchmarks.stored import store, stored

NAME = "bench_familiarity"
SEEN = ("1", "4", "16", "64", "256")
SETS, WORKS_IN_SET = 200, (5, 10, 20, 50)
OTHERS = {"held_out": 40, "1": 40, "4": 20, "16": 20, "64": 10, "256": 10}  # works for the costly baselines


def main() -> None:
    """Measures, prints a line as it goes, and the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sources", default="caption,recovered,fitted")
    parser.add_argument("--share", type=float, default=1.0, help="of each group's works")
    parser.add_argument("--made", type=int, default=40, help="pictures to make from words; half as many a strength")
    parser.add_argument("--draw", type=Path, help="folder of the world's second draw, for the crossover")
    parser.add_argument("--harder", type=Path, help="folder of the world by several hands, with its weights")
    parser.add_argument("--store", action="store_true")
    parser.add_argument("--stored", action="store_true", help="prints the last stored result and measures nothing")
    args = parser.parse_args()
    if args.stored:
        print(stored(NAME))
        return
    torch.set_grad_enabled(False)
    sources = [name for name in args.sources.split(",") if name]
    result = run(open_world(), sources=sources, share=args.share, made=args.made, draw=args.draw,
                 beside=args.harder)
    if args.store:
        store(NAME, with_kept(result), parts=[*sources, *(["crossover"] if args.draw else []),
                                               *(["harder"] if args.harder else [])])
    print(json.dumps(result, sort_keys=True))


def with_kept(result: dict[str, Any]) -> dict[str, Any]:
    """A run of some sources of words beside the stored ones of others."""
    try:
        kept = json.loads(stored(NAME))
    except FileNotFoundError:
        return result
    by_source = {key: kept.get(key, {}) | result[key] for key in ("by_multiplicity", "evaluations", "by_source")}
    return result | by_source


def run(world: World, *, sources: Sequence[str], share: float, made: int,
        draw: Path | None = None, beside: Path | None = None) -> dict[str, Any]:
    """All figures of these sources of words, and of the other worlds whose folders are given."""
    model, rows = load_model("world", device="cpu"), read_manifest(world)
    folder = world.cache / "familiarity"
    words = WorkWords(world, rows, folder=folder)
    result: dict[str, Any] = {"by_multiplicity": {}, "evaluations": {}, "by_source": {}}
    for source in sources:
        one = Source(world, model, source, chosen(rows, source, share=share), words, folder)
        result["by_multiplicity"][source] = one.by_multiplicity()
        result["evaluations"][source] = PLANS[source].evaluations()
        result["by_source"][source] = {**one.flagged(), "sets": one.sets(), "works": one.works(),
                                       "controls": len(one.controls.values)}
        print(source, json.dumps(result["by_multiplicity"][source]), flush=True)
        if source == "caption":
            result |= {key: result["by_source"][source][key] for key in ("flagged_at_1", "flagged_at_5", "sets")}
            result["made_by"] = made_by(world, model, one, chosen(rows, source), made, folder)
            result["baselines"] = baselines(one)
    if draw:
        result |= {"crossover": crossover(world, model, draw, folder), "second_draw": second_draw(draw, folder)}
    if beside:
        result["harder"] = harder(beside, folder)
    return result


def second_draw(draw: Path, folder: Path) -> dict[str, Any]:
    """How another draw's model tells its own members from its own held-out works, with captions; by copies."""
    world, plan = open_world(draw), PLANS["caption"]
    rows, model = read_manifest(world), load_model(str(world.diffusion), device="cpu")
    words = WorkWords(world, rows, folder=folder)
    shown = {name: works_of(world, part, plan, words) for name, part in chosen(rows, "caption").items()}
    lines = familiarity_lines(model, [w for part in shown.values() for w in part], plan, folder=folder)
    values = {name: np.array([lines[w.name]["value"] for w in part]) for name, part in shown.items()}
    return {n: separation(values[n], values["held_out"]) for n in (*SEEN, "strangers")}


class Source:
    """One source of words on the test works: scores, excesses over what features predict, p-values."""

    def __init__(self, world: World, model: Model, source: str, groups: dict[str, list[dict]], words: WorkWords,
                 folder: Path) -> None:
        self.world, self.model, self.groups = world, model, groups
        self.plan: Plan = PLANS[source]
        found = world_controls(world.root, self.plan, model_fingerprint=model.ref.fingerprint)
        if found is None:
            raise SystemExit(f"no controls for {source}: run `python -m explorer world familiarity` first")
        self.controls: KnownControls = found
        self.shown = {name: works_of(world, part, self.plan, words) if part else []
                      for name, part in groups.items()}
        if source == "caption":
            self.shown |= {name: hard(world, name) for name in HARD}
        self.lines = familiarity_lines(model, [w for part in self.shown.values() for w in part], self.plan,
                                       folder=folder)
        self.spread = control_distances(self.controls.features)
        self.theirs = excesses(self.controls.values[0], self.controls.features[0], self.controls)[1]
        self.told = {w.name: features(w.rgb if name in HARD else shown(world, groups[name][i]),
                                      caption=w.words[0])
                     for name, part in self.shown.items() for i, w in enumerate(part)}
        self.excess = {name: np.array([self._excess(w) for w in part]) for name, part in self.shown.items()}
        self.p = {name: np.array([self.p_of(w.name, self.told[w.name], e) for w, e in zip(part, self.excess[name],
                                                                                          strict=True)])
                  for name, part in self.shown.items()}

    def _excess(self, work: NamedPicture) -> float:
        return excesses(self.lines[work.name]["value"], self.told[work.name], self.controls)[0]

    def p_of(self, name: str, told: dict[str, float], excess: float) -> float:
        """The rank p-value as the app gives it; 2 where controls do not fit and none is given."""
        fits = check_subject(told, self.controls.features, distances=self.spread).fits
        return rank_p_value(excess, self.theirs) if fits else 2.0

    def by_multiplicity(self) -> dict[str, Any]:
        return {n: separation(self.excess[n], self.excess["held_out"]) | {
            f"flagged_at_{level}": share_at(self.p[n], level / 100) for level in (1, 5)} for n in SEEN
            if len(self.excess[n])}

    def flagged(self) -> dict[str, Any]:
        names = [name for name in ("held_out", "strangers", *HARD) if len(self.p.get(name, ()))]
        return {f"flagged_at_{level}": {name: share_at(self.p[name], level / 100) for name in names}
                for level in (1, 5)}

    def works(self) -> dict[str, int]:
        return {name: len(part) for name, part in self.shown.items()}

    def sets(self) -> dict[str, Any]:
        """Shares of random sets of test works that the set rule notices, and of one-artist sets of unseen works."""
        kin = kinship(self.theirs, self.controls.artists)
        found: dict[str, Any] = {"artists_share_of_variance": kin.shared, "control_artists": len(kin.artists),
                                 "one_artist": self._one_artist_sets(kin)}
        for size in WORKS_IN_SET:
            row = {"0": self._noticed("held_out", size, kin), "1": self._noticed("1", size, kin),
                   "4": self._noticed("4", size, kin)}
            false = row["0"]
            found[str(size)] = {n: {"power_at_1": share, "false_at_1": false} for n, share in row.items()}
        seen = seen_excesses(self.world.root, self.plan, model_fingerprint=self.model.ref.fingerprint).get("1", ())
        found["curve_for_one_artist_at_5"] = {
            str(size): power(kin, seen, size, level=0.05, one_artist=True) for size in (*WORKS_IN_SET, 12)} \
            if seen else {}
        return found

    def _noticed(self, group: str, size: int, kin: Any) -> dict[str, float] | None:
        values, artists = self.excess[group], np.array([row["creator"] for row in self.groups[group]])
        if len(values) < size:
            return None  # not as many works
        draw = np.random.default_rng([size, zlib.crc32(group.encode())])
        hits = 0
        for number in range(SETS):
            pick = draw.choice(len(values), size, replace=False)
            hits += judge_set(values[pick], artists[pick], kin, seed=number).p <= 0.01
        interval = share_interval(hits, SETS)
        return {"share": interval.value, "low": interval.low, "high": interval.high, "sets": SETS,
                "works": len(values), "artists": len(set(artists))}

    def _one_artist_sets(self, kin: Any) -> dict[str, Any]:
        """Held-out works, an artist's all together where there are five at least: each artist is one set."""
        artists = np.array([row["creator"] for row in self.groups["held_out"]])
        names, counts = np.unique(artists, return_counts=True)
        p = [judge_set(self.excess["held_out"][artists == name], [name] * count, kin).p
             for name, count in zip(names, counts, strict=True) if count >= min(WORKS_IN_SET)]
        return {f"false_at_{level}": share_at(np.array(p), level / 100) for level in (1, 5)}


def separation(positives: np.ndarray, negatives: np.ndarray) -> dict[str, float]:
    area = auc_interval(positives, negatives)
    return {"auc": area.value, "low": area.low, "high": area.high, "works": len(positives),
            **{f"tpr_at_{level}": tpr_at_fpr(positives, negatives, fpr=level / 100) for level in (1, 5)}}


def share_at(p: np.ndarray, level: float) -> dict[str, float]:
    """The share of p-values that are at most `level`, of those that were given."""
    given = p[p <= 1]
    found = share_interval(int((given <= level).sum()), len(given))
    return {"share": found.value, "low": found.low, "high": found.high, "works": len(given)}


def made_by(world: World, model: Model, one: Source, groups: dict[str, list[dict]], each: int,
            folder: Path) -> dict[str, Any]:
    """Pictures that the model made, and drawings: who is recognised, who wrongly, who is still said to be known."""
    pictures = made_by_model(model, world, groups["held_out"], each=each)
    others_own = made_by_another(world, groups["held_out"], each=each)
    least = least_first_loss(world.root, model_fingerprint=model.ref.fingerprint)
    drawings = {"held_out": one.shown["held_out"], "strangers": one.shown["strangers"],
                "members": [w for n in SEEN for w in one.shown[n]],
                "members_64_and_256": [w for n in ("64", "256") for w in one.shown[n]]}
    loss = sign_lines(model, [w for part in (*pictures.values(), *drawings.values(), others_own) for w in part],
                      folder=folder)

    def taken(part: Sequence[NamedPicture]) -> dict[str, float]:
        return shares(sum(loss[w.name] < least for w in part), len(part))

    def known(part: Sequence[NamedPicture]) -> dict[str, float]:
        """Of all, those that are not taken for the model's own and are said to be known."""
        left = [w for w in part if loss[w.name] >= least]
        lines = familiarity_lines(model, left, one.plan, folder=folder)
        told = {w.name: features(w.rgb, caption=w.words[0]) for w in left}
        p = [one.p_of(w.name, told[w.name], excesses(lines[w.name]["value"], told[w.name], one.controls)[0])
             for w in left]
        return shares(sum(value <= 0.05 for value in p), len(part))

    every = [w for part in pictures.values() for w in part]
    return {"false_known": known(every), "recognised": taken(every),
            "recognised_by_kind": {name: taken(part) for name, part in pictures.items()},
            "false_made": {name: taken(part) for name, part in drawings.items()},
            "another_model": {"model": "hands", "false_known": known(others_own), "false_made": taken(others_own)},
            "first_loss_below": least}


def shares(hits: int, count: int) -> dict[str, float]:
    found = share_interval(hits, count)
    return {"share": found.value, "low": found.low, "high": found.high, "works": count}


def baselines(one: Source) -> dict[str, Any]:
    """Plain loss, CLiD with the empty text in place of shortened ones, PIA and SecMI; by multiplicity."""
    plain = {n: [one.lines[w.name] for w in one.shown[n]] for n in ("held_out", *SEEN)}
    without, steps = len(one.plan.times) * one.plan.noises, len(one.plan.times)
    told = {"loss_with_words": lambda line: -np.exp(_with(line)).mean(),
            "loss_without_words": lambda line: -np.exp(np.array(line["plain"])).mean(),
            "clid": lambda line: (np.exp(np.array(line["plain"])) - np.exp(_with(line))).mean()}
    spent = {"loss_with_words": without, "loss_without_words": without, "clid": 2 * without}
    found = {name: _figures({n: np.array([score(line) for line in part]) for n, part in plain.items()}, spent[name])
             for name, score in told.items()}
    few = {n: one.shown[n][:most] for n, most in OTHERS.items()}
    latents = {n: latents_of(one.model, [w.rgb for w in part]) for n, part in few.items()}
    for name, score, cost in (("pia", others.pia, others.PIA_EVALUATIONS),
                              ("secmi", others.secmi, others.SECMI_EVALUATIONS)):
        scores = {n: score(one.model, latents[n], [w.words[0] for w in part]) for n, part in few.items()}
        found[name] = _figures(scores, cost)
        print(name, json.dumps(found[name]), flush=True)
    return found | {"times": steps}


def _with(line: dict[str, Any]) -> np.ndarray:
    """(times,) log error with the words."""
    return np.array(line["plain"]) - np.array(line["gaps"][0])


def _figures(scores: dict[str, np.ndarray], evaluations: int) -> dict[str, Any]:
    return {"evaluations": evaluations,
            "by_multiplicity": {n: separation(scores[n], scores["held_out"]) for n in SEEN if len(scores[n])}}


if __name__ == "__main__":
    main()
