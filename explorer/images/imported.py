"""A recipe from a file's own words: every part of them is used, known to be harmless, or named as not replayed."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any

from explorer.errors import ExplorerError
from explorer.images.metadata import AdapterClaim, Generation
from explorer.images.settings.harmless import grouped, says_nothing
from explorer.records import ModelRef, Recipe, Variation
from explorer.records.families import facts
from explorer.records.program_samplers import (
    BY_KEY,
    OFFERED_SCHEDULES,
    PROGRAM_LABELS,
    PROGRAMS,
    sampler_key,
    schedule_key,
    step_source,
)
from explorer.records.samplers import OWN_SAMPLER, offered, sampler_called
from explorer.texts import on_record, say

# How each program samples. What is not here is replayed as diffusers does it, and that is named.
PROGRAM_OF = {"AUTOMATIC1111": "a1111", "Forge": "a1111", "reForge": "a1111", "Civitai": "comfyui",
              "ComfyUI": "comfyui", "SwarmUI": "comfyui", "Fooocus": "comfyui", "InvokeAI": "invokeai",
              "Afterimage": "diffusers"}
_ROUNDING = ("Forge", "reForge")  # A1111's ways, with ComfyUI's whole timesteps
_LIKENED = {"Civitai": "civitai", "Fooocus": "fooocus", "NovelAI": "novelai", "Unknown": "unknown",
            **dict.fromkeys(("SD.Next", "Draw Things", "Easy Diffusion", "DiffusionBee"), "own_ways")}
_SOURCES = {"CPU": "torch-cpu", "GPU": "cuda-philox", "NV": "a1111-nv-philox"}  # as A1111 names them
_DRAWN = {"a1111": "GPU", "comfyui": "CPU", "invokeai": "CPU"}  # where the file does not say
_DIALECTS = {"a1111": "a1111", "comfyui": "comfyui"}
_EMPHASIS = {"": "a1111", "original": "a1111", "no norm": "a1111-no-norm", "ignore": "a1111-ignore",
             "none": "a1111-none"}
_TAG = re.compile(r"<(?:lora|lyco|hypernet):[^<>]*>", re.IGNORECASE)
_COMPEL = re.compile(r"[\w)][+-]{2,}|\)\d|\)[+-]|\.(?:and|blend|swap)\(")
_BRACES = re.compile(r"\{[^{}]*\}|\d::")


@dataclass
class _Building:
    """The recipe's values while they are put together, and the sentences on what it leaves out."""

    made: Generation
    model: ModelRef
    program: str
    named: list[str] = field(default_factory=list)
    config: dict[str, Any] = field(default_factory=dict)


@on_record
def recipe_from(generation: Generation, model: ModelRef, *, program: str = "") -> Recipe:
    """The recipe that `generation` describes, for `model`; ExplorerError if prompt, seed or steps lack.

    `program`, one of PROGRAMS, is in whose way it is to be sampled where that is not to follow from the file.

    `not_replayable` names each part that our sampler cannot repeat or that the file left open; whether
    the recipe really gives the image is only known after a replay.
    """
    lacking = [n for n, v in (("a prompt", generation.prompt or None), ("a seed", generation.seed),
                              (say("note.images.number_steps"), generation.steps)) if v is None]
    if lacking:
        reasons = "".join(f" {part[0].upper()}{part[1:]}." for part in generation.named if "node" in part)[:500]
        raise ExplorerError("images.imported_file_settings_lack_no", lacking=" and ".join(lacking), reasons=reasons)
    now = _Building(generation, model, program or _program(generation))
    if program and program != _program(generation):
        now.named.append(say("note.images.replayed_as", tool=generation.tool, program=PROGRAM_LABELS[program]))
    elif generation.tool in _LIKENED:
        now.named.append(say(f"note.likened.{_LIKENED[generation.tool]}", tool=generation.tool))
    scheduler = _scheduler(now)
    recipe = Recipe(
        model=model,
        prompt=_prompt(now, generation.prompt),
        negative_prompt=_prompt(now, generation.negative_prompt),
        seed=generation.seed,
        steps=generation.steps,
        scheduler=scheduler,
        guidance=_guidance(now),
        width_px=generation.width_px or 512,
        height_px=generation.height_px or 512,
        dialect=_dialect(now),
        clip_skip=_clip_skip(now),
        variation=_variation(now),
        noise_source=_noise(now),
        scheduler_config=now.config,
        eta=_eta(now, scheduler),
    )
    for rule in (_size, _start, _passes, _model, _adapters, _left):
        rule(now)
    return replace(recipe, not_replayable=tuple(dict.fromkeys([*now.named, *generation.named])))


def _program(generation: Generation) -> str:
    """The program whose ways are replayed; our own settings line names one."""
    own = generation.other.get("Program", "") if generation.tool == "Afterimage" else ""
    return own if own in PROGRAMS else PROGRAM_OF.get(generation.tool, "")


def _scheduler(now: _Building) -> str:
    """The sampler with its schedule; what it needs besides goes into `config`."""
    made = now.made
    known = facts(now.model.family)
    if not known.own_loop:  # which runs through its pipeline's own call
        given = " ".join(part for part in (made.sampler, made.schedule) if part)
        now.named.append(say("note.images.sampler_model_own", given=given[:80] or say("note.images.not_given")))
        return OWN_SAMPLER
    steppable = now.program in ("a1111", "comfyui") and not known.flow
    key = sampler_key(made.sampler) if steppable else None
    if steppable and now.program == "comfyui" and made.sampler.strip().lower() == "ddim":
        key = "k_euler"  # ComfyUI's "ddim" is its Euler
    if key is not None:
        now.config = {"program": now.program, "schedule": _schedule(now, key)}
        if made.tool in _ROUNDING:
            now.config["whole_steps"] = True
        source = step_source(now.program, key, on_card=made.sampler.lower().endswith("_gpu"))
        if source:
            now.config["step_noise"] = source
        if made.seed_delta and BY_KEY[key].step_noise == "gaussian":
            now.config["seed_delta"] = made.seed_delta
        return key
    name = made.sampler.strip()
    if now.program == "invokeai" and name.lower().endswith("_k"):
        name, now.config = name[:-2], {"use_karras_sigmas": True}
    found = sampler_called(name)
    if found not in offered(known.flow):
        found = None
    if found is None:
        given = made.sampler[:60] or say("note.images.not_given")
        now.named.append(say("note.images.sampler_euler_used", sampler=given))
    elif now.program not in ("invokeai", "diffusers"):
        now.named.append(say("note.images.sampler_replayed_diffusers", sampler=made.sampler[:60]))
    if made.schedule and found != "dpmpp_2m":
        now.named.append(say("note.images.schedule", schedule=made.schedule[:60]))
    elif made.schedule:
        wanted = schedule_key(made.schedule)
        now.config |= {"use_karras_sigmas": True} if wanted == "karras" else {}
        now.named += [] if wanted == "karras" else [say("note.images.schedule", schedule=made.schedule[:60])]
    return found or "euler"


def _schedule(now: _Building, key: str) -> str:
    """The schedule that the file names; the sampler's own where A1111 calls it automatic (since 1.9)."""
    name = now.made.schedule.strip()
    if now.program == "a1111" and name.lower() in ("automatic", ""):
        return (BY_KEY[key].a1111_schedule if name else "") or "normal"
    if not name:
        now.named.append(say("note.images.schedule_noise_levels"))
        return "normal"
    found = schedule_key(name)
    if found not in OFFERED_SCHEDULES:
        now.named.append(say("note.images.schedule_model_own", name=name[:60]))
        return "normal"
    return found


def _prompt(now: _Building, text: str) -> str:
    """The words without A1111's tags, which are no words to it either."""
    tagged = now.program == "a1111" and now.made.tool != "Afterimage"
    return _TAG.sub("", text) if tagged or now.made.tool in ("SD.Next", "Fooocus") else text


def _guidance(now: _Building) -> float:
    known = facts(now.model.family)
    if now.made.guidance is None:
        now.named.append(say("note.images.guidance_not_given", guidance=known.guidance))
    distilled = now.made.distilled_guidance
    if distilled is not None and known.guided_above is None:
        return distilled  # the network's own input; no second pass is taken
    if distilled is not None:
        now.named.append(say("note.images.distilled_guidance", guidance=distilled))
    if now.made.rescale:
        now.config["guidance_rescale"] = now.made.rescale
        if now.program not in ("comfyui", "invokeai"):
            now.named.append(say("note.images.cfg_rescale", rescale=now.made.rescale))
    if now.made.guidance is None:
        return known.guidance
    if known.guided_above == 0.0 and now.program in ("a1111", "comfyui"):  # counted from 0 where they count from 1
        return max(0.0, now.made.guidance - 1.0)
    return now.made.guidance


def _dialect(now: _Building) -> str:
    emphasis = now.made.emphasis.strip().lower()
    words = now.made.prompt + " " + now.made.negative_prompt
    if now.made.tool == "Afterimage" and now.made.other.get("Dialect"):
        return now.made.other["Dialect"][:40]
    if facts(now.model.family).flow:
        if re.search(r"[(\[]", words):
            now.named.append(say("note.images.brackets_prompt_weights"))
        return "plain"
    if now.program == "a1111" and emphasis in _EMPHASIS:
        return _EMPHASIS[emphasis]
    if emphasis:
        now.named.append(say("note.images.emphasis", emphasis=now.made.emphasis[:60]))
    if now.program in _DIALECTS:
        return _DIALECTS[now.program]
    if now.program == "invokeai" and _COMPEL.search(words):
        now.named.append(say("note.images.weights_prompt_invokeai"))
    elif now.made.tool == "NovelAI" and (_BRACES.search(words) or "[" in words):
        now.named.append(say("note.images.weights_prompt_novelai"))
    elif now.program == "" and re.search(r"[(\[]", words):
        now.named.append(say("note.images.brackets_prompt_may", tool=now.made.tool))
    return "plain"


def _clip_skip(now: _Building) -> int:
    """Layers skipped beyond the family's own; SD 2 and XL skip one by themselves and no more in A1111."""
    skip = now.made.clip_skip
    if now.made.tool == "Afterimage" and "Program" not in now.made.other:
        return skip or 0  # our line for diffusers' samplers counts the layers that are skipped
    if now.model.family == "sd1" or now.made.tool == "Afterimage":
        return max(0, (skip or 1) - 1)
    if now.program == "comfyui" and now.made.tool != "Fooocus" and skip not in (None, 2):
        now.named.append(say("note.images.clip_skip", skip=skip))
    return 0


def _variation(now: _Building) -> Variation | None:
    made = now.made
    if made.subseed is None or not made.subseed_strength:
        return None  # a variation of strength 0 is none
    if now.program in ("a1111", "diffusers") or made.tool == "Afterimage":
        return Variation(made.subseed, made.subseed_strength)
    now.named.append(say("note.images.variation_seed", subseed=made.subseed,
                         subseed_strength=made.subseed_strength))
    return None


def _noise(now: _Building) -> str:
    told = now.made.noise.strip().upper()
    if told and told not in _SOURCES:
        now.named.append(say("note.images.noise_drawn", noise=now.made.noise[:40]))
    elif not told and (now.program not in _DRAWN or now.made.tool == "Civitai"):
        now.named.append(say("note.images.where_noise_drawn"))
    if now.made.resized_from:
        if now.program == "a1111" or now.made.tool == "Afterimage":
            now.config["resized_from"] = list(now.made.resized_from)
        else:
            now.named.append(say("note.images.seed_resized",
                                 resized_from="x".join(map(str, now.made.resized_from))))
    return _SOURCES.get(told or _DRAWN.get(now.program, "CPU"), "torch-cpu")


def _eta(now: _Building, scheduler: str) -> float:
    eta = now.made.eta
    if eta is None:
        return 0.0
    known = BY_KEY.get(scheduler)
    if known is not None and known.takes_eta:
        now.config["eta"] = eta
    elif scheduler == "ddim":
        return eta
    elif known is None or known.step_noise:
        now.named.append(f"eta {eta:g}")
    return 0.0


def _size(now: _Building) -> None:
    if now.made.width_px is None or now.made.height_px is None:
        now.named.append(say("note.images.size_not_given"))


def _start(now: _Building) -> None:
    """A starting image, and what looks like one and is none."""
    made = now.made
    if made.start_image:
        now.named.append(say("note.images.starting_image_used"))
    elif made.strength is not None and 0 < made.strength < 1:
        if made.start_image is None:
            now.named.append(
                say("note.images.denoising_strength_given", strength=made.strength)
            )
        else:
            now.named.append(say("note.images.denoising_strength_second", strength=made.strength))


def _passes(now: _Building) -> None:
    made = now.made
    if made.first_step:
        now.named.append(say("note.images.pass_began_step", first_step=made.first_step, steps=made.steps))
    if made.last_step is not None:
        now.named.append(say("note.images.pass_ended_step", last_step=made.last_step, steps=made.steps))
    if not made.added_noise:
        now.named.append(say("note.images.pass_added_no"))
    if (made.batch_size or 1) > 1 and now.program == "a1111":  # where each picture of a batch has its own seed
        now.named.append(say("note.images.batch_size", batch_size=made.batch_size))
    elif (made.batch_size or 1) > 1:
        now.named.append(
            say("note.images.batch_size_2", batch_size=made.batch_size)
        )
    if any(k.lower().startswith(("hires", "refiner", "controlnet")) and not says_nothing(k, v)
           for k, v in made.other.items()):
        now.named.append(say("note.images.second_pass_upscaling"))


def _model(now: _Building) -> None:
    made = now.made
    digest = f" ({made.model_hash[:80]})" if made.model_hash and made.model_name else made.model_hash[:80]
    named = made.model_name[:80] + digest
    if named and not _by_fingerprint(now):
        now.named.append(say("note.images.file_names_model", named=named))


def _adapters(now: _Building) -> None:
    """LoRAs and textual inversions that the file names and the model in use does not have at that weight, and those
    that it has and the file does not name."""
    for claim in now.made.adapters:
        if not any(_same(claim, a.name, a.sha256, a.weight) for a in now.model.adapters):
            weight = "" if claim.weight is None else say("note.images.at_weight", weight=claim.weight)
            apart = claim.text_weight is not None and claim.text_weight != claim.weight
            text = say("note.images.text_encoder", text_weight=claim.text_weight) if apart else ""
            kind = {"lora": "LoRA"}.get(claim.kind, claim.kind.replace("-", " "))
            now.named.append(say("note.images.not_added_model", kind=kind, claim_name=claim.name[:80],
                                 weight=weight, text=text))
    if _by_fingerprint(now):
        return
    for adapter in now.model.adapters:
        if not any(_same(claim, adapter.name, adapter.sha256, adapter.weight) for claim in now.made.adapters):
            now.named.append(say("note.images.other_adapter", name=adapter.name[:80], weight=adapter.weight))


def _by_fingerprint(now: _Building) -> bool:
    """Whether the file names the model in use by our own fingerprint, which is over its adapters as well."""
    return bool(now.made.model_hash) and now.model.fingerprint.startswith(now.made.model_hash.lower())


def _same(claim: AdapterClaim, name: str, sha256: str, weight: float) -> bool:
    """By hash where the file gives one, else by name; and at the same weight."""
    if claim.text_weight is not None and claim.text_weight != claim.weight:
        return False
    stem = claim.name.replace("\\", "/").rpartition("/")[2].removesuffix(".safetensors").lower()
    by_name = name.removesuffix(".safetensors").lower() == stem
    by_hash = len(claim.hash) >= 8 and sha256.startswith(claim.hash.lower())
    return (by_hash or by_name) and (claim.weight is None or abs(claim.weight - weight) < 1e-6)


def _left(now: _Building) -> None:
    """Named by default: whatever of the file no rule above has taken and is not known to be harmless."""
    ours = ("Program", "Dialect", "Init image hash") if now.made.tool == "Afterimage" else ()
    left = {k: v for k, v in now.made.other.items() if k not in ours and not says_nothing(k, v)}
    now.named += grouped(left)


__all__ = ["PROGRAM_OF", "recipe_from"]
