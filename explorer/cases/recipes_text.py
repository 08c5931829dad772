"""A recipe as JSON, as an A1111-style parameter line, and as text inside a PNG."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from explorer.errors import ExplorerError
from explorer.images.settings.a1111_line import written
from explorer.records import RECIPE_SCHEMA, Recipe, from_json
from explorer.records.canonical import canonical, read
from explorer.records.program_samplers import BY_KEY

KEYWORD = "afterimage recipe"  # our text chunk; "parameters" is A1111's
SIGNATURE = b"\x89PNG\r\n\x1a\n"
SAMPLERS = {"euler": "Euler", "euler_a": "Euler a", "ddim": "DDIM", "dpmpp_2m": "DPM++ 2M", "pndm": "PLMS"}
NOISE = {"torch-cpu": "CPU", "cuda-philox": "GPU", "a1111-nv-philox": "NV"}


def recipe_json(recipe: Recipe) -> str:
    """The recipe as canonical JSON: everything that is needed to replay it."""
    return canonical(recipe).decode()


def recipe_from_json(text: str | bytes) -> Recipe:
    """The recipe behind its JSON; ExplorerError if it is none, or of a later schema."""
    try:
        value = read(text)
        schema = value["schema"]
        if isinstance(schema, int) and schema > RECIPE_SCHEMA:
            raise ExplorerError("cases.recipes_text_schema", schema=schema, recipe_schema=RECIPE_SCHEMA)
        return from_json(Recipe, value)
    except (ValueError, TypeError, KeyError, RecursionError, AttributeError) as error:
        raise ExplorerError("cases.recipes_text_not", error=error) from error


def parameter_line(recipe: Recipe, *, model_name: str = "") -> str:
    """The recipe as A1111 writes it; what that form cannot say is only in the JSON.

    Pictures in packages carry this line, and a check makes it anew: the form for diffusers' samplers stays as it
    is, byte for byte. Recipes in another program's way are written with two keys more, "Dialect" and "Program".
    """
    if recipe.scheduler in BY_KEY or "guidance_rescale" in recipe.scheduler_config:
        return _programs_line(recipe, model_name)
    parts = {"Steps": recipe.steps, "Sampler": SAMPLERS.get(recipe.scheduler, recipe.scheduler),
             "CFG scale": f"{recipe.guidance:g}", "Seed": recipe.seed,
             "Size": f"{recipe.width_px}x{recipe.height_px}", "Model hash": recipe.model.fingerprint[:10]}
    if model_name:
        parts["Model"] = model_name.replace(",", " ")
    if recipe.variation is not None:
        parts |= {"Variation seed": recipe.variation.subseed,
                  "Variation seed strength": f"{recipe.variation.strength:g}"}
    if recipe.strength is not None:
        parts["Denoising strength"] = f"{recipe.strength:g}"
    if recipe.clip_skip:
        parts["Clip skip"] = recipe.clip_skip
    if recipe.eta:
        parts["Eta"] = f"{recipe.eta:g}"
    parts |= {"RNG": NOISE.get(recipe.noise_source, recipe.noise_source), "Version": "afterimage"}
    negative = f"\nNegative prompt: {recipe.negative_prompt}" if recipe.negative_prompt else ""
    return f"{recipe.prompt}{negative}\n" + ", ".join(f"{k}: {v}" for k, v in parts.items())


def _programs_line(recipe: Recipe, model_name: str) -> str:
    """A recipe in a k-diffusion program's way, or with guidance brought back, in the same form."""
    config = recipe.scheduler_config
    sampler = BY_KEY[recipe.scheduler].label if recipe.scheduler in BY_KEY else recipe.scheduler
    parts = {"Steps": recipe.steps, "Sampler": SAMPLERS.get(recipe.scheduler, sampler)}
    if config.get("schedule"):
        parts["Schedule type"] = config["schedule"]
    parts |= {"CFG scale": f"{recipe.guidance:.12g}", "Seed": recipe.seed,
              "Size": f"{recipe.width_px}x{recipe.height_px}", "Model hash": recipe.model.fingerprint[:10]}
    if model_name:
        parts["Model"] = model_name
    if recipe.variation is not None:
        parts |= {"Variation seed": recipe.variation.subseed,
                  "Variation seed strength": f"{recipe.variation.strength:.12g}"}
    if recipe.strength is not None:
        parts |= {"Denoising strength": f"{recipe.strength:.12g}", "Init image hash": recipe.start_sha256 or ""}
    if recipe.clip_skip:
        parts["Clip skip"] = recipe.clip_skip + 1  # A1111 counts the last layer as 1
    named = {
        "Eta": config.get("eta"),
        "ENSD": config.get("seed_delta"),
        "CFG rescale": config.get("guidance_rescale"),
        "Seed resize from": "x".join(map(str, config.get("resized_from", ()))),
    }
    parts |= {k: f"{v:.12g}" if isinstance(v, float) else v for k, v in named.items() if v not in (None, "", 0)
              or (k == "Eta" and v == 0)}
    parts |= {"RNG": NOISE.get(recipe.noise_source, recipe.noise_source), "Dialect": recipe.dialect,
              "Program": config.get("program", "diffusers"), "Version": "afterimage"}
    return written(recipe.prompt, recipe.negative_prompt, parts)


def png_with_recipe(png: bytes, recipe: Recipe) -> bytes:
    """The PNG with the recipe as text in both forms; its pixel data stay byte for byte as they were."""
    end = 8 + 12 + struct.unpack(">I", png[8:12])[0]
    if png[:8] != SIGNATURE or png[12:16] != b"IHDR":
        raise ValueError("not a PNG")
    texts = _text_chunk("parameters", parameter_line(recipe)) + _text_chunk(KEYWORD, recipe_json(recipe))
    return png[:end] + texts + png[end:]


def recipe_from_png(png: bytes) -> Recipe | None:
    """The recipe that `png_with_recipe` put in; None without one; ExplorerError if it is damaged."""
    for kind, body in _chunks(png):
        name, _, rest = body.partition(b"\0")
        if kind == b"iTXt" and name == KEYWORD.encode():
            return recipe_from_json(rest[4:])  # no compression, no language, no translated keyword
    return None


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 8 if png[:8] == SIGNATURE else len(png)
    while at + 12 <= len(png):
        length = struct.unpack(">I", png[at:at + 4])[0]
        yield png[at + 4:at + 8], png[at + 8:at + 8 + length]
        at += 12 + length


def _text_chunk(keyword: str, text: str) -> bytes:
    """tEXt where Latin-1 suffices for A1111's line, else iTXt; our own is always iTXt."""
    try:
        plain = text.encode("latin-1") if keyword != KEYWORD else None
    except UnicodeEncodeError:
        plain = None
    if plain is not None:
        return _chunk(b"tEXt", keyword.encode() + b"\0" + plain)
    return _chunk(b"iTXt", keyword.encode() + b"\0\0\0\0\0" + text.encode())


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


__all__ = ["parameter_line", "png_with_recipe", "recipe_from_json", "recipe_from_png", "recipe_json"]
