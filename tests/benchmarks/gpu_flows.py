"""Flow families at full size with random weights: images a second beside what the bare network would give."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import torch

from explorer.diffusion.memory import MemoryPolicy, settle
from explorer.diffusion.models import Model, model_from_pipeline
from explorer.diffusion.published_flows import FLOWS
from explorer.diffusion.sampling import Batch, sample
from explorer.records import ModelInfo, Recipe
from explorer.records.families import facts

PIPELINES = {"sd3": "StableDiffusion3Pipeline", "flux": "FluxPipeline", "schnell": "FluxPipeline",
             "qwen": "QwenImagePipeline", "zimage": "ZImagePipeline", "chroma": "ChromaPipeline",
             "klein": "Flux2KleinPipeline"}
PROMPT_TOKENS = 100  # of families whose texts are as long as they are


def build(family: str, device: str, *, rows: dict[str, Any] | None = None) -> Any:
    """A pipeline of random bfloat16 weights, without text encoders; `rows` replace the published configurations."""
    import diffusers
    rows = rows or FLOWS[family]
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16)
    try:
        with torch.device(device):
            network, vae = (getattr(diffusers, rows[role]["_class_name"]).from_config(rows[role])
                            for role in ("transformer", "vae"))
    finally:
        torch.set_default_dtype(before)
    kind = getattr(diffusers, PIPELINES[family])
    scheduler = diffusers.FlowMatchEulerDiscreteScheduler.from_config(rows["scheduler"])
    empty = dict.fromkeys(kind._get_signature_types())
    return kind(**empty | {"transformer": network, "vae": vae, "scheduler": scheduler})


def texts(pipe: Any, family: str, device: str, dtype: torch.dtype) -> dict[str, Any]:
    """Random encodings of a prompt, of the shapes that the family's encoders give."""
    config, tokens = pipe.transformer.config, facts(family).tokens

    def text(length: int, width: int) -> torch.Tensor:
        return torch.randn(1, length, width, device=device, dtype=dtype)
    if family == "zimage":
        return {"encoder_hidden_states": text(PROMPT_TOKENS, config.cap_feat_dim)}
    if family == "qwen":
        return {"encoder_hidden_states": text(PROMPT_TOKENS, config.joint_attention_dim)}
    found = {"encoder_hidden_states": text(tokens + 77 * (family == "sd3"), config.joint_attention_dim)}
    if family in ("sd3", "flux", "schnell"):
        found["pooled_projections"] = torch.randn(1, config.pooled_projection_dim, device=device, dtype=dtype)
    if family in ("flux", "schnell", "chroma"):
        found["txt_ids"] = torch.zeros(tokens, 3, device=device, dtype=dtype)
    if family == "chroma":
        found["attention_mask"] = torch.ones(1, tokens, device=device, dtype=dtype)
    if family == "klein":
        found["txt_ids"] = pipe._prepare_text_ids(found["encoder_hidden_states"]).to(device)
    return found


def loaded(family: str, device: str, *, steps: int, place: str = "device", compiled: bool = False,
           rows: dict[str, Any] | None = None, size_px: int = 1024) -> Model:
    """A model of it, held on the device or part by part, its network compiled where asked."""
    pipe = build(family, device if place == "device" else "cpu", rows=rows)
    pipe.set_progress_bar_config(disable=True)
    if place != "device":
        settle(pipe, MemoryPolicy("bfloat16", place, 1, 1, "", ()), torch.device(device))
    if compiled:
        pipe.transformer.compile_repeated_blocks()
    info = ModelInfo("random", family, family, "0" * 64, "", 0, size_px, steps, facts(family).guidance)
    policy = MemoryPolicy("bfloat16", place, 8, 8, "", ())
    model = model_from_pipeline(pipe, info, device=device, policy=policy)
    given = texts(pipe, family, device, torch.bfloat16)
    model.family.remembered = lambda key, make: given
    return model


def recipes(model: Model, count: int) -> list[Recipe]:
    """As many recipes of the model's own settings."""
    info = model.info
    return [Recipe(model.ref, "a boat", seed, info.default_steps, info.default_guidance, "euler",
                   info.default_size_px, info.default_size_px, precision="bfloat16") for seed in range(count)]


def bare(model: Model, count: int) -> Callable[[], None]:
    """The same network calls and the same decoding, with nothing around them: no loop can be faster."""
    batch = Batch(model, recipes(model, count))
    family, steps = model.family, len(batch.timesteps)
    words = batch._words_now(batch.guided)

    @torch.inference_mode()
    def run() -> None:
        for _ in range(steps):
            family.predict(batch.latents, batch.timesteps[0], words)
        family.pixels(family.raw_of(batch.latents).to(family.dtype))
    return run


def rate(run: Callable[[], Any], images: int, device: str, turns: int = 2) -> tuple[float, float]:
    """(images a second, peak GB on a card) of the best of some turns after a warm one."""
    card = device == "cuda"
    run()
    if card:
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
    best = float("inf")
    for _ in range(turns):
        began = time.perf_counter()
        run()
        if card:
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - began)
    return images / best, torch.cuda.max_memory_allocated() / 1e9 if card else 0.0


def sweep(model: Model, batches: Sequence[int], device: str) -> dict[str, dict[str, float]]:
    """Batch size -> ours, the limit beside it, the share of it, and the peak of memory; until memory runs out."""
    found: dict[str, dict[str, float]] = {}
    for count in batches:
        wanted = recipes(model, count)
        try:
            ours, peak = rate(lambda w=wanted: sample(model, w), count, device)
            limit, _ = rate(bare(model, count), count, device)
        except torch.OutOfMemoryError:
            found[str(count)] = {"out_of_memory": 1.0}
            break
        found[str(count)] = {"images_per_s": round(ours, 4), "limit_images_per_s": round(limit, 4),
                             "share_of_limit": round(ours / limit, 3), "peak_gb": round(peak, 2)}
        print(model.info.family, count, found[str(count)], flush=True)
    return found
