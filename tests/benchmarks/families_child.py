"""One model in a process of its own: loads it, makes an image, prints what that took as JSON.

    python -m tests.benchmarks.families_child own|diffusers SOURCE SIDE_PX STEPS [PLACE]
"""

from __future__ import annotations

import hashlib
import json
import resource
import sys
import time
from typing import Any

import torch

PROMPT, GUIDANCE, SEED = "a red sailing boat on the sea", 5.0, 7


def own(source: str, side_px: int, steps: int, place: str) -> dict[str, Any]:
    """Through our loader and loop; PLACE "held" lets the plan believe that only narrow weights fit."""
    from explorer.diffusion import models
    from explorer.diffusion.sampling import sample
    from explorer.records import Recipe
    if place:
        whole = models.plan
        models.plan = lambda shape, **facts: _as(place, whole, shape, facts)
    began = time.perf_counter()
    model = models.load_model(source, device="cpu")
    loaded = time.perf_counter()
    sampler = "euler"
    image = sample(model, [Recipe(model.ref, PROMPT, SEED, steps, GUIDANCE, sampler, side_px, side_px)])[0]
    return {"loaded_s": loaded - began, "sampled_s": time.perf_counter() - loaded, "place": model.policy.place,
            "family": model.info.family, "precision": model.precision,
            "latents_sha256": hashlib.sha256(image.latents.tobytes()).hexdigest(),
            "finite": bool(torch.isfinite(torch.from_numpy(image.latents)).all())}


def _as(place: str, whole: Any, shape: Any, facts: dict[str, Any]) -> Any:
    first = whole(shape, **facts)
    return first if place == "device" else whole(shape, **facts | {
        "free_bytes": first.needed_bytes - first.weights_bytes / 4})


def diffusers(source: str, side_px: int, steps: int, place: str) -> dict[str, Any]:
    """Through diffusers alone, in the precision that ours takes."""
    from diffusers import DiffusionPipeline, EulerDiscreteScheduler
    began = time.perf_counter()
    pipe = DiffusionPipeline.from_pretrained(source, torch_dtype=torch.float32, local_files_only=True)
    pipe.set_progress_bar_config(disable=True)
    pipe.scheduler = EulerDiscreteScheduler.from_config(pipe.scheduler.config)
    loaded = time.perf_counter()
    pipe(PROMPT, num_inference_steps=steps, guidance_scale=GUIDANCE, width=side_px, height=side_px,
         generator=torch.Generator().manual_seed(SEED))
    return {"loaded_s": loaded - began, "sampled_s": time.perf_counter() - loaded}


def main(kind: str, source: str, side_px: str, steps: str, place: str = "") -> None:
    """Runs one of both and prints what it took."""
    torch.set_num_threads(int(torch.get_num_threads()))
    made = {"own": own, "diffusers": diffusers}[kind](source, int(side_px), int(steps), place)
    made["peak_rss_gb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(json.dumps(made))


if __name__ == "__main__":
    main(*sys.argv[1:])
