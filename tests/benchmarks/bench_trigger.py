"""What searching for words from the picture is worth on the world: seeds under words found, and under an embedding.

    python -m tests.benchmarks.bench_trigger [--members 20] [--held-out 40] [--controls 40] [--minutes 60] [--store]
    python -m tests.benchmarks.bench_trigger --curve [--store]      # DoRI's: who replicates, against steps
    python -m tests.benchmarks.bench_trigger --tuning               # the tuning works, while a plan is being chosen
    python -m tests.benchmarks.bench_trigger --stored

Every work gets as many network evaluations, all in all, as bench_findings gives it with recovered prompts and with
its own caption; a gradient step counts three times. The statistic is that of the measured test: the logarithm of
the closest tiled distance less what such a picture lets one expect (by the stored controls' expectation). Wrong
flags come from ranks among "control" works put through the same search. `recovered` and `caption` are read from the
stored result of bench_findings. Results of single works are kept, so that a run goes on. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from explorer.diffusion.models import load_model
from explorer.findings.controls import world_controls
from explorer.findings.features import features, rivals
from explorer.findings.finding import ControlResults
from explorer.findings.rates import FILE
from explorer.records import to_json
from explorer.records.policy import Policy
from explorer.search.trigger_controls import FILE as CONTROLS
from explorer.search.trigger_controls import WordsControls, plan_id
from explorer.search.trigger_plan import PLAN
from explorer.statistics import auc_interval, rank_p_value, share_interval, tpr_at_fpr
from explorer.world.files import World, default_cache, open_world, write_json
from explorer.world.manifest import load_small, read_manifest
from tests.benchmarks.stored import made_by, store, stored
from tests.benchmarks.trigger_works import CONTROL, HELD_OUT, MULTIPLICITIES, STRANGER, Searches, Work, works

NAME = "bench_trigger"
CURVE = (0, 10, 20, 50, 100, 200)  # steps of the embedding


def judge(found: Sequence[tuple[Work, dict[str, Any]]], world: World, controls: ControlResults) -> dict[str, Any]:
    """The figures of the works that are done."""
    rows = {row["id"]: row["image"] for row in read_manifest(world)}
    pictures = load_small(world.root, [rows[name] for name in controls.names])
    place = {name: n for n, name in enumerate(controls.names)}
    groups = np.array([work.group for work, _ in found])
    told = [features(work.rgb, caption=result["recovered"]) | rivals(work.rgb, pictures,
                                                                     leave_out=place.get(work.id, -1))
            for work, result in found]
    result = {"works": {g: int((groups == g).sum()) for g in dict.fromkeys(groups.tolist())}}
    for key, way in (("by_multiplicity", "fitted"), ("words", "words")):
        score = np.array([controls.expectation.excess(r[way], t, better="lower")
                          for (_, r), t in zip(found, told, strict=True)])
        result[key] = by_multiplicity(score, groups)
        result["flagged_at_5" if way == "fitted" else "words_flagged_at_5"] = flagged(score, groups)
        result["evaluations" if way == "fitted" else "words_evaluations"] = round(
            float(np.mean([r[f"{way}_evaluations"] for _, r in found])), 1)
        result[f"{way}_median"] = {g: round(float(np.median([r[way] for w, r in found if w.group == g])), 4)
                                   for g in result["works"]}
    result["bits"] = {"median": float(np.median([r["bits"] for _, r in found])),
                      "most": max(r["bits"] for _, r in found)}
    return result


def by_multiplicity(score: np.ndarray, groups: np.ndarray) -> dict[str, Any]:
    """AUC with its interval and TPR at 1% of each multiplicity against the held-out works; higher is closer."""
    negatives, found = score[groups == HELD_OUT], {}
    for name in (n for n in MULTIPLICITIES if (groups == n).any() and len(negatives)):
        area = auc_interval(score[groups == name], negatives)
        found[name] = {"auc": round(area.value, 4), "low": round(area.low, 4), "high": round(area.high, 4),
                       "tpr_at_1": round(tpr_at_fpr(score[groups == name], negatives), 4)}
    return found


def flagged(score: np.ndarray, groups: np.ndarray) -> dict[str, Any]:
    """Share of each group with p ≤ .05 among the control works; none where there are too few of those."""
    theirs = score[groups == CONTROL].tolist()
    if len(theirs) < 19:
        return {}
    found = {}
    for name in dict.fromkeys(groups[groups != CONTROL].tolist()):
        p = np.array([rank_p_value(float(s), theirs) for s in score[groups == name]])
        share = share_interval(int((p <= 0.05).sum()), len(p))
        found[name] = {"share": round(share.value, 4), "low": round(share.low, 4), "high": round(share.high, 4),
                       "works": len(p)}
    return found


def from_findings(world: World) -> dict[str, Any]:
    """Recovered prompts and own captions as bench_findings measured them, at as many evaluations, on all works."""
    told = json.loads((world.root / FILE).read_text("utf-8"))
    return {key: {n: {"auc": round(told[part]["by_multiplicity"][n]["auc"], 4),
                      "tpr_at_1": round(told[part]["by_multiplicity"][n]["tpr_at_1_fpr"], 4)}
                  for n in MULTIPLICITIES}
            for key, part in (("recovered", "blind"), ("caption", "true_caption"))} | {
        "recovered_and_caption_from": f"bench_findings of {told['date']}, {told['blind']['unet_evaluations']} "
                                      "evaluations a work"}


def keep_controls(world: World, found: Sequence[tuple[Work, dict[str, Any]]], searches: Searches) -> None:
    """Writes what page Replay shows beside the words found."""
    own = [result for work, result in found if work.group == CONTROL]
    if own:
        words, fitted = (tuple(round(r[way], 6) for r in own) for way in ("words", "fitted"))
        kept = WordsControls(searches.model.ref.fingerprint, plan_id(searches.plan), made_by()["date"],
                             searches.total, words, fitted)
        write_json(world.root / CONTROLS, to_json(kept))


def curve(searches: Searches, chosen: Sequence[Work], world: World, *, until: float) -> dict[str, Any]:
    """The share of works of each group that come back as a near copy under an embedding of so many steps."""
    near, taken = json.loads((world.root / "near_copy.json").read_text("utf-8"))["absolute"], searches.plan
    found: dict[str, dict[str, Any]] = {}
    for steps in CURVE:
        plan = replace(taken, steps=steps)
        total = plan.looking + plan.fitting + 4 * 2 * searches.policy.steps  # four seeds at least at every step
        at = Searches(searches.model, world, read_manifest(world), plan, total=total, folder=searches.folder)
        done = list(at.all(chosen, until=until))
        for name in dict.fromkeys(w.group for w, _ in done):
            hits = [r["fitted"] < near for w, r in done if w.group == name]
            found.setdefault(name, {})[str(steps)] = {"share": round(sum(hits) / len(hits), 4), "works": len(hits)}
    return {"curve": found}


def main(args: argparse.Namespace) -> None:
    if args.stored:
        print(stored(NAME))
        return
    torch.set_num_threads(args.threads)
    until = time.monotonic() + 60 * args.minutes
    world, model = open_world(), load_model("world", device=args.device)
    rows, policy = read_manifest(world), Policy()
    searches = Searches(model, world, rows, PLAN, total=policy.effort().unet_evaluations, folder=args.folder)
    if args.curve:
        chosen = works(world, rows, {HELD_OUT: args.each, "64": args.each}, tuning=args.tuning)
        result, part = curve(searches, chosen, world, until=until), "curve"
    else:
        counts = {n: args.members if n in ("4", "16") else args.few for n in MULTIPLICITIES}
        counts |= {HELD_OUT: args.held_out} | ({} if args.tuning else {CONTROL: args.controls,
                                                                       STRANGER: args.strangers})
        done = list(searches.all(works(world, rows, counts, tuning=args.tuning), until=until))
        controls = world_controls(world.root, policy, model_fingerprint=model.ref.fingerprint)
        result, part = judge(done, world, controls) | from_findings(world), "whole"
    if args.store and not args.tuning:
        store(NAME, result, parts=(part,))
        if part == "whole":
            keep_controls(world, done, searches)
    print(json.dumps(result, sort_keys=True))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--members", type=int, default=20, help="works seen 4 and 16 times, each")
    parser.add_argument("--few", type=int, default=8, help="works seen once, 64 and 256 times, each")
    parser.add_argument("--held-out", type=int, default=40)
    parser.add_argument("--controls", type=int, default=40)
    parser.add_argument("--strangers", type=int, default=0)
    parser.add_argument("--each", type=int, default=6, help="works of each group for the curve")
    parser.add_argument("--minutes", type=float, default=1e6, help="no work is begun after that")
    parser.add_argument("--curve", action="store_true")
    parser.add_argument("--tuning", action="store_true")
    parser.add_argument("--store", action="store_true")
    parser.add_argument("--stored", action="store_true")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--folder", type=Path, default=default_cache() / "trigger")
    main(parser.parse_args())
