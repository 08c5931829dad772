"""Picture files as other programs than A1111 and ComfyUI write them, with their truth, in every container."""

from __future__ import annotations

import gzip
import io
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image, PngImagePlugin

from tests.benchmarks.field_lines import words

SIZE = 96


@dataclass
class File:
    """A picture's bytes, what they say, and what must be named of it."""

    program: str
    data: bytes
    truth: dict[str, Any]
    named: list[str] = field(default_factory=list)


def png(texts: dict[str, str], dice: random.Random, *, image: Image.Image | None = None) -> bytes:
    """Text chunks of all three kinds."""
    out, info = io.BytesIO(), PngImagePlugin.PngInfo()
    for key, text in texts.items():
        kind = dice.choice(("tEXt", "zTXt", "iTXt"))
        if kind == "iTXt" or not text.isascii():
            info.add_itxt(key, text, zip=dice.random() < 0.5)
        else:
            info.add_text(key, text, zip=kind == "zTXt")
    (image or Image.new("RGB", (SIZE, SIZE), "grey")).save(out, "PNG", pnginfo=info)
    return out.getvalue()


def exif(text: str, dice: random.Random) -> bytes:
    """A JPEG, WebP, AVIF or TIFF whose UserComment is in any encoding and byte order that carries the text."""
    options = [
        b"UNICODE\0" + text.encode("utf-16-be"),
        b"UNICODE\0" + text.encode("utf-16-le"),
        b"UNICODE\0" + b"\xff\xfe" + text.encode("utf-16-le"),
        b"UNICODE\0" + b"\xfe\xff" + text.encode("utf-16-be"),
        b"UNICODE\0" + text.encode(),
        b"\0" * 8 + text.encode(),
        b"ASCII\0\0\0" + text.encode(),
        text.encode(),
    ]
    if text.isascii():
        options.append(b"JIS\0\0\0\0\0" + text.encode("iso2022_jp"))
    block = Image.Exif()
    block.get_ifd(0x8769)[0x9286] = dice.choice(options)
    out = io.BytesIO()
    Image.new("RGB", (SIZE, SIZE), "grey").save(
        out, dice.choice(("JPEG", "WEBP", "AVIF", "TIFF")), exif=block.tobytes()
    )  # an Exif without main fields counts as none
    return out.getvalue()


def comment(text: str, dice: random.Random) -> bytes:
    """A GIF's comment."""
    out = io.BytesIO()
    Image.new("P", (SIZE, SIZE)).save(out, "GIF", comment=text.encode())
    return out.getvalue()


def stealth(text: str, dice: random.Random) -> bytes:
    """Text in the lowest bits of the alpha channel or of the colours, packed or not."""
    alpha, packed = dice.random() < 0.6, dice.random() < 0.7
    mark = f"stealth_{'png' if alpha else 'rgb'}{'comp' if packed else 'info'}".encode()
    body = gzip.compress(text.encode()) if packed else text.encode()
    bits = np.unpackbits(np.frombuffer(mark + (8 * len(body)).to_bytes(4, "big") + body, np.uint8))
    side = SIZE
    while side * side * (1 if alpha else 3) < len(bits):
        side += 32
    pixels = np.random.default_rng(dice.randrange(2**32)).integers(
        0, 256, (side, side, 4 if alpha else 3), np.uint8
    )
    if alpha:
        pixels[:, :, 3] = 255
        column = pixels[:, :, 3].T.reshape(-1)
        column[: len(bits)] = column[: len(bits)] & 0xFE | bits
        pixels[:, :, 3] = column.reshape(side, side).T
    else:
        column = pixels.transpose(1, 0, 2).reshape(-1)
        column[: len(bits)] = column[: len(bits)] & 0xFE | bits
        pixels = column.reshape(side, side, 3).transpose(1, 0, 2)
    out = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(out, "PNG")
    return out.getvalue()


def common(dice: random.Random) -> dict[str, Any]:
    """What every program says."""
    return {
        "prompt": words(dice),
        "negative_prompt": words(dice, 3),
        "seed": dice.randrange(2**32),
        "steps": dice.randint(1, 60),
        "guidance": round(dice.uniform(1, 15), 2),
        "width_px": 64 * dice.randint(4, 20),
        "height_px": 64 * dice.randint(4, 20),
    }


def invoke(dice: random.Random) -> File:
    """Versions 3 to 5."""
    truth = common(dice) | {
        "sampler": dice.choice(("euler", "euler_a", "dpmpp_2m_k", "unipc", "ddim")),
        "model_name": "dreamy",
        "clip_skip": 2,
        "noise": "CPU",
    }
    value = {
        "generation_mode": "txt2img",
        "positive_prompt": truth["prompt"],
        "negative_prompt": truth["negative_prompt"],
        "width": truth["width_px"],
        "height": truth["height_px"],
        "seed": truth["seed"],
        "rand_device": "cpu",
        "cfg_scale": truth["guidance"],
        "steps": truth["steps"],
        "scheduler": truth["sampler"],
        "clip_skip": 1,
        "model": {"name": "dreamy", "hash": "blake3:00", "base": "sd-1"},
        "loras": [{"model": {"name": "ink"}, "weight": 0.75}],
        "new_thing": 5,
        "vae": None,
        "app_version": "5.1",
    }
    return File("InvokeAI", png({"invokeai_metadata": json.dumps(value)}, dice), truth, ["ink", "new_thing"])


def invoke_old(dice: random.Random) -> File:
    """Version 2's object, or version 1's command."""
    truth = common(dice) | {"sampler": "k_euler_a", "subseed": 3, "subseed_strength": 0.2}
    truth |= {"prompt": "a tree, in autumn", "negative_prompt": "fog, mist"}
    text = f"{truth['prompt']} [{truth['negative_prompt']}]"
    if dice.random() < 0.5:
        command = (
            f'"{text}" -s {truth["steps"]} -S {truth["seed"]} -W {truth["width_px"]} -H {truth["height_px"]} '
            f"-C {truth['guidance']} -A k_euler_a -V 3:0.2 --seamless"
        )
        return File("InvokeAI", png({"Dream": command}, dice), truth, ["variation", "seamless"])
    inner = {
        "prompt": [{"prompt": text, "weight": 1}],
        "steps": truth["steps"],
        "cfg_scale": truth["guidance"],
        "height": truth["height_px"],
        "width": truth["width_px"],
        "seed": truth["seed"],
        "seamless": True,
        "type": "txt2img",
        "sampler": "k_euler_a",
        "variations": [{"seed": 3, "weight": 0.2}],
        "perlin": 0.1,
    }
    value = {"model": "stable diffusion", "model_weights": "sd-1.4", "app_version": "2.2.4", "image": inner}
    return File(
        "InvokeAI", png({"sd-metadata": json.dumps(value)}, dice), truth, ["variation", "seamless", "perlin"]
    )


def novelai(dice: random.Random) -> File:
    """Plain chunks, or the same hidden in the pixels."""
    truth = common(dice) | {
        "sampler": "k_euler_ancestral",
        "schedule": "karras",
        "model_hash": "37442FCA",
        "start_image": False,
        "rescale": 0.2,
    }
    value = {
        "prompt": truth["prompt"],
        "steps": truth["steps"],
        "height": truth["height_px"],
        "width": truth["width_px"],
        "scale": truth["guidance"],
        "uncond_scale": 0.0,
        "cfg_rescale": 0.2,
        "seed": truth["seed"],
        "n_samples": 1,
        "noise_schedule": "karras",
        "sampler": "k_euler_ancestral",
        "sm": True,
        "request_type": "PromptGenerateRequest",
        "uc": truth["negative_prompt"],
        "signed_hash": "x",
    }
    texts = {
        "Title": "NovelAI generated image",
        "Description": truth["prompt"],
        "Software": "NovelAI",
        "Source": "NovelAI Diffusion V4 37442FCA",
        "Comment": json.dumps(value),
    }
    hidden = dice.random() < 0.5
    return File(
        "NovelAI", stealth(json.dumps(texts), dice) if hidden else png(texts, dice), truth, ["sm", "karras"]
    )


def fooocus(dice: random.Random) -> File:
    """The JSON scheme, in PNG or in EXIF."""
    truth = common(dice) | {
        "sampler": "dpmpp_2m_sde_gpu",
        "schedule": "karras",
        "model_name": "jugg",
        "model_hash": "aeb7e9e689",
    }
    value = {
        "base_model": "jugg",
        "base_model_hash": "aeb7e9e689",
        "guidance_scale": truth["guidance"],
        "metadata_scheme": "fooocus",
        "negative_prompt": truth["negative_prompt"],
        "prompt": truth["prompt"],
        "resolution": f"({truth['width_px']}, {truth['height_px']})",
        "sampler": truth["sampler"],
        "scheduler": "karras",
        "seed": str(truth["seed"]),
        "sharpness": 2,
        "steps": truth["steps"],
        "version": "Fooocus v2.5.0",
        "loras": [["offset.safetensors", 0.1, "4852686128"]],
        "styles": "['V2']",
    }
    text = json.dumps(value)
    data = exif(text, dice) if dice.random() < 0.5 else png({"parameters": text, "fooocus_scheme": "fooocus"}, dice)
    return File("Fooocus", data, truth, ["offset", "sharpness"])


def swarm(dice: random.Random) -> File:
    truth = common(dice) | {"sampler": "dpmpp_2m", "schedule": "karras", "model_name": "mix"}
    value = {
        "sui_image_params": {
            "prompt": truth["prompt"],
            "negativeprompt": truth["negative_prompt"],
            "model": "mix",
            "images": 1,
            "seed": truth["seed"],
            "steps": truth["steps"],
            "cfgscale": truth["guidance"],
            "aspectratio": "1:1",
            "width": truth["width_px"],
            "height": truth["height_px"],
            "sampler": "dpmpp_2m",
            "scheduler": "karras",
            "loras": ["ink"],
            "loraweights": ["0.6"],
            "refinerupscale": 2.0,
            "swarm_version": "0.9.2",
        },
        "sui_extra_data": {"date": "2024-09-28"},
    }
    text = json.dumps(value)
    data = exif(text, dice) if dice.random() < 0.5 else png({"parameters": text}, dice)
    return File("SwarmUI", data, truth, ["ink", "refinerupscale"])


def draw_things(dice: random.Random) -> File:
    truth = common(dice) | {"sampler": "DDIM", "model_name": "sd.ckpt"}
    value = {
        "c": truth["prompt"],
        "uc": truth["negative_prompt"],
        "steps": truth["steps"],
        "sampler": "DDIM",
        "scale": truth["guidance"],
        "seed": truth["seed"],
        "size": f"{truth['width_px']}x{truth['height_px']}",
        "model": "sd.ckpt",
        "strength": 1,
        "lora": [{"model": "ink", "weight": 0.5}],
        "sharpness": 0.4,
    }
    from xml.sax.saxutils import escape

    xmp = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:exif="http://ns.adobe.com/exif/1.0/" '
        'xmlns:xmp="http://ns.adobe.com/xap/1.0/"><xmp:CreatorTool>Draw Things</xmp:CreatorTool><exif:UserComment>'
        f'<rdf:Alt><rdf:li xml:lang="x-default">{escape(json.dumps(value))}</rdf:li></rdf:Alt></exif:UserComment>'
        "</rdf:Description></rdf:RDF></x:xmpmeta>"
    )
    return File("Draw Things", png({"XML:com.adobe.xmp": xmp}, dice), truth, ["ink", "sharpness"])


def easy_diffusion(dice: random.Random) -> File:
    truth = common(dice) | {"sampler": "euler_a", "model_name": "sd-v1-5", "clip_skip": 2}
    value = {
        "prompt": truth["prompt"],
        "seed": truth["seed"],
        "use_stable_diffusion_model": "sd-v1-5",
        "negative_prompt": truth["negative_prompt"],
        "num_inference_steps": truth["steps"],
        "guidance_scale": truth["guidance"],
        "width": truth["width_px"],
        "height": truth["height_px"],
        "sampler_name": "euler_a",
        "clip_skip": True,
        "use_lora_model": "ink",
        "lora_alpha": "0.5",
        "tiling": "xy",
    }
    if dice.random() < 0.5:
        return File("Easy Diffusion", exif(json.dumps(value), dice), truth, ["ink", "tiling"])
    return File("Easy Diffusion", png({k: str(v) for k, v in value.items()}, dice), truth, ["ink", "tiling"])


def diffusion_bee(dice: random.Random) -> File:
    truth = common(dice) | {"sampler": "ddim"}
    value = {
        "prompt": truth["prompt"],
        "negative_prompt": truth["negative_prompt"],
        "seed": truth["seed"],
        "ddim_steps": truth["steps"],
        "scale": truth["guidance"],
        "img_width": truth["width_px"],
        "img_height": truth["height_px"],
        "sampler": "ddim",
        "num_imgs": 1,
        "applied_filter": "sepia",
    }
    return File("DiffusionBee", png({"parameters": json.dumps(value)}, dice), truth, ["applied_filter"])


PROGRAMS: tuple[Callable[[random.Random], File], ...] = (
    invoke,
    invoke_old,
    novelai,
    fooocus,
    swarm,
    draw_things,
    easy_diffusion,
    diffusion_bee,
)
