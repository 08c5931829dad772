"""Every family: ours against diffusers' own call, and full-size models with random weights on this computer.

    python tests/benchmarks/bench_families.py [--part tiny|full|sd1|sdxl|sd35] [--stored] [--size 256] [--rounds 5]

`families` {name: {"max_abs_diff", "speedup_over_single"}} on tiny random pipelines: the largest difference of
latents to the pipeline's own call (txt2img and img2img where diffusers has it), and images a second in a batch of
eight over one own call after the other. `own_over_diffusers_time` and `peak_rss_over_diffusers`: a full-size Stable
Diffusion 1.5 of random weights, each run in a process of its own, both in turn, medians. `rehearsal_…`: full-size
models as folder and as single file, one replay each; equal hashes mean that both hold the same model. The last line
is JSON.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import torch

from explorer.diffusion.models import Model
from explorer.diffusion.sampling import sample
from explorer.diffusion.schedulers import build_scheduler
from explorer.records import Recipe
from tests.benchmarks.families_full import build, single_file
from tests.benchmarks.stored import ROOT, store, stored
from tests.diffusion import tiny
from tests.diffusion.families import own, tiny_flows

UNETS = {"sd1": "sd1-kl", "sd2": "sd2-v", "sdxl": "sdxl"}
EIGHT = range(8)
REHEARSED = ("sd1", "sdxl", "sd35")  # Stable Diffusion 1.5, XL, and 3.5 medium without its T5


def own_latents(model: Model, recipe: Recipe, **more: Any) -> np.ndarray:
    """(c, h, w) of the pipeline's own call."""
    if model.family.facts.flow:
        return own.latents(model, recipe, **more)
    pipe = model.pipe
    pipe.scheduler = build_scheduler(recipe.scheduler, model.scheduler_config)
    return pipe(recipe.prompt, num_inference_steps=recipe.steps, guidance_scale=recipe.guidance,
                width=recipe.width_px, height=recipe.height_px, output_type="latent",
                generator=torch.Generator().manual_seed(recipe.seed)).images[0].numpy()


def family(model: Model, recipe: Callable[..., Recipe], rounds: int) -> dict[str, float]:
    """The largest difference over seeds and ways to begin, and the gain of a batch of eight."""
    wanted = [recipe(model, seed=seed, steps=4, scheduler="euler") for seed in EIGHT]
    worst = max(_apart(model, one) for one in wanted)
    if model.family.facts.flow and len(model.family.facts.pipelines) > 1:
        start = np.random.default_rng(0).integers(0, 256, (tiny.SIZE_PX, tiny.SIZE_PX, 3), dtype=np.uint8)
        half = recipe(model, steps=4, scheduler="euler", strength=0.5, start_sha256="0" * 64)
        found = sample(model, [half], start_rgb=start)[0].latents
        worst = max(worst, float(np.abs(found - own_latents(model, half, start=start)).max()))
    times: dict[str, list[float]] = {"single": [], "ours": []}
    for _ in range(rounds):
        times["single"].append(_timed(lambda: [own_latents(model, one) for one in wanted]))
        times["ours"].append(_timed(lambda: sample(model, wanted)))
    gain = statistics.median(times["single"]) / statistics.median(times["ours"])
    return {"max_abs_diff": worst, "speedup_over_single": round(gain, 3)}


def _apart(model: Model, recipe: Recipe) -> float:
    found = sample(model, [recipe])[0].latents
    if model.info.family == "klein":  # hands out the autoencoder's
        found = model.family.raw_of(torch.from_numpy(found)[None])[0].numpy()
    return float(np.abs(found - own_latents(model, recipe)).max())


def _timed(run: Callable[[], Any]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def small(rounds: int) -> dict[str, Any]:
    """Every family on tiny random pipelines."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, variant in UNETS.items():
            found[name] = family(tiny.model(variant, Path(folder) / name), tiny.recipe, rounds)
            print(name, found[name], flush=True)
        for name in tiny_flows.FAMILIES:
            found[name] = family(tiny_flows.model(name, Path(folder) / name), tiny_flows.recipe, rounds)
            print(name, found[name], flush=True)
    return {"families": found}


def child(*words: Any) -> dict[str, Any]:
    """What one run in a process of its own took."""
    done = subprocess.run([sys.executable, "-m", "tests.benchmarks.families_child", *map(str, words)], cwd=ROOT,
                          capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    made = json.loads(done.stdout.strip().splitlines()[-1])
    print(*words[:1], {k: round(v, 2) if isinstance(v, float) else v for k, v in made.items()}, flush=True)
    return made


def full(work: Path, size_px: int, rounds: int, steps: int = 2) -> dict[str, Any]:
    """Stable Diffusion 1.5 at full size: ours over diffusers in time and in memory."""
    source = build("sd1", work / "sd1")
    runs: dict[str, list[dict[str, Any]]] = {"own": [], "diffusers": []}
    for turn in range(rounds):
        for kind in ("own", "diffusers") if turn % 2 == 0 else ("diffusers", "own"):
            runs[kind].append(child(kind, source, size_px, steps))
    middle = {(kind, key): statistics.median(r[key] for r in made) for kind, made in runs.items()
              for key in ("sampled_s", "loaded_s", "peak_rss_gb")}
    return {"own_over_diffusers_time": round(middle["own", "sampled_s"] / middle["diffusers", "sampled_s"], 3),
            "peak_rss_over_diffusers": round(middle["own", "peak_rss_gb"] / middle["diffusers", "peak_rss_gb"], 3),
            "full": {"size_px": size_px, "steps": steps, "rounds": rounds, "threads": torch.get_num_threads(),
                     **{f"{kind}_{key}": round(value, 2) for (kind, key), value in middle.items()}}}


def rehearsal(work: Path, name: str, size_px: int) -> dict[str, Any]:
    """A full-size model loaded as people have it, its weights held in the half precision of its files."""
    made: dict[str, Any] = {"size_px": size_px}
    if name == "sd35":
        folder = build("sd3", work / "sd35_medium", config="sd35_medium")
        made["folder"] = child("own", folder, size_px, 1, "held")
    else:
        folder = build(name, work / name)
        made["folder"] = child("own", folder, size_px, 2, "held")
        file = single_file(folder, work / f"{name}.safetensors")
        made["file"] = child("own", file, size_px, 2, "held")
        made["same_latents"] = made["folder"]["latents_sha256"] == made["file"]["latents_sha256"]
    _gone(work)
    return {f"rehearsal_{name}": made}


def _gone(work: Path) -> None:
    for path in sorted(work.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()


def main(args: argparse.Namespace) -> None:
    """Runs the parts asked for and keeps what they found."""
    if args.stored:
        print(stored("bench_families"))
        return
    parts = {"tiny": lambda _: small(args.rounds), "full": lambda w: full(w, args.size, args.rounds)}
    parts |= {name: partial(rehearsal, name=name, size_px=args.rehearsal_size) for name in REHEARSED}
    for name in [args.part] if args.part else parts:
        with tempfile.TemporaryDirectory(dir=args.work) as work:
            store("bench_families", parts[name](Path(work)), parts=(name,))
    print(stored("bench_families"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=("tiny", "full", *REHEARSED), help="all where it is left out")
    parser.add_argument("--stored", action="store_true", help="print the last result")
    parser.add_argument("--size", type=int, default=256, help="pixels of the full-size comparison")
    parser.add_argument("--rehearsal-size", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--work", default=None, help="folder for random models: 20 GB, for a while")
    main(parser.parse_args())
