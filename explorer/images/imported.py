"""A recipe from a file's own words, with the parts that cannot be replayed named one by one."""

from __future__ import annotations

from explorer.errors import ExplorerError
from explorer.images.metadata import Generation
from explorer.records import ModelRef, Recipe, Variation

_SCHEDULERS = {"euler": "euler", "euler_a": "euler_a", "euler_ancestral": "euler_a", "ddim": "ddim",
               "dpm++_2m": "dpmpp_2m", "dpmpp_2m": "dpmpp_2m", "dpm_plus_plus_2m": "dpmpp_2m",
               "plms": "pndm", "pndm": "pndm", "k_euler": "euler", "k_euler_a": "euler_a"}
_NOISE = {"CPU": "torch-cpu", "GPU": "cuda-philox", "NV": "a1111-nv-philox"}  # as A1111 names them
_DIALECTS = {"AUTOMATIC1111": "a1111", "ComfyUI": "comfyui", "InvokeAI": "compel"}


def recipe_from(generation: Generation, model: ModelRef) -> Recipe:
    """The recipe that `generation` describes, for `model`; ExplorerError if prompt, seed or steps lack.

    `not_replayable` names each part that our sampler cannot repeat or that the file left open; whether
    the recipe really gives the image is only known after a replay.
    """
    missing = [n for n, v in (("a prompt", generation.prompt or None), ("a seed", generation.seed),
                              ("the number of steps", generation.steps)) if v is None]
    if missing:
        raise ExplorerError("images.imported_file_settings_lack", missing=" and ".join(missing))
    scheduler = _SCHEDULERS.get(generation.sampler.strip().lower().replace(" ", "_"))
    img2img = generation.strength is not None and generation.strength < 1.0
    return Recipe(
        model=model, prompt=generation.prompt, negative_prompt=generation.negative_prompt,
        seed=generation.seed, steps=generation.steps, scheduler=scheduler or "euler",
        guidance=7.5 if generation.guidance is None else generation.guidance,
        width_px=generation.width_px or 512, height_px=generation.height_px or 512,
        dialect=_DIALECTS.get(generation.tool, "plain"), clip_skip=max(0, (generation.clip_skip or 1) - 1),
        variation=_variation(generation), noise_source=_NOISE.get(_drawn(generation), "torch-cpu"),
        not_replayable=tuple(_open_parts(generation, model, scheduler=scheduler, img2img=img2img)))


def _drawn(generation: Generation) -> str:
    """Where the file says that the noise was drawn; "" where it says nothing."""
    return next((v.strip().upper() for k, v in generation.other.items() if k.lower() == "rng"), "")


def _variation(generation: Generation) -> Variation | None:
    if generation.subseed is None or not generation.subseed_strength:
        return None
    return Variation(generation.subseed, generation.subseed_strength)


def _open_parts(generation: Generation, model: ModelRef, *, scheduler: str | None,
                img2img: bool) -> list[str]:
    parts = []
    if scheduler is None:
        parts.append(f"sampler {generation.sampler[:60] or '(not given)'}: Euler is used instead")
    if img2img:
        parts.append("a starting image was used and is not in the file")
    if generation.guidance is None:
        parts.append("guidance not given: 7.5 is used")
    if generation.width_px is None or generation.height_px is None:
        parts.append("size not given: 512 × 512 is used")
    if generation.tool in ("AUTOMATIC1111", "ComfyUI") and _drawn(generation) not in _NOISE:
        parts.append("where the noise was drawn (CPU or GPU) is not given: the CPU's is used")
    named = generation.model_hash or generation.model_name
    if named and not (generation.model_hash and model.fingerprint.startswith(generation.model_hash.lower())):
        parts.append(f"the file names the model {named[:80]}: whether that is the loaded one is not known")
    if "<lora:" in generation.prompt.lower():
        parts.append("a LoRA is named in the prompt and is not loaded by it")
    if any(k.lower().startswith(("hires", "refiner", "controlnet")) for k in generation.other):
        parts.append("a second pass (upscaling, refiner or control) was used and is left out")
    return parts


__all__ = ["recipe_from"]
