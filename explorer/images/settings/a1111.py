"""A1111's settings, and those of every program that writes the same line, as a `Generation`."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

from explorer.images.settings.a1111_line import SettingsLine, decimal_comma, take_apart
from explorer.images.settings.claims import MAX_TEXT, AdapterClaim, Generation, Taken, others
from explorer.texts import say

_TAG = re.compile(r"<(lora|lyco|hypernet):([^:<>]+)(?::([^:<>]*))?(?::([^<>]*))?>")
_SCHEDULES = ("Karras", "Exponential", "Polyexponential", "SGM Uniform", "SGMUniform")
_HASHED = re.compile(r"\s*(.+?)\s*:\s*([0-9A-Fa-f]{6,64})(?:\s*:\s*(-?[\d.]+))?\s*$")
_FORGE = re.compile(r"\s*f\d")


def from_text(text: str, *, tool: str = "") -> Generation | None:
    """The settings in A1111's form; None if the text has no line of settings. `tool` wins over what it says."""
    parts = take_apart(text)
    if parts is None:
        return None
    taken = Taken(_by_lower(parts))
    named = [*parts.doubts, *_after(parts)]
    version = taken.text("version")
    tool = tool or _tool(version, parts.pairs)
    sampler, schedule = _sampler(taken, named)
    pixels = taken.size("size") or (None, None)
    first = taken.size("first pass size")
    if first is not None:  # up to 1.4: "Size" is the second pass's
        named.append(say("note.images.picture_enlarged_x", first_pixels=pixels[0], last_pixels=pixels[1]))
        pixels = first
    adapters = _adapters(parts.prompt, taken)
    made = Generation(
        tool=tool, prompt=parts.prompt[:MAX_TEXT], negative_prompt=parts.negative[:MAX_TEXT], sampler=sampler,
        schedule=schedule, seed=taken.whole("seed"), steps=taken.whole("steps"), guidance=_guidance(taken, named),
        width_px=pixels[0], height_px=pixels[1],
        strength=taken.number("denoising strength", "denoising", "strength", "img2img strength"),
        subseed=taken.whole("variation seed"), subseed_strength=taken.number("variation seed strength"),
        resized_from=taken.size("seed resize from") or (), clip_skip=taken.whole("clip skip"),
        eta=taken.number("eta"), seed_delta=taken.whole("ensd"), noise=taken.text("rng").strip().upper(),
        emphasis=taken.text("emphasis", "token merging emphasis"),
        rescale=taken.number("cfg rescale", "cfg rescale φ", "cfg rescale phi", "rescale cfg"),
        distilled_guidance=taken.number("distilled cfg scale"), batch_size=taken.whole("batch size"),
        version=version, model_name=taken.text("model"), model_hash=taken.text("model hash"),
        adapters=adapters, named=tuple(named), other={})
    return _finish(made, taken, parts)


def _finish(made: Generation, taken: Taken, parts: SettingsLine) -> Generation:
    """Keys get their own spelling back; whether the pass began from a picture is drawn from what stands there."""
    spelling = {k.lower(): k for k in parts.pairs}
    other = others({spelling.get(k, k): v for k, v in taken.left.items()})
    return replace(made, other=other, start_image=_started(made, taken.left))


def _started(made: Generation, left: dict[str, Any]) -> bool | None:
    """Denoising strength is written for a second pass and by the API too: only what needs a picture proves one."""
    if any(k.startswith(("hires", "first pass", "hr ")) for k in left):
        return False
    if any(k.startswith(("mask", "inpaint", "conditional mask", "image cfg", "init image")) for k in left):
        return True
    if made.strength is None:
        return False
    return False if made.strength == 0 else None


def _by_lower(parts: SettingsLine) -> dict[str, str]:
    made: dict[str, str] = {}
    for key, value in parts.pairs.items():
        made.setdefault(key.lower(), value)
    return made


def _after(parts: SettingsLine) -> list[str]:
    """Lines behind the settings: a dynamic prompt's template is where the prompt came from, others are named."""
    named, template = [], False
    for line in parts.after:
        template = template or bool(re.match(r"\s*(Negative )?Template:", line))
        if not template:
            named.append(say("note.images.line_behind_settings", line=line.strip()[:200]))
    return named


def _tool(version: str, pairs: dict[str, str]) -> str:
    app = pairs.get("App", "")
    if app.replace(".", "").replace(" ", "").upper().startswith("SDNEXT") or "Backend" in pairs or (
            "Operations" in pairs and "Parser" in pairs):
        return "SD.Next"
    if "reforge" in (version + app).lower():
        return "reForge"
    if _FORGE.match(version) or "forge" in (version + app).lower():
        return "Forge"
    if version.lower().startswith("fooocus"):
        return "Fooocus"
    if "Civitai resources" in pairs or "Civitai metadata" in pairs:
        return "Civitai"
    if version.strip() == "ComfyUI":
        return "ComfyUI"
    if version.strip() == "afterimage":
        return "Afterimage"
    return "AUTOMATIC1111"


def _sampler(taken: Taken, named: list[str]) -> tuple[str, str]:
    """(sampler, schedule): the schedule is a key of its own, or the end of the sampler's name."""
    name = taken.text("sampler").strip()
    schedule = taken.text("schedule type", "scheduler").strip()
    for ending in _SCHEDULES:
        if name.lower().endswith(" " + ending.lower()):
            short = name[:-len(ending)].strip()
            if schedule and schedule.lower() not in (ending.lower(), "automatic"):
                named.append(say("note.images.sampler_called_schedule", name=name[:60], schedule=schedule[:40]))
            return short, ending
    return name, schedule


def _guidance(taken: Taken, named: list[str]) -> float | None:
    for key in ("cfg scale", "guidance scale"):
        value = taken.left.get(key)
        if isinstance(value, str) and decimal_comma(value) != value:
            named.append(say("note.images.written_read_decimal", key=key, value=value[:20]))
            taken.left[key] = decimal_comma(value)
    return taken.number("cfg scale", "guidance scale", "cfg")


def _adapters(prompt: str, taken: Taken) -> tuple[AdapterClaim, ...]:
    """LoRAs and hypernetworks of the prompt's tags and the hash lists; textual inversions by their hashes."""
    hashes = _hashes(taken.text("lora hashes")) | _hash_json(taken, "lora")
    found = []
    for kind, name, weight, text_weight in _TAG.findall(prompt):
        known = hashes.pop(name, ("", None))
        numbers = [_number(w) for w in (weight, text_weight)]
        found.append(AdapterClaim(name, "hypernetwork" if kind == "hypernet" else "lora",
                                  1.0 if numbers[0] is None else numbers[0], numbers[1], known[0]))
    found += [AdapterClaim(name, "lora", weight, hash=value) for name, (value, weight) in hashes.items()]
    embeddings = _hashes(taken.text("ti hashes")) | _hash_json(taken, "embed")
    found += [AdapterClaim(name, "textual-inversion", hash=value) for name, (value, _) in embeddings.items()]
    found += [
        AdapterClaim(name.strip(), "textual-inversion") for name in taken.text("ti").split(",") if name.strip()
    ]
    return (*found, *_civitai(taken))[:50]


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _hashes(text: str) -> dict[str, tuple[str, float | None]]:
    """"name: hash, name: hash", Fooocus' with a weight behind each."""
    found = {}
    for piece in text.split(","):
        match = _HASHED.match(piece)
        if match:
            found[match[1]] = (match[2], _number(match[3] or ""))
    return found


def _hash_json(taken: Taken, kind: str) -> dict[str, tuple[str, float | None]]:
    """`Hashes: {"model": "…", "lora:ink": "…", "embed:neg": "…"}`."""
    value = taken.left.get("hashes")
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return {}
        taken.left["hashes"] = value
    if not isinstance(value, dict):
        return {}
    found = {k: v for k, v in value.items() if isinstance(v, str) and k.split(":")[0].lower() == kind}
    for key in found:
        del value[key]
    if kind == "embed":
        if isinstance(value.get("model"), str) and not taken.left.get("model hash"):
            taken.left["model hash"] = value["model"]
        value.pop("model", None)
    return {k.partition(":")[2]: (v, None) for k, v in found.items()}


def _civitai(taken: Taken) -> list[AdapterClaim]:
    """`Civitai resources`: what the site's generator loaded; its checkpoint is the model."""
    text = taken.left.get("civitai resources")
    try:
        rows = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return []
    if not isinstance(rows, list) or not all(isinstance(r, dict) for r in rows):
        return []
    found, rest = [], []
    for row in rows[:50]:
        kind = str(row.get("type", "")).lower()
        name = " ".join(str(row[k]) for k in ("modelName", "modelVersionName") if row.get(k))
        name = name or say("note.images.model_version_civitai", modelVersionId=row.get("modelVersionId", "?"))
        if kind == "checkpoint" and not taken.left.get("model"):
            taken.left["model"] = name
        elif kind in ("lora", "locon", "lycoris", "dora"):
            found.append(AdapterClaim(name, "lora", _weight(row)))
        elif kind in ("embed", "embedding", "textualinversion"):
            found.append(AdapterClaim(name, "textual-inversion", _weight(row)))
        elif kind != "checkpoint" or name != taken.left.get("model"):
            rest.append(row)
    taken.left["civitai resources"] = rest
    return found


def _weight(row: dict[str, Any]) -> float | None:
    value = row.get("weight")
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
