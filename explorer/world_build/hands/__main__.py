"""`python -m explorer.world_build.hands`: data and long trainings of the world by several hands, stage by stage."""

from __future__ import annotations

import argparse
import importlib
import json
import math
import sys
from pathlib import Path

from explorer.world.files import DEFAULT_SOURCE, open_world, write_json

STAGES = ("data", "derived", "clip", "unet", "flow", "publish", "rule", "recognise", "check", "draws")


def main(arguments: list[str] | None = None) -> int:
    """Runs one stage and prints its facts as JSON."""
    parser = argparse.ArgumentParser(prog="python -m explorer.world_build.hands")
    parser.add_argument("stage", choices=STAGES)
    parser.add_argument("--out", type=Path, required=True, help="the world's folder")
    parser.add_argument("--cache", type=Path, required=True, help="checkpoints, logs, drawn works")
    parser.add_argument("--draw", type=int, default=1)
    parser.add_argument("--sets", type=Path, help="unpacked npm packages (fetched there if missing)")
    parser.add_argument("--source", type=Path, default=DEFAULT_SOURCE, help="the clip-art packages' folder")
    parser.add_argument("--start", type=Path, help="world whose autoencoder, words and strangers are gone on from")
    parser.add_argument("--minutes", type=float, default=math.inf, help="of this run")
    parser.add_argument("--decay-steps", type=int, default=0, help="last run: so many steps while the rate falls")
    parser.add_argument("--other", type=Path, nargs=2, action="append", default=[],
                        metavar=("OUT", "CACHE"), help="another draw, for the stage draws")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or auto")
    parser.add_argument("--threads", type=int, default=0)
    options = parser.parse_args(arguments)
    print(json.dumps(_run(options)))
    return 0


def _run(options: argparse.Namespace) -> dict:
    world, start = open_world(options.out, options.cache), open_world(options.start)
    if options.stage == "data":
        return _data(world, start, options)
    if options.stage == "derived":
        from explorer.world_build.hands import after

        return after.build(world, options.sets or options.cache / "sets")
    import torch

    from explorer.world_build.training import pick_device

    if options.threads:
        torch.set_num_threads(options.threads)
    if options.stage in ("publish", "rule", "recognise", "check", "draws"):
        return _after_training(world, options)
    module = importlib.import_module(f"{__package__}.train_{options.stage}")
    return module.train(world, options.cache, minutes=options.minutes, decay_steps=options.decay_steps,
                        start=start.diffusion, device=pick_device(options.device))


def _data(world, start, options: argparse.Namespace) -> dict:
    from explorer.world_build.hands import one_draw, pool, sets

    kept = options.cache / "pool.parquet"
    options.cache.mkdir(parents=True, exist_ok=True)
    if not kept.exists():
        folder = options.sets or options.cache / "sets"
        sets.fetch(folder)
        pool.gather(folder, options.source, _say).save(kept)
    return one_draw.build(world, pool.load(kept), options.draw, one_draw.strangers_of(start))


def _say(name: str, share: float, message: str) -> None:
    print(f"{name} {share:.0%} {message}", file=sys.stderr)


def _after_training(world, options: argparse.Namespace) -> dict:
    from explorer.world_build import rule
    from explorer.world_build.hands import ask_instruments, dose_check, train_clip, train_flow, train_unet
    from explorer.world_build.training import pick_device

    device = pick_device(options.device)
    if options.stage == "rule":
        return rule.choose(world)
    if options.stage == "draws":
        from explorer.world_build.hands import draws_together

        others = [(open_world(out, cache), cache) for out, cache in options.other]
        found = draws_together.together([(world, options.cache), *others])
        write_json(world.root / "draws.json", found)
        return found
    if options.stage == "recognise":
        return ask_instruments.recognised(world, options.cache, device=device)
    if options.stage == "check":
        return dose_check.check(world, options.cache, _say, device=device)
    found = {}
    for name, module in (("unet", train_unet), ("flow", train_flow), ("clip", train_clip)):
        if (checkpoint := options.cache / f"{name}.pt").exists():
            found[name] = module.publish(world, checkpoint)
    return found


if __name__ == "__main__":
    sys.exit(main())
