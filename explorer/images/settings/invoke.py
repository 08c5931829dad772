"""InvokeAI: its four ways of writing settings, from the command line of 1.x to the graph of 5."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from typing import Any

from explorer.images.settings.claims import AdapterClaim, Generation, number, text_of, whole
from explorer.images.settings.mapped import from_values, named_json
from explorer.texts import say

_NEGATIVE = re.compile(r"\[([^\[\]]*)\]")
_FLAGS = {"A": "sampler", "C": "cfg_scale", "s": "steps", "S": "seed", "W": "width", "H": "height", "f": "strength",
          "V": "variations", "I": "init_img", "U": "upscale", "G": "face restoration", "M": "mask", "n": "images",
          "v": "variation_amount", "F": "fit", "N": "hires_fix", "t": "seamless tiles", "T": "seamless"}
_LONG = {"sampler", "cfg_scale", "steps", "seed", "width", "height", "strength", "init_img", "threshold", "perlin",
         "seamless", "hires_fix", "iterations", "prompt"}
_MODES = ("txt2img", "sdxl_txt2img", "flux_txt2img", "sd3_txt2img", "cogview4_txt2img")


def from_metadata(text: str) -> Generation | None:
    """Version 3 and later: `invokeai_metadata`; 2.3's node form had the settings under "metadata"."""
    values = named_json(text)
    if values is None:
        return None
    if isinstance(values.get("metadata"), dict) and "positive_prompt" not in values:
        values = values["metadata"]
    values = dict(values)
    adapters = [_adapter(r) for r in values.pop("loras", None) or [] if isinstance(r, dict)]
    name, digest = _model(values.pop("model", None))
    mode = str(values.pop("generation_mode", "") or "")
    device = str(values.pop("rand_device", "") or "").lower()
    started = ("img2img" in mode or "inpaint" in mode or "outpaint" in mode or bool(values.get("init_image"))
               or "image" in values)
    named = [say("note.images.way_making", mode=mode[:60])] if mode and mode not in _MODES and not started else []
    skip = whole(values.pop("clip_skip", None))
    flow = name != "" and "cfg_scale" not in values and "guidance" in values
    distilled = number(values.pop("guidance", None)) if flow else None
    made = from_values("InvokeAI", values, named=tuple(named))
    return replace(made, adapters=tuple(adapters[:50]), model_name=made.model_name or name, start_image=started,
                   model_hash=made.model_hash or digest, noise={"cpu": "CPU", "cuda": "GPU"}.get(device, ""),
                   clip_skip=None if skip is None else skip + 1, distilled_guidance=distilled,
                   guidance=1.0 if flow and made.guidance is None else made.guidance)


def _adapter(row: dict[str, Any]) -> AdapterClaim:
    model = row.get("model", row.get("lora"))
    name, digest = _model(model)
    return AdapterClaim(name or "?", "lora", number(row.get("weight")), hash=digest)


def _model(value: Any) -> tuple[str, str]:
    if isinstance(value, dict):
        return (str(value.get("name") or value.get("model_name") or "")[:200], str(value.get("hash") or "")[:80])
    return (value[:200] if isinstance(value, str) else "", "")


def from_sd_metadata(text: str) -> Generation | None:
    """Version 2: `sd-metadata`, one object for the image inside one for the model."""
    outer = named_json(text)
    inner = outer.get("image") if outer else None
    if not isinstance(inner, dict):
        return None
    values = {k: v for k, v in outer.items() if k not in ("image", "model", "app_id")} | inner
    prompts = values.pop("prompt", "")
    kind = str(values.pop("type", "txt2img"))
    subseed, weight, named = _variations(values.pop("variations", None))
    rows = prompts if isinstance(prompts, list) else [{"prompt": prompts, "weight": 1}]
    rows = [r for r in rows if isinstance(r, dict)]
    words = [str(r.get("prompt", "")) for r in rows]
    if len(words) > 1 or any(number(r.get("weight", 1)) != 1 for r in rows):
        named.append(say("note.images.weighted_prompts_blended", words_count=len(words)))
    prompt, negative = _split(words[0] if words else "")
    for key in ("threshold", "perlin"):
        if number(values.get(key)) == 0:
            del values[key]
    made = from_values("InvokeAI", values, named=tuple(named))
    return replace(made, prompt=prompt, negative_prompt=made.negative_prompt or negative, subseed=subseed,
                   subseed_strength=weight, start_image=kind != "txt2img" or bool(values.get("init_image_path")))


def _split(prompt: str) -> tuple[str, str]:
    """(prompt, negative prompt): version 2 writes what is not wanted in square brackets."""
    negative = ", ".join(m.strip(" ,") for m in _NEGATIVE.findall(prompt) if m.strip(" ,"))
    return re.sub(r"\s+", " ", _NEGATIVE.sub("", prompt)).strip(" ,"), negative


def _variations(value: Any) -> tuple[int | None, float | None, list[str]]:
    """The first variation, and a sentence where there are more."""
    rows = value if isinstance(value, list) else []
    pairs = []
    for row in rows[:20]:
        seed, weight = (row.get("seed"), row.get("weight")) if isinstance(row, dict) else (
            row if isinstance(row, list) and len(row) == 2 else (None, None))
        pairs.append((whole(seed), number(weight)))
    if not pairs:
        return None, None, []
    named = [] if len(pairs) == 1 else [say("note.images.variations_laid", pairs_count=len(pairs))]
    return (*pairs[0], [*named, say("note.images.invokeai_mixes_variation")])


def from_dream(text: str) -> Generation | None:
    """Version 1: the command as it was typed, `"prompt" -s 30 -S 9 …`."""
    try:
        words = shlex.split(text)
    except ValueError:
        return None
    if not words:
        return None
    values: dict[str, Any] = {}
    loose, at = [], 1
    while at < len(words):
        word = words[at]
        name = _FLAGS.get(word[1:2]) if re.fullmatch(r"-[A-Za-z].*", word) else None
        if word.startswith("--"):
            key, _, value = word[2:].partition("=")
            known = key.replace("-", "_")
            follows = at + 1 < len(words) and not re.match(r"-[A-Za-z-]", words[at + 1])
            if not value and follows:
                value, at = words[at + 1], at + 1
            values[known if known in _LONG else key] = value or True
        elif name:
            rest = [word[2:]] if len(word) > 2 else []
            while at + 1 < len(words) and not re.match(r"-[A-Za-z-]", words[at + 1]):
                rest, at = [*rest, words[at + 1]], at + 1
            values[name] = " ".join(rest) or True
        else:
            loose.append(word)
        at += 1
    return _typed(words[0], values, loose)


def _typed(prompt: str, values: dict[str, Any], loose: list[str]) -> Generation:
    rows = [p.split(":") for p in str(values.pop("variations", "")).split(",") if ":" in p]
    subseed, weight, named = _variations([list(r) for r in rows])
    if loose:
        named.append(say("note.images.words_behind_command", loose=" ".join(loose)[:200]))
    if values.get("images") in ("1", True):
        del values["images"]
    words, negative = _split(prompt)
    started = True if values.get("init_img") else None if "strength" in values else False
    made = from_values("InvokeAI", values, named=tuple(named))
    return replace(made, prompt=text_of(words, 65_536), negative_prompt=negative, subseed=subseed,
                   subseed_strength=weight, start_image=started)
