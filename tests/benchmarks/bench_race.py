"""The seed race on the bundled world: how much work it saves, how often it drops the best, and its neighbours.

    python tests/benchmarks/bench_race.py --calibrate [--minutes 25]    # tuning works; writes the calibration
    python tests/benchmarks/bench_race.py [--minutes 25] [--only race]  # subjects that it was not made on
                                          [--store | --stored]

`--calibrate` runs every seed of the tuning works and writes `assets/world/race.json`, which searches then keep
to. Without it the stored calibration is used; without one, rough checkpoints with no limit. All results go to a
folder: a run that was ended, or whose minutes were over, goes on where it stopped and takes in what is there (take
`short*` and `race*` away where short replays have changed).
A guided step counts as two evaluations. `--subjects 6 --seeds 32` is a small run. `--store` keeps the figures of
the parts that ran beside those of earlier runs; "closer" runs "race" as well. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import torch

from explorer.diffusion.models import Model, load_model
from explorer.search.traces import Trace
from explorer.world.files import default_cache, open_world
from explorer.world.manifest import read_manifest
from tests.benchmarks.race_calibration import calibrate, keep_judged
from tests.benchmarks.race_judge import judge, setup_of
from tests.benchmarks.race_parts import closer_gain, mean_interval
from tests.benchmarks.race_ray import ray_figures
from tests.benchmarks.race_seeds import recovery
from tests.benchmarks.race_works import Settings, Work, chosen, file_of, kept_json
from tests.benchmarks.stored import RESULTS, add_options, conclude, stored

NAME = "bench_race"
PARTS = ("race", "closer", "recovery", "ray")
KEYS = ("subjects", "seeds", "eval_ratio", "recall", "wall_speedup_over_diffusers", "loss_predicted", "loss_seen",
        "closer_gain", "recovered", "seed_false_claims", "seeds_scanned_per_s", "ray_same_ranking",
        "ray_speed_ratio")


def closer(model: Model, works: list[Work], traces: list[Trace], settings: Settings,
           args: argparse.Namespace) -> dict[str, Any]:
    """Steps around the best seed against as much spent on new seeds, for `--closer` of the subjects."""
    budget = args.budget or max(8, args.seeds // 4)
    steps = [kept_json(file_of(model, w, settings, f"closer{budget}"),
                       lambda w=w, t=t: closer_gain(model, w, int(t.closeness.argmin()), settings, budget))
             for w, t in list(zip(works, traces, strict=False))[:args.closer]]
    mean, low, high = mean_interval([s["gain"] for s in steps])
    return {"closer_gain": round(mean, 5), "closer_low": round(low, 5), "closer_high": round(high, 5),
            "closer_subjects": len(steps), "closer_budget": budget}


def with_nulls(found: dict[str, Any], *, folder: Path = RESULTS) -> dict[str, Any]:
    """`found` with null for each key that is neither in it nor in the stored result, whose figures stay."""
    path = folder / f"{NAME}.json"
    before = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    return {key: None for key in KEYS if key not in before} | found


def measured(model: Model, settings: Settings, parts: set[str], args: argparse.Namespace) -> dict[str, Any]:
    """The figures of these parts, and of no others."""
    works = chosen(read_manifest(open_world()), count=args.subjects, calibrate=False)
    found: dict[str, Any] = {}
    if "race" in parts:
        figures, traces = judge(model, works, settings)
        found |= figures
        if "closer" in parts:
            found |= closer(model, works, traces, settings, args)
    if "recovery" in parts:
        found |= recovery(model, works, settings, hidden=args.hidden, foreign=args.foreign, seeds=args.range)
    if "ray" in parts:
        found |= ray_figures(model, works[-1], settings, seeds=args.ray)
    return found


def main(args: argparse.Namespace) -> None:
    torch.set_num_threads(args.threads)
    began = time.monotonic()
    model = load_model("world", device=args.device)
    args.folder.mkdir(parents=True, exist_ok=True)
    settings = Settings(args.seeds, args.steps, args.guidance or model.info.default_guidance, args.scheduler,
                        args.batch, args.folder, began + 60 * args.minutes)
    parts = set(args.only.split(",") if args.only else PARTS)
    parts |= {"race"} if "closer" in parts else set()
    if args.calibrate:
        found = calibrate(model, settings, tuning=args.tuning, allowed=args.allowed)
    else:
        found = measured(model, settings, parts, args)
        found = with_nulls(found) if args.store else dict.fromkeys(KEYS) | found
    conclude(NAME, found | {"minutes": round((time.monotonic() - began) / 60, 2)}, args, parts=sorted(parts))
    if args.store and "lost" in found:
        keep_judged(setup_of(model, settings), works=found["subjects"], lost=found["lost"])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calibrate", action="store_true")
    parser.add_argument("--only", default="", help=f"parts, with commas between: {', '.join(PARTS)}")
    parser.add_argument("--subjects", type=int, default=60)
    parser.add_argument("--seeds", type=int, default=256)
    parser.add_argument("--steps", type=int, default=20, help="of a whole replay")
    parser.add_argument("--guidance", type=float, default=0.0, help="0: the model's default")
    parser.add_argument("--scheduler", default="euler")
    parser.add_argument("--minutes", type=float, default=1e6, help="no new trace is begun after that")
    parser.add_argument("--tuning", type=int, default=180, help="works to calibrate on")
    parser.add_argument("--allowed", type=float, default=0.05, help="share of works whose best a plan may lose")
    parser.add_argument("--closer", type=int, default=18, help="subjects for the steps around a seed")
    parser.add_argument("--budget", type=int, default=0, help="replays for the steps around a seed")
    parser.add_argument("--hidden", type=int, default=100)
    parser.add_argument("--foreign", type=int, default=1000)
    parser.add_argument("--range", type=int, default=1_000_000)
    parser.add_argument("--ray", type=int, default=64, help="seeds of the search on a Ray cluster")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--folder", type=Path, default=default_cache() / "race")
    add_options(parser)
    given = parser.parse_args()
    if given.store and given.calibrate:
        parser.error("--calibrate writes a file of its own")
    print(stored(NAME)) if given.stored else main(given)
