"""Our sampler against plain diffusers on one model: images a second, and whether the images are the same.

    python tests/benchmarks/bench_sampler.py [--model world] [--seeds 64] [--steps 0] [--threads 2] [--store]
    python tests/benchmarks/bench_sampler.py --stored

(a) diffusers called one seed at a time, (b) diffusers at its best batch, (c) ours at its best batch; all
with the same prompt, scheduler, guidance and per-image generators, decoding included. Rounds alternate
between the three, medians are compared. The last line is JSON.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import torch
from diffusers.models.attention_processor import AttnProcessor2_0

from explorer.diffusion.families.shared_text import SharedTextProcessor
from explorer.diffusion.models import Model, load_model
from explorer.diffusion.sampling import sample
from explorer.diffusion.schedulers import build_scheduler
from explorer.records import Recipe
from tests.benchmarks.stored import add_options, conclude, stored

BATCHES = (4, 8, 16, 32)
Images = dict[int, np.ndarray]  # seed -> final latents (c, h, w)


def recipes(model: Model, seeds: Sequence[int], args: argparse.Namespace) -> list[Recipe]:
    size = model.info.default_size_px
    return [Recipe(model.ref, args.prompt, seed, args.steps or model.info.default_steps,
                   model.info.default_guidance, args.scheduler, size, size) for seed in seeds]


def ours(model: Model, wanted: Sequence[Recipe], batch: int) -> Images:
    found = {}
    for first in range(0, len(wanted), batch):
        for image in sample(model, wanted[first:first + batch]):
            found[image.recipe.seed] = image.latents
    return found


def plain(model: Model, wanted: Sequence[Recipe], batch: int) -> Images:
    """Diffusers' own call; the last step's latents are kept by its callback, the pixels are made as well."""
    found, pipe = {}, model.pipe
    pipe.scheduler = build_scheduler(wanted[0].scheduler, model.scheduler_config)

    def keep(pipe, step, timestep, values):
        found["latents"] = values["latents"]
        return values
    images = {}
    for first in range(0, len(wanted), batch):
        part = wanted[first:first + batch]
        pipe([r.prompt for r in part], guidance_scale=part[0].guidance, num_inference_steps=part[0].steps,
             width=part[0].width_px, height=part[0].height_px, callback_on_step_end=keep,
             generator=[torch.Generator("cpu").manual_seed(r.seed) for r in part])
        images |= dict(zip([r.seed for r in part], found["latents"].float().cpu().numpy(), strict=True))
    return images


def timed(run: Callable[[], Images]) -> tuple[float, Images]:
    began = time.perf_counter()
    images = run()
    return time.perf_counter() - began, images


def best_batch(run: Callable[[Sequence[Recipe], int], Images], wanted: Sequence[Recipe], name: str) -> int:
    speeds = {}
    for batch in (b for b in BATCHES if b <= len(wanted)):
        seconds, _ = timed(lambda batch=batch: run(wanted[:batch], batch))
        speeds[batch] = batch / seconds
        print(f"{name}, batch {batch}: {speeds[batch]:.2f} images/s", flush=True)
    return max(speeds, key=speeds.get)


def as_diffusers_has_it(source: str) -> Model:
    """The same weights with diffusers' own attention processors."""
    model = load_model(source, device="cpu")
    for module in model.pipe.unet.modules():
        if isinstance(getattr(module, "processor", None), SharedTextProcessor):
            module.set_processor(AttnProcessor2_0())
    return model


def main(args: argparse.Namespace) -> None:
    torch.set_num_threads(args.threads)
    model, peer = load_model(args.model, device="cpu"), as_diffusers_has_it(args.model)
    wanted = recipes(model, range(args.seeds), args)
    few = wanted[:max(2, args.seeds // 4)]
    ours(model, few[:2], 2), plain(peer, few[:2], 2)  # warm
    our_batch = best_batch(lambda r, b: ours(model, r, b), wanted, "ours")
    peer_batch = best_batch(lambda r, b: plain(peer, r, b), wanted, "diffusers")
    rates: dict[str, list[float]] = {"single": [], "batch": [], "ours": []}
    worst = 0.0
    for turn in range(args.rounds):
        s1, one = timed(lambda: plain(peer, few, 1))
        s2, many = timed(lambda: plain(peer, wanted, peer_batch))
        s3, mine = timed(lambda: ours(model, wanted, our_batch))
        for name, rate in (("single", len(few) / s1), ("batch", len(wanted) / s2), ("ours", len(wanted) / s3)):
            rates[name].append(rate)
        worst = max([worst, *(float(np.abs(mine[s] - many[s]).max()) for s in mine),
                     *(float(np.abs(mine[s] - one[s]).max()) for s in one)])
        print(f"round {turn + 1}: " + ", ".join(f"{n} {r[-1]:.2f}" for n, r in rates.items()) + " images/s",
              flush=True)
    middle = {name: statistics.median(found) for name, found in rates.items()}
    conclude("bench_sampler", {
        "speedup_over_single": round(middle["ours"] / middle["single"], 3),
        "speedup_over_batch": round(middle["ours"] / middle["batch"], 3), "max_abs_diff": worst,
        "images_per_s": round(middle["ours"], 3), "batch": our_batch, "diffusers_batch": peer_batch,
        "steps": wanted[0].steps, "scheduler": args.scheduler, "threads": args.threads, "seeds": args.seeds},
             args)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="world")
    parser.add_argument("--seeds", type=int, default=64)
    parser.add_argument("--steps", type=int, default=0, help="0: the model's default")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--scheduler", default="euler")
    parser.add_argument("--prompt", default="clip art of a red sailing boat on the sea")
    add_options(parser)
    given = parser.parse_args()
    print(stored("bench_sampler")) if given.stored else main(given)
