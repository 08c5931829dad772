"""Programs that write their settings as named values (JSON, or a text chunk each): one table a program.

A table says which of the program's keys hold what; every key that no table names stays in `other`.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

from explorer.images.settings.claims import MAX_TEXT, AdapterClaim, Generation, Taken, number, others, text_of
from explorer.texts import say

Keys = dict[str, tuple[str, ...]]
_COMMON: Keys = {
    "prompt": ("prompt", "positive_prompt", "c"),
    "negative_prompt": ("negative_prompt", "negativeprompt", "uc", "negative"),
    "sampler": ("sampler", "sampler_name", "scheduler_name"),
    "schedule": ("scheduler", "noise_schedule", "schedule"),
    "seed": ("seed", "noise_seed"),
    "steps": ("steps", "num_inference_steps", "ddim_steps", "inference_steps"),
    "guidance": ("cfg_scale", "cfgscale", "guidance_scale", "cfg", "scale", "guidance"),
    "width": ("width", "W", "w"),
    "height": ("height", "H", "h"),
    "size": ("size", "resolution"),
    "strength": ("strength", "denoise"),
    "clip_skip": ("clip_skip",),
    "model_name": ("model", "base_model", "use_stable_diffusion_model", "model_name"),
    "model_hash": ("model_hash", "base_model_hash"),
    "version": ("version", "app_version"),
    "rescale": ("cfg_rescale", "cfg_rescale_multiplier"),
}
TABLES: dict[str, Keys] = {
    "Fooocus": {"schedule": ("scheduler",)},
    "SwarmUI": {
        "strength": ("initimagecreativity",),
        "subseed": ("variationseed",),
        "subseed_strength": ("variationseedstrength",),
        "clip_skip": (),
        "eta": (),
        "version": ("swarm_version",),
        "distilled_guidance": ("fluxguidancescale",),
        "batch_size": ("batchsize",),
    },
    "NovelAI": {"clip_skip": (), "model_name": (), "version": ("version",)},
    "Draw Things": {"schedule": (), "version": ()},
    "Easy Diffusion": {"schedule": ("scheduler_name", "scheduler"), "strength": ("prompt_strength",)},
    "DiffusionBee": {
        "width": ("img_width", "width"),
        "height": ("img_height", "height"),
        "strength": ("input_image_strength", "img_strength"),
    },
    "InvokeAI": {
        "schedule": (),
        "sampler": ("scheduler", "sampler"),
        "model_hash": ("model_hash",),
        "model_name": ("model_name", "model_weights"),
        "distilled_guidance": (),
    },
}
_OPTIONAL = ("subseed", "subseed_strength", "eta", "distilled_guidance", "batch_size")


def from_values(tool: str, values: dict[str, Any], *, named: tuple[str, ...] = ()) -> Generation:
    """The settings among `values` by the program's table; the rest under `other`."""
    keys = _COMMON | TABLES.get(tool, {})
    taken = Taken(values)
    pixels = taken.size(*keys["size"]) or (None, None)
    width, height = taken.whole(*keys["width"]), taken.whole(*keys["height"])
    if None not in (pixels[0], width) and pixels != (width, height):
        named = (*named, say("note.images.two_sizes_given", first_pixels=pixels[0], last_pixels=pixels[1],
                             width=width, height=height))
    made = Generation(
        tool=tool, prompt=taken.text(*keys["prompt"], limit=MAX_TEXT),
        negative_prompt=taken.text(*keys["negative_prompt"], limit=MAX_TEXT), sampler=taken.text(*keys["sampler"]),
        schedule=taken.text(*keys["schedule"]), seed=taken.whole(*keys["seed"]), steps=taken.whole(*keys["steps"]),
        guidance=taken.number(*keys["guidance"]), width_px=width or pixels[0], height_px=height or pixels[1],
        strength=taken.number(*keys["strength"]), clip_skip=taken.whole(*keys["clip_skip"]),
        rescale=taken.number(*keys["rescale"]), version=taken.text(*keys["version"]),
        model_name=taken.text(*keys["model_name"]), model_hash=taken.text(*keys["model_hash"]), named=named)
    extra = {
        k: (taken.whole if k in ("subseed", "batch_size") else taken.number)(*keys.get(k, ())) for k in _OPTIONAL
    }
    return replace(made, **extra, other=others(taken.left))


def from_fooocus(values: dict[str, Any]) -> Generation:
    """Fooocus and its kin (MRE, RuinedFooocus): the words that were sampled are the expanded ones."""
    values = dict(values)
    adapters = []
    for row in _rows(values, "loras"):
        if isinstance(row, list) and len(row) >= 2 and isinstance(row[0], str):
            adapters.append(AdapterClaim(row[0][:200], "lora", number(row[1]), hash=str(row[2])[:64] if len(row) > 2
                                         else ""))
    for key in [k for k in values if re.fullmatch(r"(lora|LoRA)[_ ]?\d*.*", k) and isinstance(values[k], str)]:
        name, _, weight = values.pop(key).partition(" : ")
        adapters.append(AdapterClaim(name.strip()[:200], "lora", number(weight)))
    software = str(values.pop("software", values.pop("metadata_scheme", "")) or "")
    made = from_values("Fooocus", values)
    made = replace(made, version=made.version or software[:100], adapters=tuple(adapters[:50]), start_image=False)
    full = values.get("full_prompt")
    if isinstance(full, list) and full and full != [made.prompt]:
        made = replace(
            made, named=(*made.named, say("note.images.expanded_prompts_sampled", full_count=len(full)))
        )
    return made


def from_swarm(values: dict[str, Any]) -> Generation:
    """SwarmUI: its parameters, LoRAs with their weights."""
    inner = values.get("sui_image_params")
    params = dict(inner) if isinstance(inner, dict) else {}
    names, weights = _rows(params, "loras"), _rows(params, "loraweights")
    rest = {k: v for k, v in values.items() if k not in ("sui_image_params", "sui_extra_data")}
    models = rest.pop("sui_models", None)
    params.pop("images", None) if params.get("images") == 1 else None
    made = from_values("SwarmUI", params | rest)
    adapters = [AdapterClaim(str(n)[:200], "lora", number(weights[i]) if i < len(weights) else 1.0)
                for i, n in enumerate(names[:50])]
    hashes = (
        {str(m.get("name")): str(m.get("hash", "")) for m in models or [] if isinstance(m, dict)}
        if isinstance(models, list)
        else {}
    )
    start = bool(params.get("initimage"))
    fitting = next((v for k, v in hashes.items() if k.rpartition(".")[0] in (made.model_name, k) or
                    k == made.model_name), "")
    return replace(made, adapters=tuple(adapters), start_image=start, model_hash=made.model_hash or fitting[:80])


def _rows(values: dict[str, Any], key: str) -> list[Any]:
    """A list that may be written as one text; taken out of `values`."""
    found = values.pop(key, None)
    if isinstance(found, str):
        return [p.strip() for p in found.split(",") if p.strip()]
    return found if isinstance(found, list) else []


def from_draw_things(values: dict[str, Any]) -> Generation:
    """Draw Things: the JSON in its XMP UserComment."""
    values = dict(values)
    inner = values.pop("v2", None)
    adapters = [AdapterClaim(str(r.get("model", r.get("file", "?")))[:200], "lora", number(r.get("weight")))
                for r in _rows(values, "lora")[:50] if isinstance(r, dict)]
    left = values if not isinstance(inner, dict) else values | {
        f"v2 {k}": v for k, v in inner.items() if k not in values and v not in (None, "", [], {}, 0, False)}
    made = from_values("Draw Things", left)
    return replace(made, adapters=tuple(adapters), start_image=None if (made.strength or 1) < 1 else False)


def from_novelai(comment: dict[str, Any], texts: dict[str, str]) -> Generation:
    """NovelAI: the Comment's JSON with Description (the prompt) and Source (the model) beside it."""
    values = dict(comment)
    prompt = texts.get("Description", "")
    own = values.get("prompt")
    if isinstance(own, str) and (not prompt or own.strip() == prompt.strip()):
        prompt = own
        del values["prompt"]
    request = str(values.pop("request_type", ""))
    for key in ("signed_hash", "n_samples") if values.get("n_samples", 1) == 1 else ("signed_hash",):
        values.pop(key, None)
    for key, text in (("v4_prompt", prompt), ("v4_negative_prompt", str(values.get("uc", "")))):
        if _says_the_same(values.get(key), text):
            del values[key]
    made = from_values("NovelAI", values)
    source = texts.get("Source", "")
    match = re.fullmatch(r"(.*?)\s+([A-F0-9]{6,16})", source)
    started = "img2img" in request.lower() or "inpaint" in request.lower() or (not request and "strength" in comment
                                                                               and "noise" in comment)
    if request and not started and "PromptGenerate" not in request:
        made = replace(made, named=(*made.named, say("note.images.kind_request", request=request[:60])))
    return replace(made, prompt=prompt[:MAX_TEXT], model_name=(match[1] if match else source)[:200],
                   model_hash=match[2] if match else "", start_image=started)


def _says_the_same(value: Any, text: str) -> bool:
    """Whether a version-4 prompt object holds nothing but the prompt."""
    caption = value.get("caption") if isinstance(value, dict) else None
    if not isinstance(caption, dict):
        return False
    return caption.get("base_caption") == text and not caption.get("char_captions")


def from_easy_diffusion(values: dict[str, Any]) -> Generation:
    """Easy Diffusion: a text chunk or a JSON key a setting; its names with and without spaces."""
    plain = {re.sub(r"\W+", "_", k.strip().lower()).strip("_"): v for k, v in values.items()}
    plain = {
        {
            "sampler": "sampler_name",
            "stable_diffusion_model": "use_stable_diffusion_model",
            "clip_skip": "clip_skip",
            "prompt_strength": "prompt_strength",
        }.get(k, k): v
        for k, v in plain.items()
    }
    skip = str(plain.pop("clip_skip", "")).lower()
    adapters = []
    names, weights = _either(plain.pop("use_lora_model", None)), _either(plain.pop("lora_alpha", None))
    for i, name in enumerate(names[:50]):
        adapters.append(AdapterClaim(str(name)[:200], "lora", number(weights[i]) if i < len(weights) else None))
    made = from_values("Easy Diffusion", plain)
    started = "init_image" in plain or "prompt_strength" in plain
    return replace(
        made, clip_skip=2 if skip in ("true", "1") else None, adapters=tuple(adapters), start_image=started
    )


def _either(value: Any) -> list[Any]:
    if isinstance(value, str) and value[:1] == "[":
        try:
            value = json.loads(value.replace("'", '"'))
        except (ValueError, RecursionError):
            return [value]
    if isinstance(value, str):
        return [p.strip() for p in value.split(",") if p.strip() not in ("", "None")]
    return value if isinstance(value, list) else [] if value is None else [value]


def from_diffusion_bee(values: dict[str, Any]) -> Generation:
    """DiffusionBee: its JSON of an image."""
    made = from_values("DiffusionBee", values)
    return replace(made, start_image="input_img" in values or "input_image_path" in values)


def named_json(text: str) -> dict[str, Any] | None:
    """A JSON object, also where quotes are Python's; None for anything else."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


__all__ = ["from_diffusion_bee", "from_draw_things", "from_easy_diffusion", "from_fooocus", "from_novelai",
           "from_swarm", "from_values", "named_json", "text_of"]
