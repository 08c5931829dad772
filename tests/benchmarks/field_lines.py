"""Settings lines with their truth, as every dialect of A1111's form writes them, around hostile prompts."""

from __future__ import annotations

import json
import random
import re
from dataclasses import dataclass, field
from typing import Any

from explorer.images.settings.a1111 import from_text
from explorer.images.settings.a1111_line import quoted
from explorer.images.settings.claims import Generation

WORDS = (
    "a fox",
    "(red:1.3)",
    "[old|new]",
    'sign reading "Steps: 5, Seed: 6"',
    "Negative prompt: none",
    "BREAK",
    "Steps: 3, Sampler: none, Seed: 5, CFG scale: 1, Size: 8x8",
    "狐, 月",
    "häßlich",
    "a\\(b\\)",
    "Seed: 1",
    '{"prompt": "x"}',
    "<lora:ink:0.8>",
    "C:\\path\\x",
    "100% of it",
    "Template",
    'ends with quote"',
    "'",
    ",",
    "Size: 64x64",
    "Model: y",
    "Version: v1.0",
    "tab\there",
    "emoji 🦊",
    "AND",
    "::",
    '"',
    "Steps: many",
)
BREAKS = (", ", " ", "\n", "\n\n", ",", "\n \n")
SAMPLERS = ("Euler a", "Euler", "DPM++ 2M", "DPM++ SDE", "DPM++ 2M SDE", "DDIM", "UniPC", "LMS", "Heun", "DPM2 a",
            "DPM adaptive", "Restart")
SCHEDULES = ("Automatic", "Karras", "Exponential", "SGM Uniform", "Simple", "Beta", "Normal", "DDIM")
EXTENSIONS = (
    "ADetailer model",
    "ADetailer prompt",
    "Hires prompt",
    "Hires negative prompt",
    "Wildcard prompt",
    "ENSD",
    "ControlNet 0",
    "Tiled Diffusion",
    "FreeU Stages",
    "Some Extension 2nd",
    "X-Y/Z plot",
    "Styles",
    "Regional Prompter Active",
    "Dynamic thresholding enabled",
    "Mask blur",
    "NGMS",
    "TI",
    "VAE",
    "Refiner",
)
DIALECTS = ("A1111 1.0", "A1111 1.6", "A1111 1.10", "Forge", "reForge", "SD.Next", "Civitai", "Fooocus")
# Where a reader may stumble and must then say so: the words that its sentence has.
DOUBTS = {"prompt": ("“Negative prompt:”", "more than one line", "on one line"), "negative_prompt":
          ("“Negative prompt:”", "more than one line", "on one line")}


@dataclass(frozen=True)
class Line:
    """A text with what it says: fields of a Generation, and keys of extensions with their values."""

    dialect: str
    text: str
    truth: dict[str, Any]
    extensions: dict[str, str] = field(default_factory=dict)


def words(dice: random.Random, most: int = 6) -> str:
    """A hostile prompt; never with blanks at its ends, which every program cuts off."""
    made = dice.choice(WORDS)
    for _ in range(dice.randrange(most)):
        made += dice.choice(BREAKS) + dice.choice(WORDS)
    return made.strip()


def line(dice: random.Random) -> Line:
    """One text of a random dialect."""
    dialect = dice.choice(DIALECTS)
    prompt, negative = words(dice), words(dice, 4) if dice.random() < 0.7 else ""
    if not negative:  # the mark at a line's start is the mark: no reader can tell such words from it
        prompt = re.sub(r"(?m)^(\s*)Negative prompt:", r"\1(Negative prompt:)", prompt)
    truth: dict[str, Any] = {"prompt": prompt, "negative_prompt": negative}
    pairs = _core(dice, dialect, truth)
    extensions = {k: _value(dice) for k in dice.sample(EXTENSIONS, dice.randrange(5))}
    extensions.pop("ENSD", None)
    pairs += [(k, quoted(v)) for k, v in extensions.items()]
    pairs += _tail(dice, dialect, truth)
    mark = f"\nNegative prompt: {negative}" if negative or dialect == "SD.Next" else ""
    text = f"{prompt}{mark}\n" + ", ".join(f"{k}: {v}" for k, v in pairs)
    if dialect.startswith("A1111") and dice.random() < 0.15:
        text += f"\n\nTemplate: {words(dice)}\nNegative Template: {words(dice, 3)}"
    elif dice.random() < 0.1:
        text += '\nControlNet 1: "Module: canny, Seed: 9"\nused embeddings: foo [ab12]'
    if dice.random() < 0.1:
        text = text.replace("\n", "\r\n")
    for key in ("TI", "Refiner", "VAE"):
        extensions.pop(key, None)  # taken or named in ways of their own
    return Line(dialect, text.strip(), truth, extensions)


def _value(dice: random.Random) -> str:
    return dice.choice((words(dice, 3), "True", "0.35", "face_yolov8n.pt", "a: b", "x, Seed: 3, Steps: 9", "1",
                        "line\nbreak, Seed: 4", '"quoted"', "trailing, ", "C:\\x, y")).strip() or "1"


def _core(dice: random.Random, dialect: str, truth: dict[str, Any]) -> list[tuple[str, Any]]:
    sampler, schedule = dice.choice(SAMPLERS), ""
    truth |= {"steps": dice.randint(1, 150), "seed": dice.randrange(2 ** dice.choice((16, 32, 63))),
              "guidance": round(dice.uniform(1, 20), 1), "width_px": 8 * dice.randint(32, 256),
              "height_px": 8 * dice.randint(32, 256)}
    shown = sampler
    if dialect in ("A1111 1.10", "Forge", "reForge"):
        schedule = dice.choice(SCHEDULES)
    elif dialect in ("A1111 1.0", "A1111 1.6", "Civitai") and dice.random() < 0.4:
        schedule = dice.choice(("Karras", "Exponential"))
        shown = f"{sampler} {schedule}"
    truth |= {"sampler": sampler, "schedule": schedule}
    size = f"{truth['width_px']}x{truth['height_px']}"
    pairs: list[tuple[str, Any]] = [("Steps", truth["steps"])]
    if dialect == "SD.Next":
        pairs += [("Size", size), ("Sampler", shown), ("Seed", truth["seed"]), ("CFG scale", truth["guidance"])]
    elif dialect == "Fooocus":
        pairs += [("Sampler", shown), ("Seed", truth["seed"]), ("Size", size), ("CFG scale", truth["guidance"])]
    else:
        pairs += [("Sampler", shown)]
        pairs += [("Schedule type", schedule)] if schedule and shown == sampler else []
        pairs += [("CFG scale", truth["guidance"]), ("Seed", truth["seed"]), ("Size", size)]
    if dialect != "A1111 1.0" and dice.random() < 0.8:
        truth["model_name"] = dice.choice(("mix", "dream XL 8", "C:mix", "v1-5-pruned"))
        truth["model_hash"] = f"{dice.randrange(16 ** 10):010x}"
        pairs += [("Model hash", truth["model_hash"]), ("Model", quoted(truth["model_name"]))]
    return pairs


def _tail(dice: random.Random, dialect: str, truth: dict[str, Any]) -> list[tuple[str, Any]]:
    pairs: list[tuple[str, Any]] = []
    chance = dice.random
    if chance() < 0.3:
        truth["clip_skip"] = dice.randint(1, 4)
        pairs.append(("Clip skip", truth["clip_skip"]))
    if chance() < 0.2 and dialect != "Civitai":
        truth |= {"subseed": dice.randrange(2 ** 32), "subseed_strength": round(chance(), 2)}
        pairs += [("Variation seed", truth["subseed"]), ("Variation seed strength", truth["subseed_strength"])]
    if chance() < 0.2:
        truth["strength"] = round(chance(), 2)
        pairs += [("Denoising strength", truth["strength"]), ("Hires upscale", 2)] if chance() < 0.5 else [
            ("Denoising strength", truth["strength"])]
    if chance() < 0.2 and dialect.startswith("A1111"):
        truth |= {"seed_delta": 31337, "noise": dice.choice(("CPU", "NV"))}
        pairs += [("ENSD", 31337), ("RNG", truth["noise"])]
    if dialect == "Civitai":
        rows = [
            {"type": "checkpoint", "modelName": "Dream, XL", "modelVersionId": 5},
            {"type": "lora", "weight": 0.8, "modelName": 'Ink: "style"'},
        ]
        pairs += [("Created Date", "2024-11-05T0417:32.4409876Z"), ("Civitai resources", json.dumps(rows)),
                  ("Civitai metadata", "{}")]
    version = {"A1111 1.6": "v1.6.0", "A1111 1.10": "v1.10.1", "Forge": "f2.0.1v1.10.1", "reForge":
               "reForge 1.2.3", "SD.Next": "900264a", "Fooocus": "Fooocus v2.5.0"}.get(dialect)
    pairs += [("App", "SD.Next")] if dialect == "SD.Next" else []
    return pairs + ([("Version", version)] if version else [])


def wrong(one: Line) -> list[str]:
    """Fields whose value is not the truth and that no sentence names."""
    made = from_text(one.text)
    if made is None:
        return ["nothing was read"]
    found = [name for name, value in one.truth.items() if not _said(made, name, value)]
    found += [key for key, value in one.extensions.items() if not _kept(made, key, value)]
    return found


def _said(made: Generation, name: str, value: Any) -> bool:
    got = getattr(made, name)
    if got == value or (isinstance(value, str) and got == value.strip()):
        return True
    return any(mark in part for mark in DOUBTS.get(name, ()) for part in made.named)


def _kept(made: Generation, key: str, value: str) -> bool:
    """An extension's value is there under its key (as adapters it may be in a field of its own)."""
    return made.other.get(key, "").strip() == value.strip() or not value.strip()
