"""Full-size models with random weights on a CUDA card: Stable Diffusion 1.5 and XL against plain diffusers, and the
flow families against the bare network.

    python tests/benchmarks/bench_gpu.py [--steps 50] [--images 16] [--compile] [--flows sd3 zimage …] [--no-noise]
                                          [--store]
    python tests/benchmarks/bench_gpu.py --stored

For Stable Diffusion the limit is what the card's matrix product and an H100's floor allow. `flows` {family: {way:
{batch: {"images_per_s", "limit_images_per_s", "share_of_limit", "peak_gb"}}}} is in bfloat16, the ways "plain",
"compiled" and "offload": the limit is the same network calls and decoding with nothing around them.
The networks are built from their published configurations, so nothing is downloaded and the arithmetic is that
of the real models. Without CUDA it says so, prints its keys as null and stops. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import torch

from tests.benchmarks.stored import add_options, conclude, stored

KEYS = ("device", "sd15_images_per_s", "sd15_speedup_over_diffusers", "sd15_share_of_floor",
        "sdxl_images_per_s", "sdxl_speedup_over_diffusers", "matmul_tflops", "flows")
# Arithmetic of one network evaluation and one decode at the model's own size, in GMAC.
UNET_GMAC, DECODE_GMAC = {"sd1": 401.6, "sdxl": 2990.0}, {"sd1": 1257.0, "sdxl": 5030.0}
FLOOR_H100_S = 2.03e-3  # a guided step of Stable Diffusion 1.5 at 512 × 512 cannot be shorter on an H100


def build(family: str, device: str) -> Any:
    """A pipeline of random half-precision weights, made on the card."""
    import diffusers
    import transformers

    from explorer.diffusion.published import CONFIGS, write_tokenizer
    configs = CONFIGS[family]
    with torch.device(device):
        before = torch.get_default_dtype()
        torch.set_default_dtype(torch.float16)
        parts = {"unet": diffusers.UNet2DConditionModel.from_config(configs["unet"]),
                 "vae": diffusers.AutoencoderKL.from_config(configs["vae"])}
        for name in (n for n in configs if n.startswith("text_encoder")):
            kind = getattr(transformers, configs[name]["architectures"][0])
            parts[name] = kind(transformers.CLIPTextConfig(**configs[name]))
        torch.set_default_dtype(before)
    scheduler = getattr(diffusers, configs["scheduler"]["_class_name"]).from_config(configs["scheduler"])
    with tempfile.TemporaryDirectory() as folder:
        write_tokenizer(Path(folder), pad="<|endoftext|>")
        tokenizer = transformers.CLIPTokenizer.from_pretrained(folder)
    parts |= {"scheduler": scheduler, "tokenizer": tokenizer}
    if family == "sdxl":
        return diffusers.StableDiffusionXLPipeline(**parts, tokenizer_2=tokenizer, add_watermarker=False)
    return diffusers.StableDiffusionPipeline(**parts, safety_checker=None, feature_extractor=None,
                                             requires_safety_checker=False)


def matmul_tflops(device: str, size: int = 8192, turns: int = 50) -> float:
    """The half-precision matrix product's measured peak, in TFLOP/s."""
    a, b = (torch.randn(size, size, device=device, dtype=torch.float16) for _ in range(2))
    for _ in range(10):
        a @ b
    torch.cuda.synchronize()
    began = time.perf_counter()
    for _ in range(turns):
        a @ b
    torch.cuda.synchronize()
    return 2 * size ** 3 * turns / (time.perf_counter() - began) / 1e12


def rate(run: Any, images: int) -> tuple[float, float]:
    """(images a second, peak GB) of the better of two runs after a warm one."""
    run(), torch.cuda.synchronize(), torch.cuda.reset_peak_memory_stats()
    best = float("inf")
    for _ in range(2):
        began = time.perf_counter()
        run(), torch.cuda.synchronize()
        best = min(best, time.perf_counter() - began)
    return images / best, torch.cuda.max_memory_allocated() / 1e9


def compare(family: str, args: argparse.Namespace) -> dict[str, Any]:
    """Ours and diffusers at every batch size; the best of each."""
    from diffusers.models.attention_processor import AttnProcessor2_0

    from explorer.diffusion.families.shared_text import install
    from explorer.diffusion.models import model_from_pipeline
    from explorer.diffusion.sampling import sample
    from explorer.diffusion.schedulers import build_scheduler
    from explorer.records import ModelInfo, Recipe
    size = 512 if family == "sd1" else 1024
    pipe = build(family, "cuda")
    pipe.set_progress_bar_config(disable=True)
    pipe.vae.to(torch.float16)
    pipe.vae.register_to_config(force_upcast=False)  # random weights overflow in no precision
    pipe.unet.to(memory_format=torch.channels_last)
    if args.compile:
        pipe.unet = torch.compile(pipe.unet, mode="max-autotune-no-cudagraphs")
    model = model_from_pipeline(pipe, ModelInfo("random", "random", family, "0" * 64, "", 0, size, args.steps,
                                                7.5), device="cuda")
    found: dict[str, dict[int, tuple[float, float]]] = {"ours": {}, "diffusers": {}}
    for batch in (b for b in (1, 2, 4, 8, 16) if b <= args.images):
        wanted = [Recipe(model.ref, "a boat", seed, args.steps, 7.5, "euler", size, size, precision="float16")
                  for seed in range(batch)]
        install(pipe.unet)
        found["ours"][batch] = rate(lambda w=wanted: sample(model, w), batch)
        for attention in model.family.attentions:
            attention.set_processor(AttnProcessor2_0())
        pipe.scheduler = build_scheduler("euler", model.scheduler_config)
        found["diffusers"][batch] = rate(
            lambda b=batch: pipe(["a boat"] * b, num_inference_steps=args.steps, guidance_scale=7.5, width=size,
                                 height=size, generator=[torch.Generator().manual_seed(s) for s in range(b)]),
            batch)
        print(f"{family} {size}, batch {batch}: " + ", ".join(
            f"{n} {r[batch][0]:.2f} images/s at {r[batch][1]:.1f} GB" for n, r in found.items()), flush=True)
    best = {name: max(v for v, _ in rates.values()) for name, rates in found.items()}
    return {"ours": best["ours"], "diffusers": best["diffusers"],
            "tflops": best["ours"] * 2e-3 * (2 * args.steps * UNET_GMAC[family] + DECODE_GMAC[family])}


def main(args: argparse.Namespace) -> None:
    if not torch.cuda.is_available():
        print("There is no CUDA here, so nothing was measured.")
        print(json.dumps(dict.fromkeys(KEYS)))
        return
    peak = matmul_tflops("cuda")
    print(f"{torch.cuda.get_device_name()}: {peak:.0f} TFLOP/s in half-precision matrix products", flush=True)
    found = {"flows": {name: flow(name, args) for name in args.flows}}
    if not args.no_noise:
        found |= noise(args, peak)
    conclude("bench_gpu", found | {"device": torch.cuda.get_device_name(), "matmul_tflops": round(peak, 1)}, args)


def flow(name: str, args: argparse.Namespace) -> dict[str, Any]:
    """A flow family: batches on the card, the same compiled, and one image with the parts taking turns."""
    from tests.benchmarks.gpu_flows import loaded, sweep
    batches = [b for b in (1, 2, 4, 8, 16) if b <= args.images]
    found = {}
    for way, more, counts in (("plain", {}, batches), ("compiled", {"compiled": True}, batches[:1] + batches[-1:]),
                              ("offload", {"place": "parts"}, [1])):
        if way != "compiled" or args.compile:
            found[way] = sweep(loaded(name, "cuda", steps=args.steps, **more), counts, "cuda")
            torch.cuda.empty_cache()
    return found


def noise(args: argparse.Namespace, peak: float) -> dict[str, Any]:
    """Stable Diffusion 1.5 and XL against diffusers."""
    small = compare("sd1", args)
    torch.cuda.empty_cache()
    large = compare("sdxl", args)
    return {
        "sd15_images_per_s": round(small["ours"], 3),
        "sd15_speedup_over_diffusers": round(small["ours"] / small["diffusers"], 3),
        "sd15_share_of_floor": round(FLOOR_H100_S * args.steps * small["ours"], 3),
        "sdxl_images_per_s": round(large["ours"], 3),
        "sdxl_speedup_over_diffusers": round(large["ours"] / large["diffusers"], 3),
        "sd15_share_of_matmul": round(small["tflops"] / peak, 3),
        "sdxl_share_of_matmul": round(large["tflops"] / peak, 3), "steps": args.steps}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--images", type=int, default=16, help="largest batch")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--flows", nargs="*", default=["sd3", "zimage", "flux", "chroma", "klein", "qwen"])
    parser.add_argument("--no-noise", action="store_true", help="the flow families alone")
    add_options(parser)
    given = parser.parse_args()
    print(stored("bench_gpu")) if given.stored else main(given)
